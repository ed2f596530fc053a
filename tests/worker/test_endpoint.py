"""netshare.worker.endpoint: listening at an address behind a shared port."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from netshare.control.paths import CONTROL_VARIABLE
from netshare.worker import SharedPortServerEndpoint, Wish


def listen(control: str | None, environ: dict[str, str]) -> Any:
    reactor: Any = MemoryReactorClock()
    endpoint = SharedPortServerEndpoint(reactor, Wish("net.tcp://+/a"), control, environ=environ)
    verifyObject(IStreamServerEndpoint, endpoint)
    endpoint.listen(Factory()).addErrback(lambda _: None)
    return reactor.unixClients


@pytest.mark.parametrize(
    ("control", "environ", "path"),
    [
        ("/given", {CONTROL_VARIABLE: "/named"}, "/given"),
        (None, {CONTROL_VARIABLE: "/named"}, "/named"),
        (None, {}, "/run/netshare/control"),
    ],
)
def test_which_control_socket(control: str | None, environ: dict[str, str], path: str) -> None:
    """The one that is given, else the one that the environment names, else the machine's."""
    ((where, *_),) = listen(control, environ)
    assert Path(where) == Path(path)


def test_an_unknown_user() -> None:
    """A service's user that does not exist is an error at once."""
    with pytest.raises(ValueError, match="nobody-of-that-name"):
        SharedPortServerEndpoint(
            MemoryReactorClock(), Wish("net.tcp://+/a"), serviceUser="nobody-of-that-name"
        )
