"""The server's role in a connection: from a preamble to a channel, and to the next."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionLost
from zope.interface.verify import verifyObject

from netshare.framing.faults import Fault
from netshare.framing.records import (
    BINARY_SESSION,
    END,
    PREAMBLE_ACK,
    Mode,
    preamble,
)
from netshare.framing.sized import envelope_header
from netshare.interfaces import ISharedConnectionReceiver
from netshare.testing.wire import MemoryTransport
from netshare.transport.channels import errors
from netshare.transport.channels.interfaces import (
    IDuplexChannel,
)
from netshare.transport.channels.settings import Acceptance, ChannelSettings
from tests.helpers.channels import (
    DUPLEX,
    VIA,
    Server,
    results,
)
from tests.helpers.wire import sized_envelope


def test_a_duplex_session_from_open_to_close() -> None:
    """A server acknowledges, receives, sends, answers End with End and waits for a preamble."""
    server = Server()
    assert server.transport.noDelay
    receiver = server.open()
    channel = receiver.channel
    assert verifyObject(IDuplexChannel, channel)
    assert (channel.via, channel.mode, channel.contentType) == (VIA, Mode.DUPLEX, BINARY_SESSION)
    assert channel.peer.host == "192.0.2.1"
    assert server.acceptor.asked == [(VIA, Mode.DUPLEX, BINARY_SESSION)]
    server.transport.receive(sized_envelope(b"one") + sized_envelope(b"two"))
    assert channel.send(b"reply") is None
    assert server.transport.take() == sized_envelope(b"reply")
    server.transport.receive(END)
    assert server.transport.take() == b""
    closed = results(channel.close())
    assert server.transport.take() == END
    assert closed == [None]
    assert receiver.told == [b"one", b"two", "end", "closed"]
    assert server.transport.state == "open"
    again = server.open(preamble("net.tcp://localhost:9000/other"))
    assert again.channel.via == "net.tcp://localhost:9000/other"


def test_messages_may_come_with_the_preamble() -> None:
    """A client that does not wait for the ack is served all the same, in order."""
    server = Server()
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    server.transport.receive(
        DUPLEX + sized_envelope(b"one") + END + DUPLEX + sized_envelope(b"two") + END
    )
    assert server.transport.take() == (PREAMBLE_ACK + END) * 2
    assert [r.told for r in server.acceptor.receivers] == [
        [b"one", "end", "closed"],
        [b"two", "end", "closed"],
    ]
    server.transport.receiveEof()
    assert server.transport.state == "closing"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x00\x02", Fault.UNSUPPORTED_VERSION),
        (b"\x00\x01\x00\x01\x07", Fault.UNSUPPORTED_MODE),
        (b"\x00\x01\x00\x01\x02\x02\x81\x10", Fault.VIA_TOO_LONG),
        (DUPLEX[:-3] + b"\x04\x81\x02", Fault.CONTENT_TYPE_TOO_LONG),
        (preamble(VIA, upgrade="application/ssl-tls"), Fault.UPGRADE_INVALID),
        (b"\x01", None),
        (b"GET / HTTP/1.1\r\n", None),
        (preamble(VIA, Mode.SIMPLEX), None),
        (preamble(VIA, Mode.SINGLETON_SIZED), None),
        (DUPLEX[:-1] + END, None),
    ],
)
def test_what_is_wrong_in_a_preamble_is_answered_as_wcf_does(
    data: bytes, fault: Fault | None
) -> None:
    """Where WCF has a fault for a bad preamble it is sent; else the connection is reset."""
    server = Server()
    server.transport.receive(data)
    assert server.transport.take() == (b"" if fault is None else fault.record)
    assert server.transport.state == ("aborting" if fault is None else "open")
    assert server.transport.halfClosed is (fault is not None)


def test_an_acceptor_may_take_its_time() -> None:
    """While the acceptor decides nothing is read; its answer is then carried out."""
    answer: Deferred[Any] = Deferred()
    server = Server(answer=answer)
    server.transport.receive(DUPLEX + sized_envelope(b"early"))
    assert server.transport.paused
    assert server.transport.take() == b""
    answer.callback(None)
    assert not server.transport.paused
    assert server.transport.take() == PREAMBLE_ACK
    assert server.acceptor.receivers[0].told == [b"early"]


def test_an_answer_after_the_client_has_left_is_harmless() -> None:
    """A decision that comes when the connection is gone changes nothing."""
    answer: Deferred[Any] = Deferred()
    server = Server(answer=answer)
    server.transport.receive(DUPLEX)
    server.transport.lose(ConnectionLost())
    answer.callback(Fault.ENDPOINT_NOT_FOUND)
    assert server.transport.written == b""
    assert server.delayed == 0


def test_an_acceptor_that_fails_is_a_failed_activation(logged: list[Any]) -> None:
    """An exception in channelOpening is logged and told the client as a fault."""
    server = Server(answer=ZeroDivisionError("oops"))
    server.transport.receive(DUPLEX)
    assert server.transport.take() == Fault.SERVICE_ACTIVATION_FAILED.record
    assert logged == [ZeroDivisionError]


def test_a_receiver_that_fails_loses_its_channel(logged: list[Any]) -> None:
    """An exception in a receiver is logged and ends its channel, not the server."""
    server = Server()
    receiver = server.open()
    receiver.onMessage = lambda payload: 1 // 0
    server.transport.receive(sized_envelope(b"bad") + sized_envelope(b"never"))
    assert receiver.told == [b"bad", errors.CommunicationObjectAbortedError]
    assert server.transport.state == "aborting"
    assert logged == [ZeroDivisionError]


def test_endpoints_have_settings_of_their_own() -> None:
    """The acceptor's settings hold for the channel, not those of the factory."""
    server = Server(answer=Acceptance(ChannelSettings(max_received_message_size=3)))
    receiver = server.open()
    server.transport.receive(sized_envelope(b"abc") + envelope_header(4))
    assert receiver.told == [b"abc", errors.QuotaExceededError]
    assert server.transport.take() == Fault.MAX_MESSAGE_SIZE_EXCEEDED.record
    assert server.transport.halfClosed


