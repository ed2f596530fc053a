"""A call whose messages carry credentials, on channels in memory."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock

from netshare.cli.call.conversation import Call
from netshare.cli.call.request import encoder
from netshare.cli.call.security import Secured
from netshare.cli.target import Target
from netshare.framing.records import Mode
from netshare.transport.channels.errors import CommunicationError, MessageSecurityError
from netshare.transport.security.secureconversation import SecurityInvalid
from netshare.transport.soap import Message, new_message_id
from tests.helpers.security import Both

pytest.importorskip("lxml", reason="needs lxml")

TARGET = Target.of("net.tcp://localhost/service")


class Talking:
    """A call, whose messages are answered by the other side's security and nothing else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.both = Both()
        self.sent: list[str | None] = []
        self.silent: set[int] = set()
        encoding = lambda: encoder("binary", Mode.DUPLEX, 1 << 16)  # noqa: E731
        secured = Secured(None, self.both.client)
        self.call = Call(
            MemoryReactorClock(), TARGET, Mode.DUPLEX, encoding, "x", secured, 5.0, 1 << 16
        )
        monkeypatch.setattr(Call, "_exchange", lambda call, *given: self._exchange(*given))
        self.reply: Message | None = None

    def _exchange(self, request: Message, one_way: bool) -> Deferred[Message | None]:
        self.sent.append(request.action)
        if len(self.sent) in self.silent:
            return fail(CommunicationError("nobody answers"))
        if self.reply is not None:
            return succeed(self.reply)
        try:
            received = self.both.receive(request)
        except SecurityInvalid as refused:
            return succeed(refused.fault.to_message(version=request.version))
        if one_way:
            return succeed(None)
        if received.answer is None:
            received = type(received)(received.identity, Message("urn:reply"))
        return succeed(self.both.answer(received))

    def run(self, one_way: bool = False) -> Any:
        """What comes of it."""
        request = Message("urn:request", to=TARGET.via, message_id=new_message_id())
        results: list[Any] = []
        ensureDeferred(self.call.run(request, one_way)).addBoth(results.append)
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]


def test_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """A context is asked for, used, and cancelled."""
    talking = Talking(monkeypatch)
    assert talking.run().action == "urn:reply"
    issue, request, cancel = talking.sent
    assert (str(issue)[-8:], request, str(cancel)[-11:]) == (
        "/RST/SCT",
        "urn:request",
        "/SCT/Cancel",
    )
    assert Talking(monkeypatch).run(one_way=True) is None


def test_a_service_that_does_not_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reply in hand that does not matter."""
    talking = Talking(monkeypatch)
    talking.silent.add(3)
    assert talking.run().action == "urn:reply"


def test_answers_without_security(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that shows nothing is not believed."""
    talking = Talking(monkeypatch)
    talking.reply = Message("urn:reply")
    with pytest.raises(MessageSecurityError, match="0 Security headers"):
        talking.run()


def test_another_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no answer to the request for a context gives none."""
    talking = Talking(monkeypatch)
    monkeypatch.setattr(
        talking.both.client, "answered", lambda reply: talking.both.client.receive(reply)
    )
    with pytest.raises(MessageSecurityError, match="the answer to"):
        talking.run()


def test_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's fault is told in a sentence that says where to look."""
    talking = Talking(monkeypatch)
    monkeypatch.setattr(talking.both.service, "_now", lambda: 0.0)
    with pytest.raises(MessageSecurityError, match="Is the credential right"):
        talking.run()
