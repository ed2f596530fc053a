"""Connections in memory: bytes, endings and times that concern more than a channel."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone, ConnectionLost

from netshare.framing.faults import Fault
from netshare.framing.records import (
    END,
    PREAMBLE_ACK,
    Mode,
)
from netshare.testing.wire import Wire
from netshare.transport.channels import errors
from netshare.transport.channels.client import ClientRole, Opening
from tests.helpers.channels import (
    DUPLEX,
    SINGLETON,
    VIA,
    Client,
    Receiver,
    Server,
    results,
)
from tests.helpers.conversations import Conversation, conversations
from tests.helpers.wire import sized_envelope


@pytest.mark.parametrize("fault", list(Fault))
def test_a_refusal_is_written_drained_and_closed(fault: Fault) -> None:
    """A fault is followed by a half-close; the connection ends when the client has closed."""
    server = Server(answer=fault)
    server.transport.receive(DUPLEX)
    assert server.transport.take() == fault.record
    assert server.transport.halfClosed
    server.transport.receive(bytes(65536))
    assert server.transport.state == "open"
    server.transport.receiveEof()
    assert server.transport.state == "closing"
    server.transport.settle()
    assert server.delayed == 0
    assert not server.factory.connections


def test_a_refused_client_that_goes_on_sending_is_cut_off() -> None:
    """More than 64 KiB behind a fault end the connection with a reset."""
    server = Server(answer=Fault.SERVER_TOO_BUSY)
    server.transport.receive(DUPLEX)
    server.transport.receive(bytes(65537))
    assert server.transport.state == "aborting"


def test_a_refused_client_that_stays_is_cut_off() -> None:
    """Who does not close after a fault is reset after the close timeout."""
    server = Server(answer=Fault.SERVER_TOO_BUSY, close_timeout=5)
    server.transport.receive(DUPLEX)
    server.clock.advance(4.9)
    assert server.transport.state == "open"
    server.clock.advance(0.2)
    assert server.transport.state == "aborting"


def test_a_refused_client_has_the_close_timeout_for_itself() -> None:
    """While a fault is being read the time for the preamble no longer runs, nor is it pending."""
    server = Server(answer=Fault.SERVER_TOO_BUSY, close_timeout=40)
    server.transport.receive(DUPLEX)
    server.clock.advance(39)
    assert server.transport.state == "open"
    server.connect()
    assert server.factory.buildProtocol(None) is not None


def test_a_peer_that_takes_nothing_is_given_up() -> None:
    """When the buffer stays full for send_timeout the channel fails."""
    server = Server()
    receiver = server.open()
    server.transport.fill()
    waiting = results(receiver.channel.send(b"more"))
    server.clock.advance(59)
    assert waiting == []
    server.clock.advance(2)
    assert receiver.told == [errors.TimeoutError]
    assert waiting == [None]
    assert server.transport.state == "aborting"


def test_a_peer_that_takes_everything_is_not_given_up() -> None:
    """The send timeout runs only while the buffer is full, and not beyond the connection."""
    server = Server()
    receiver = server.open()
    for _ in range(5):
        server.transport.fill()
        server.clock.advance(59)
        server.transport.take()
    server.clock.advance(61)
    assert receiver.told == []
    server.transport.fill()
    server.transport.lose(ConnectionLost())
    assert server.delayed == 0


def test_closing_does_not_wait_for_ever() -> None:
    """A connection that should close but cannot get rid of its last bytes is reset in the end."""
    server = Server()
    receiver = server.open()
    receiver.onEnd = lambda: receiver.channel.close()
    server.transport.receive(END)
    server.clock.advance(121)
    assert server.transport.state == "closing"
    server.clock.advance(61)
    assert server.transport.state == "aborting"


def test_no_timeout_is_no_timer() -> None:
    """None switches a timeout off."""
    server = Server(receive_timeout=None, channel_initialization_timeout=None)
    server.open()
    assert server.delayed == 0


def test_a_client_cannot_fill_the_memory_between_two_sessions() -> None:
    """What comes behind a client's End is kept only up to a bound, then no more is read."""
    server = Server()
    receiver = server.open()
    server.transport.receive(END + DUPLEX + bytes(65536))
    assert server.transport.paused
    receiver.channel.close()
    assert not server.transport.paused
    assert len(server.acceptor.receivers) == 2


def test_eof_behind_end_is_clean() -> None:
    """A client that ends and closes at once, as Mono's does, is answered and then closed."""
    server = Server()
    receiver = server.open()
    server.transport.receive(END)
    server.transport.receiveEof()
    receiver.channel.close()
    assert receiver.told == ["end", "closed"]
    assert server.transport.state == "closing"
    server.transport.settle()
    assert server.delayed == 0


