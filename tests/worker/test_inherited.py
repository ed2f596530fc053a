"""netshare.worker.inherited: a process that a service has started, and its successors."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.worker.inherited import COME_BACK_WITHIN, InheritedSession
from netshare.worker.session import RETRY_SOON
from tests.helpers.workersessions import Setting


@pytest.mark.parametrize("refused", [True, False])
def test_a_process_that_the_service_has_started(
    monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    """It looks for a service that knows it: until that says no, or for five seconds."""
    killed: list[Any] = []
    monkeypatch.setattr("os.kill", lambda *arguments: killed.append(arguments))
    setting = Setting(InheritedSession)
    setting.listen("net.tcp://+/a")
    setting.answer()
    setting.lose()
    for _ in range(5):
        setting.reactor.advance(RETRY_SOON)
        setting.be_away()
    assert killed == []
    if refused:
        setting.reactor.advance(RETRY_SOON)
        setting.answer(frozenset({"net.tcp://+/a"}))
    else:
        setting.reactor.advance(COME_BACK_WITHIN)
        setting.be_away()
    assert len(killed) == 1
    assert setting.reactor.getDelayedCalls() == []
