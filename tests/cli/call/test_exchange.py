"""One request, one reply."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from netshare.cli.call.exchange import Exchange
from netshare.cli.call.request import encoder, request
from netshare.framing.records import Mode
from netshare.transport.channels.errors import CommunicationError, ProtocolError, TimeoutError
from netshare.transport.soap import Message


class Channel:
    """A channel that keeps what is sent."""

    def __init__(self, mode: Mode = Mode.DUPLEX, closing: Exception | None = None) -> None:
        self.mode = mode
        self.did: list[str] = []
        self.sent = b""
        self._closing = closing

    def send(self, payload: bytes) -> None:
        self.did.append("send")
        self.sent = payload

    def write(self, payload: bytes) -> None:
        self.did.append("write")
        self.sent = payload

    def finish(self) -> None:
        self.did.append("finish")

    def abort(self) -> None:
        self.did.append("abort")

    def close(self) -> Deferred[None]:
        self.did.append("close")
        return succeed(None) if self._closing is None else fail(self._closing)


class Exchanging:
    """An exchange under way."""

    def __init__(self, one_way: bool = False, **channel: Any) -> None:
        self.clock = Clock()
        self.channel = Channel(**channel)
        encoding = encoder("text", self.channel.mode, 65536)
        self.request = request(encoding, "urn:a", None, "net.tcp://h/", one_way=one_way)
        self.exchange = Exchange(encoding, self.request, one_way)
        self.results: list[Any] = []
        running: Deferred[Any] = ensureDeferred(
            self.exchange.run(self.clock, self.channel, 5)  # type: ignore[arg-type]
        )
        running.addBoth(self.results.append)

    def reply(self, relates_to: str | None, fault: bool = False) -> bytes:
        """A reply as it travels."""
        encoding = encoder("text", self.channel.mode, 65536)
        return encoding.encode(
            Message("urn:r", None, version=encoding.version, relates_to=relates_to)
        )

    def failed(self) -> Any:
        """How it failed."""
        (failure,) = self.results
        assert isinstance(failure, Failure)
        return failure.value


def test_the_reply_ends_it() -> None:
    """The reply to the request is the result, and the session is ended."""
    exchanging = Exchanging()
    assert exchanging.channel.did == ["send"]
    exchanging.exchange.messageReceived(exchanging.reply(exchanging.request.message_id))
    assert exchanging.results[0].action == "urn:r"
    assert exchanging.channel.did == ["send", "close"]


def test_other_messages_are_no_reply() -> None:
    """A message that answers something else is counted and waited past."""
    exchanging = Exchanging()
    exchanging.exchange.messageReceived(exchanging.reply("urn:uuid:other"))
    exchanging.exchange.messageReceived(exchanging.reply(None))
    assert (exchanging.results, exchanging.exchange.others) == ([], 2)


def test_a_streamed_reply_comes_in_pieces() -> None:
    """On a streamed channel the reply is what came until its end, whatever it relates to."""
    exchanging = Exchanging(mode=Mode.SINGLETON)
    assert exchanging.channel.did == ["write", "finish"]
    data = exchanging.reply(None)
    exchanging.exchange.dataReceived(data[:10])
    exchanging.exchange.dataReceived(data[10:])
    assert exchanging.results == []
    exchanging.exchange.messageEnded()
    assert exchanging.results[0].action == "urn:r"


def test_one_way() -> None:
    """Where there is no reply to wait for, the end of the session is the result."""
    exchanging = Exchanging(one_way=True)
    assert exchanging.results == [None]
    assert exchanging.channel.did == ["send", "close"]
    refused = Exchanging(one_way=True, closing=CommunicationError("lost"))
    assert str(refused.failed()) == "lost"


def test_with_a_reply_the_end_does_not_matter() -> None:
    """A session that does not end as it should is no failure once the reply is there."""
    exchanging = Exchanging(closing=CommunicationError("lost"))
    exchanging.exchange.messageReceived(exchanging.reply(exchanging.request.message_id))
    assert exchanging.results[0].action == "urn:r"


@pytest.mark.parametrize(
    ("happens", "kind", "says"),
    [
        (lambda e: e.messageReceived(b"<no"), ProtocolError, "the reply cannot be read"),
        (lambda e: e.endReceived(), ProtocolError, "ended the session without a reply"),
        (lambda e: e.channelClosed(None), ProtocolError, "closed without a reply"),
        (
            lambda e: e.channelClosed(Failure(CommunicationError("reset"))),
            CommunicationError,
            "reset",
        ),
    ],
)
def test_no_reply(happens: Any, kind: type[Exception], says: str) -> None:
    """What comes instead of a reply is an error, and the channel is given up."""
    exchanging = Exchanging()
    happens(exchanging.exchange)
    assert isinstance(exchanging.failed(), kind)
    assert says in str(exchanging.failed())
    assert exchanging.channel.did[-1] == "abort"


def test_too_late() -> None:
    """The reply is waited for as long as was said."""
    exchanging = Exchanging()
    exchanging.clock.advance(5)
    assert isinstance(exchanging.failed(), TimeoutError)
    assert "within 5 s" in str(exchanging.failed())