@pytest.mark.parametrize("reason", [ConnectionLost(), ConnectionDone()])
def test_a_lost_connection_closes_its_channel(reason: Exception) -> None:
    """When the connection goes the channel says so, once, and its timers are gone."""
    server = Server()
    receiver = server.open()
    closed = results(receiver.channel.close())
    server.transport.lose(reason)
    assert len(closed) == len(receiver.told) == 1
    assert issubclass(closed[0], errors.CommunicationError)
    assert server.delayed == 0
    assert not server.factory.connections
    receiver.channel.abort()
    with pytest.raises(errors.ChannelClosedError):
        receiver.channel.send(b"x")


def test_a_transport_that_knows_no_half_close() -> None:
    """Where EOF and loss are one, what has come is delivered, End by EOF included."""
    server = Server()
    receiver = server.open()
    receiver.onMessage = lambda payload: receiver.channel.pauseReceiving()
    server.transport.receive(sized_envelope(b"one") + sized_envelope(b"two"))
    server.transport.lose(ConnectionDone())
    assert receiver.told[:2] == [b"one", b"two"]
    receiver.onMessage = lambda payload: None
    assert issubclass(receiver.told[-1], errors.CommunicationError)

    server = Server()
    receiver = server.open()
    server.transport.receive(sized_envelope(b"one"))
    server.transport.lose(ConnectionDone())
    assert receiver.told == [b"one", "end", errors.CommunicationError]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.binary(max_size=2000)), max_size=12),
    st.booleans(),
)
def test_messages_cross_in_both_directions(
    messages: list[tuple[bool, bytes]], clientFirst: bool
) -> None:
    """Whatever both sides send arrives in order, and either may end the session."""
    server = Server()
    owner, receiver = Client(), Receiver()
    role = ClientRole(owner, owner.clock)
    wire = Wire(role.connection, server.factory.buildProtocol(None))
    opened: list[Any] = []
    role.open(Opening(VIA, receiver)).addCallback(opened.append)
    wire.flow()
    client = opened[0]
    peer = server.acceptor.receivers[-1]
    for fromClient, payload in messages:
        (client if fromClient else peer.channel).send(payload)
    wire.flow()
    first, second = (client, peer.channel) if clientFirst else (peer.channel, client)
    first.endOutput()
    wire.flow()
    second.endOutput()
    wire.flow()
    there = [payload for fromClient, payload in messages if fromClient]
    back = [payload for fromClient, payload in messages if not fromClient]
    assert peer.told == [*there, "end", "closed"]
    assert receiver.told == [*back, "end", "closed"]
    assert owner.free == [role]
    role.connection.drop()
    wire.flow()
    assert owner.clock.getDelayedCalls() == []


CLEAR = [
    recorded
    for recorded in conversations()
    if not any(who == "-" for who, _ in recorded.steps) and "fault" not in recorded.name
]


@pytest.mark.parametrize("size", [1 << 20, 11])
@pytest.mark.parametrize("recorded", CLEAR, ids=lambda recorded: recorded.name)
def test_a_server_serves_recorded_clients(recorded: Conversation, size: int) -> None:
    """Each recorded client gets its acks, and its messages reach the receivers, to the end."""
    server = Server(max_received_message_size=1 << 24)
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    data = recorded.side("c")
    for start in range(0, len(data), size):
        server.transport.receive(data[start : start + size])
    receivers = server.acceptor.receivers
    assert receivers
    assert all(r.told[-2:] == ["end", "closed"] for r in receivers[:-1])
    complete = data.endswith(END)
    assert (receivers[-1].told[-1] == "closed") is complete
    answer = server.transport.take()
    assert answer == PREAMBLE_ACK + (END + PREAMBLE_ACK) * (len(receivers) - 1) + END * complete
    sent = sum(len(piece) for r in receivers for piece in r.told if isinstance(piece, bytes))
    assert 0 < sent < len(data) or recorded.name == "mono-none-open-only"


@pytest.mark.parametrize("data", [b"\x00", b"\xff" * 70000, DUPLEX[:5] + b"\x09", DUPLEX + b"\xee"])
@pytest.mark.parametrize("eof", [False, True])
def test_no_bytes_leave_timers_behind(data: bytes, eof: bool) -> None:
    """After any rubbish a server that has lost the connection holds nothing."""
    server = Server()
    server.transport.receive(data)
    if eof:
        server.transport.receiveEof()
    server.transport.lose(ConnectionLost())
    assert server.delayed == 0
    assert not server.factory.connections


@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
def test_random_bytes_never_raise(pieces: list[bytes], eof: bool) -> None:
    """Whatever comes in before or behind a preamble, nothing is raised and nothing remains."""
    for opening in (b"", DUPLEX, SINGLETON):
        server = Server()
        client = Client(Mode.SINGLETON if opening == SINGLETON else Mode.DUPLEX)
        for data in (opening, *pieces):
            server.transport.receive(data) if data else None
        for data in (PREAMBLE_ACK if opening else b"", *pieces):
            client.transport.receive(data) if data else None
        for transport in (server.transport, client.transport):
            if eof:
                transport.receiveEof()
            transport.lose(ConnectionLost())
        assert server.delayed == 0
        assert client.clock.getDelayedCalls() == []
