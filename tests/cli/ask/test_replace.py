"""``netshare take-over``."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred, fail, succeed

from netshare.cli.ask import replace
from netshare.cli.exits import Exit
from netshare.control.commands import TakeOverRefused
from tests.cli.ask.test_client import Asking


@pytest.mark.parametrize(
    ("json_wanted", "expected"),
    [(False, "process 4711 is the service now"), (True, json.dumps({"pid": 4711}))],
)
def test_the_new_process(
    json_wanted: bool,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is shown, for people or programs."""
    asking = Asking()
    asking.shared.desk.replace = lambda: succeed(4711)

    async def connect(*_: Any) -> Any:
        return asking.client

    monkeypatch.setattr(replace.ServiceClient, "connect", connect)
    options = argparse.Namespace(control=None, service_user=None, json=json_wanted)
    ended = ensureDeferred(replace.run(asking.reactor, options))
    asking.link.flush()
    codes: list[int] = []
    ended.addCallback(codes.append)
    assert codes == [Exit.OK]
    assert capsys.readouterr().out.strip() == expected
    asking.link.lose()
    asking.reactor.close()


def test_none() -> None:
    """Why there is none is told, with the code of what has failed."""
    asking = Asking()
    asking.shared.desk.replace = lambda: fail(TakeOverRefused("it has ended"))
    failed = asking.fails(asking.client.replace())
    assert (failed.code, str(failed)) == (Exit.FAILED, "not taken over: it has ended")
    asking.shared.desk.replace = None
    failed = asking.fails(asking.client.replace())
    assert "not started by a command line" in str(failed)
    asking.link.lose()
    asking.reactor.close()
