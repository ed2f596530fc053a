"""One streamed message each way."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netshare.transport.calls.callers import Caller
from netshare.transport.calls.exchange import Exchange
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.channels.interfaces import ISingletonReceiver
from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message, StreamBody
from tests.helpers.links import FakeExchangeUser

STREAMED = StreamBody((("Upload", "urn:test"), ("data", "urn:test")))


class Channel:
    """A singleton channel that keeps what is written."""

    via = "net.tcp://there/"

    def __init__(self) -> None:
        self.written = b""
        self.finished = False
        self.did: list[str] = []

    def write(self, data: bytes) -> None:
        self.written += data

    def finish(self) -> None:
        self.finished = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        pass

    def unregisterProducer(self) -> None:
        pass

    def pauseReceiving(self) -> None:
        self.did.append("pause")

    def resumeReceiving(self) -> None:
        self.did.append("resume")


def exchange(streamed: bool, limit: int = 65536) -> tuple[Exchange, FakeExchangeUser]:
    """An exchange and its user."""
    user = FakeExchangeUser(streamed)
    made = Exchange(encoder_for("binary"), limit, user, Channel())
    verifyObject(ISingletonReceiver, made)
    return made, user


def sent(message: Message, source: Any = None) -> bytes:
    """What an exchange writes for a message."""
    made, _ = exchange(False)
    ensureDeferred(made.send(made.start_of(message), source, Caller()))
    assert made.channel.finished
    written: bytes = made.channel.written
    return written


@pytest.mark.parametrize("size", [1, 7, 100000])
def test_a_stream_is_passed_on(size: int) -> None:
    """A streamed body is there with its headers, and goes on arriving, in whatever pieces."""
    data = sent(Message("urn:up", STREAMED), b"x" * 5000)
    made, user = exchange(streamed=True)
    for at in range(0, len(data), size):
        made.dataReceived(data[at : at + size])
    made.messageEnded()
    ((message, stream),) = user.arrived
    assert message.action == "urn:up"
    assert stream is not None
    assert stream.ended
    read: list[bytes] = []
    stream.read().addCallback(read.append)
    assert read == [b"x" * 5000]


def test_a_body_is_collected() -> None:
    """A body that is no stream is there when the message is complete."""
    data = sent(Message("urn:up", STREAMED), b"x" * 50)
    made, user = exchange(streamed=False)
    made.dataReceived(data)
    assert user.arrived == []
    made.messageEnded()
    ((message, stream),) = user.arrived
    assert stream is None
    assert message.body() is not None


def test_headers_that_cannot_be_read() -> None:
    """The user is told, without a message, and what follows is passed over."""
    made, user = exchange(streamed=True)
    made.dataReceived(b"\xff" * 10)
    made.dataReceived(b"more")
    made.messageEnded()
    ((message, error),) = user.unreadable
    assert message is None
    assert str(error)


@pytest.mark.parametrize("streamed", [True, False])
def test_a_body_that_cannot_be_read(streamed: bool) -> None:
    """The user is told, with the message's headers, and what follows is passed over."""
    data = sent(Message("urn:up", STREAMED), b"x" * 50)
    made, user = exchange(streamed)
    made.dataReceived(data[:-60])
    made.dataReceived(b"\xff" * 60)
    made.messageEnded()
    ((message, _),) = user.unreadable
    assert message is not None
    assert message.action == "urn:up"


def test_what_ends_early() -> None:
    """A stream whose channel is lost fails, and the user is told the reason."""
    data = sent(Message("urn:up", STREAMED), b"x" * 5000)
    made, user = exchange(streamed=True)
    made.dataReceived(data[:-2500])
    (_, stream) = user.arrived[0]
    assert stream is not None
    failures: list[Failure] = []
    stream.read().addErrback(failures.append)
    reason = CommunicationError("lost")
    made.endReceived()
    made.channelClosed(Failure(reason))
    assert user.told == ["ended", reason]
    assert made.closed
    assert failures[0].value is reason


def test_a_reader_that_has_enough() -> None:
    """The user is told, and decides what that means."""
    data = sent(Message("urn:up", STREAMED), b"x" * 5000)
    made, user = exchange(streamed=True)
    made.dataReceived(data[:-2500])
    (_, stream) = user.arrived[0]
    assert stream is not None
    stream.close()
    assert user.told == ["abandoned"]


def test_a_start_that_was_not_sent() -> None:
    """A whole message that goes out instead of a streamed one is all there is."""
    made, _ = exchange(False)
    made.start_of(Message("urn:up", STREAMED))
    start = made.start_of(Message("urn:other"))
    ensureDeferred(made.send(start, None, Caller()))
    assert made.channel.written == start == sent(Message("urn:other"))
