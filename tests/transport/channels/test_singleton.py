"""Channels of one streamed message in each direction, on connections in memory."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.framing.records import (
    END,
    PREAMBLE_ACK,
    Mode,
)
from netshare.transport.channels import errors
from netshare.transport.channels.interfaces import (
    ISingletonChannel,
)
from tests.helpers.channels import (
    SINGLETON,
    Client,
    Server,
    results,
)


def test_a_streamed_request_and_reply_at_the_server() -> None:
    """A request arrives in pieces as it comes, the reply leaves in chunks, End follows both."""
    server = Server()
    receiver = server.open(SINGLETON)
    channel = receiver.channel
    assert verifyObject(ISingletonChannel, channel)
    server.transport.receive(b"\x05\x0ahel")
    server.transport.receive(b"lo")
    channel.write(b"early")
    assert server.transport.take() == b"\x05\x05early"
    server.transport.receive(b" you.\x00")
    channel.write(b"")
    channel.write(b"late")
    channel.finish()
    channel.finish()
    assert server.transport.take() == b"\x04late\x00"
    assert receiver.told == [b"hel", b"lo", b" you.", "message"]
    server.transport.receive(END)
    assert server.transport.take() == END
    assert receiver.told[4:] == ["end", "closed"]
    server.open()


def test_no_reply_is_just_end() -> None:
    """A server that wrote nothing answers a one-way request with End alone."""
    server = Server()
    receiver = server.open(SINGLETON)
    server.transport.receive(b"\x05\x01x\x00\x07")
    receiver.channel.finish()
    assert server.transport.take() == END
    server.open()


def test_a_reply_may_come_long_after_the_request() -> None:
    """With the whole request and its End received, nothing is sent before the reply is."""
    server = Server()
    receiver = server.open(SINGLETON)
    server.transport.receive(b"\x05\x01x\x00\x07")
    server.clock.advance(3600)
    assert server.transport.take() == b""
    receiver.channel.write(b"y")
    receiver.channel.finish()
    assert server.transport.take() == b"\x05\x01y\x00\x07"


def test_closing_drains_the_request() -> None:
    """A server that closes without reading the rest gets rid of it and frees the socket."""
    server = Server()
    receiver = server.open(SINGLETON)
    server.transport.receive(b"\x05\x01x")
    receiver.channel.pauseReceiving()
    closed = results(receiver.channel.close())
    server.transport.receive(b"\x02yz\x00\x07")
    assert server.transport.take() == END
    assert closed == [None]
    assert receiver.told == [b"x", "closed"]
    server.open()


def test_a_request_that_never_ends_is_cut_off() -> None:
    """Draining, too, has an end: close_timeout."""
    server = Server()
    receiver = server.open(SINGLETON)
    receiver.channel.close()
    server.clock.advance(61)
    assert receiver.told == [errors.TimeoutError]


def test_a_stream_beyond_the_limit_is_cut_off_without_a_fault() -> None:
    """For a streamed message that is too large WCF has no fault: the connection is reset."""
    server = Server()
    receiver = server.open(SINGLETON)
    server.transport.receive(b"\x05" + b"\xff\xff\x03" + bytes(1000))
    assert receiver.told == [bytes(1000)]
    server.transport.receive(bytes(64535) + b"\x02")
    assert receiver.told[-1] is errors.QuotaExceededError
    assert server.transport.take() == b""
    assert server.transport.state == "aborting"


def test_a_streamed_call_at_the_client() -> None:
    """A client's End follows its message at once; the channel closes with the server's."""
    client = Client(Mode.SINGLETON)
    assert client.transport.take() == SINGLETON
    client.transport.receive(PREAMBLE_ACK)
    client.channel.write(b"question")
    client.channel.finish()
    assert client.transport.take() == b"\x05\x08question\x00\x07"
    client.transport.receive(b"\x05\x06answer\x00\x07")
    assert client.receiver.told == [b"answer", "message", "end", "closed"]
    assert client.free == [client.role]
    with pytest.raises(errors.ChannelClosedError):
        client.channel.write(b"more")


def test_a_client_without_a_message_sends_an_empty_one() -> None:
    """A Singleton request cannot be missing, so it is empty."""
    client = Client(Mode.SINGLETON)
    client.transport.receive(PREAMBLE_ACK)
    client.transport.take()
    client.channel.finish()
    assert client.transport.take() == b"\x05\x00\x07"
    client.transport.receive(END)
    assert client.receiver.told == ["end", "closed"]


def test_a_client_gives_a_reply_up() -> None:
    """close() of a streamed channel throws the rest of the reply away and frees the socket."""
    client = Client(Mode.SINGLETON)
    client.transport.receive(PREAMBLE_ACK)
    closed = results(client.channel.close())
    client.transport.receive(b"\x05\x06answer\x00\x07")
    assert closed == [None]
    assert client.receiver.told == ["closed"]
    assert client.free == [client.role]


@implementer(IPushProducer)
class Producer:
    """Writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pauseProducing(self) -> None:
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        self.asked.append("resume")

    def stopProducing(self) -> None:
        self.asked.append("stop")


def test_a_push_producer_is_paused() -> None:
    """A producer of a stream is paused while the transport is full, and stopped with it."""
    server = Server()
    channel = server.open(SINGLETON).channel
    producer = Producer()
    channel.registerProducer(producer, True)
    with pytest.raises(RuntimeError, match="another producer"):
        channel.registerProducer(Producer(), True)
    server.transport.fill()
    server.transport.take()
    server.transport.lose(ConnectionLost())
    assert producer.asked == ["pause", "resume", "stop"]
    late = Producer()
    channel.registerProducer(late, True)
    assert late.asked == ["stop"]


def test_a_producer_that_comes_late_waits() -> None:
    """A producer that is registered while the transport is full is paused at once."""
    server = Server()
    channel = server.open(SINGLETON).channel
    server.transport.fill()
    producer = Producer()
    channel.registerProducer(producer, True)
    assert producer.asked == ["pause"]
    server.transport.take()
    assert producer.asked == ["pause", "resume"]


def test_a_pull_producer_is_asked_while_there_is_room() -> None:
    """A producer that wants to be asked is asked again and again, but not into a full buffer."""
    server = Server()
    channel = server.open(SINGLETON).channel

    class Pull(Producer):
        def resumeProducing(self) -> None:
            channel.write(b"x")

    channel.registerProducer(Pull(), False)
    server.clock.pump([1e-7] * 3)
    assert server.transport.take() == b"\x05\x01x\x01x\x01x"
    server.transport.fill()
    server.clock.pump([1e-7] * 3)
    assert server.transport.written == b""
    server.transport.take()
    server.clock.pump([1e-7])
    assert server.transport.take() == b"\x01x"
    channel.unregisterProducer()
    server.clock.pump([1e-7] * 3)
    assert server.transport.take() == b""


def test_a_stream_can_be_paused_as_a_producer() -> None:
    """A streamed channel is a push producer: paused it reads nothing, stopped it is aborted."""
    server = Server()
    receiver = server.open(SINGLETON)
    receiver.channel.pauseProducing()
    assert server.transport.paused
    receiver.channel.resumeProducing()
    assert not server.transport.paused
    receiver.channel.stopProducing()
    assert server.transport.state == "aborting"