@pytest.mark.parametrize("sent", [b"", DUPLEX[:7], DUPLEX[:-1]])
def test_a_preamble_has_to_be_complete_in_time(sent: bytes) -> None:
    """After channel_initialization_timeout an incomplete preamble is cut off, however far it is."""
    server = Server()
    if sent:
        server.transport.receive(sent)
    server.clock.advance(29.9)
    assert server.transport.state == "open"
    server.clock.advance(0.2)
    assert server.transport.state == "aborting"
    server.transport.settle()
    assert server.delayed == 0


def test_trickling_does_not_buy_time() -> None:
    """The time for a preamble is one for all its bytes."""
    server = Server()
    for index in range(len(DUPLEX)):
        if server.transport.state != "open":
            break
        server.transport.receive(DUPLEX[index : index + 1])
        server.clock.advance(1)
    assert server.transport.state == "aborting"


def test_a_socket_between_sessions_is_closed_after_the_idle_timeout() -> None:
    """A socket that brings no next preamble is closed; with its first byte another time runs."""
    server = Server()
    receiver = server.open()
    receiver.onEnd = lambda: receiver.channel.close()
    server.transport.receive(END)
    server.clock.advance(119)
    server.transport.receive(DUPLEX[:1])
    server.clock.advance(29)
    assert server.transport.state == "open"
    server.clock.advance(2)
    assert server.transport.state == "aborting"

    server = Server()
    receiver = server.open()
    receiver.onEnd = lambda: receiver.channel.close()
    server.transport.receive(END)
    server.clock.advance(121)
    assert server.transport.state == "closing"


class Shared:
    """A connection's tie to the sharing service."""

    via = VIA

    def __init__(self, transport: MemoryTransport) -> None:
        self.transport = transport
        self.given: list[bytes] = []
        self.answer: Deferred[None] = Deferred()

    def isMine(self, via: str) -> bool:
        return via == self.via

    def giveBack(self, readData: bytes) -> Deferred[None]:
        assert self.transport.written == b"", "End would be lost"
        self.given.append(readData)
        self.transport.abortConnection()
        return self.answer


def shared_server() -> tuple[Server, Shared]:
    server = Server()
    shared = Shared(server.transport)
    assert verifyObject(ISharedConnectionReceiver, server.connection)
    server.connection.connectionShared(shared)
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    return server, shared


OTHER = preamble("net.tcp://localhost:9000/other")


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_a_preamble_for_somebody_else_is_given_back(size: int) -> None:
    """As soon as its via is known to be another's, all bytes of a next preamble go back."""
    server, shared = shared_server()
    server.open()
    server.transport.receive(END)
    assert server.transport.take() == END
    data = OTHER + sized_envelope(b"early")
    sent = b""
    while not shared.given:
        piece = data[len(sent) : len(sent) + size]
        server.transport.receive(piece)
        sent += piece
    assert shared.given == [sent]
    assert b"/other" in sent
    assert server.transport.take() == b""
    assert len(server.acceptor.asked) == 1
    server.transport.settle()
    assert server.delayed == 0
    assert not server.factory.connections


def test_nothing_is_given_back_before_end_has_left() -> None:
    """A next preamble that came early waits until our End is out of the transport's buffer."""
    server, shared = shared_server()
    server.open()
    server.transport.receive(END + OTHER)
    assert server.transport.paused
    assert shared.given == []
    assert server.transport.take() == END
    assert shared.given == [OTHER]


def test_the_same_via_stays() -> None:
    """A next preamble for our own address is served here, the first one in any case."""
    server, shared = shared_server()
    shared.via = "net.tcp://localhost:9000/elsewhere"
    server.open()
    shared.via = VIA
    for _ in range(3):
        server.transport.fill()
        server.transport.receive(END)
        assert server.transport.take() == END
        channel = server.open().channel
        assert channel.send(b"x") is None
        server.transport.take()
        server.transport.fill()
        waiting = results(channel.send(b"x"))
        server.transport.take()
        assert waiting == [None]
    assert shared.given == []


@pytest.mark.parametrize("error", [ConnectionClosed("the service is away"), ValueError("odd")])
def test_a_connection_that_cannot_go_back_is_closed(error: Exception, logged: list[Any]) -> None:
    """When giving back fails the client loses the socket; only surprises are logged."""
    server, shared = shared_server()
    server.open()
    server.transport.receive(END)
    server.transport.take()
    shared.answer.errback(error)
    server.transport.receive(OTHER)
    assert server.transport.state == "aborting"
    assert logged == ([ValueError] if isinstance(error, ValueError) else [])
