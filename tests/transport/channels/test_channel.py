"""Channels over connections in memory: both sides, both modes, all timeouts and endings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer, provider
from zope.interface.verify import verifyObject

from netshare.framing.faults import Fault
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
    END,
    PREAMBLE_ACK,
    PREAMBLE_END,
    UPGRADE_RESPONSE,
    Mode,
    preamble,
)
from netshare.framing.sized import envelope_header
from netshare.interfaces import ISharedConnectionReceiver
from netshare.testing.wire import MemoryTransport, Wire, connect
from netshare.transport.channels import errors
from netshare.transport.channels.client import ClientConnection, Opening
from netshare.transport.channels.interfaces import (
    IDuplexChannel,
    ISingletonChannel,
    IUpgrade,
    IUpgradeAcceptor,
    IUpgradeHost,
    IUpgradeInitiator,
)
from netshare.transport.channels.server import ServerChannelFactory, ServerConnection
from netshare.transport.channels.settings import Acceptance, ChannelSettings
from tests.helpers.conversations import Conversation, conversations
from tests.helpers.ports import PausablePort
from tests.helpers.wire import sized_envelope

VIA = "net.tcp://localhost:9000/calc"
DUPLEX = preamble(VIA)
SINGLETON = preamble(VIA, Mode.SINGLETON, BINARY)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """The types of the failures that were logged."""
    failures: list[Any] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            failures.append(event["log_failure"].type)

    globalLogPublisher.addObserver(observe)
    yield failures
    globalLogPublisher.removeObserver(observe)


class Receiver:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.channel: Any = None
        self.onMessage: Callable[[bytes], object] = lambda payload: None
        self.onEnd: Callable[[], object] = lambda: None

    def messageReceived(self, payload: bytes) -> None:
        self.told.append(payload)
        self.onMessage(payload)

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)
        self.onMessage(data)

    def messageEnded(self) -> None:
        self.told.append("message")

    def endReceived(self) -> None:
        self.told.append("end")
        self.onEnd()

    def channelClosed(self, reason: Failure | None) -> None:
        self.told.append("closed" if reason is None else reason.type)
        self.reason = reason


class Acceptor:
    """Accepts everything, or answers as told; keeps the receivers it made."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Mode, str]] = []
        self.receivers: list[Receiver] = []
        self.prepare: Callable[[Receiver], object] = lambda receiver: None

    def channelOpening(self, via: str, mode: Mode, contentType: str) -> Any:
        self.asked.append((via, mode, contentType))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def channelOpened(self, channel: Any) -> Receiver:
        receiver = Receiver()
        receiver.channel = channel
        self.receivers.append(receiver)
        self.prepare(receiver)
        return receiver


class Server:
    """A factory, one connection of it, and its clock."""

    def __init__(self, answer: Any = None, **limits: Any) -> None:
        self.clock = Clock()
        self.acceptor = Acceptor(answer)
        self.factory = ServerChannelFactory(
            self.acceptor, self.clock, ChannelSettings(**limits), max_pending_connections=2
        )
        self.connection, self.transport = self.connect()

    def connect(self) -> tuple[ServerConnection, Any]:
        connection = self.factory.buildProtocol(None)
        assert connection is not None
        return connection, connect(connection)

    def open(self, opening: bytes = DUPLEX) -> Receiver:
        """Let a client open a session."""
        self.transport.receive(opening)
        assert self.transport.take() == PREAMBLE_ACK
        return self.acceptor.receivers[-1]

    @property
    def delayed(self) -> int:
        return len(self.clock.getDelayedCalls())


class Client:
    """A client's connection, a session being opened on it, and its clock."""

    def __init__(self, mode: Mode = Mode.DUPLEX, upgrade: Any = None, **limits: Any) -> None:
        self.clock = Clock()
        self.receiver = Receiver()
        self.connection = ClientConnection(self.clock)
        self.transport = connect(self.connection)
        self.opened: list[Any] = []
        self.mode, self.upgrade, self.limits = mode, upgrade, limits
        self.again()

    def again(self) -> None:
        """Open another session."""
        opening = Opening(
            VIA, self.receiver, self.mode, None, ChannelSettings(**self.limits), self.upgrade
        )
        self.opening = self.connection.open(opening)
        self.opening.addBoth(self.opened.append)

    @property
    def channel(self) -> Any:
        return self.opened[-1]

    @property
    def error(self) -> Any:
        """The error that opening ended with."""
        (failure,) = self.opened
        assert isinstance(failure, Failure)
        return failure.value


def results(deferred: Deferred[Any] | None) -> list[Any]:
    """Where the result of a Deferred will be; the type of its error in place of a failure."""
    assert deferred is not None
    got: list[Any] = []
    deferred.addBoth(lambda r: got.append(r.type if isinstance(r, Failure) else r))
    return got


# ---- opening, at the server ----------------------------------------------------------------------


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


def test_the_buffer_limits_what_is_not_streamed() -> None:
    """max_buffer_size holds for whole messages, max_received_message_size for streams."""
    limits = ChannelSettings(max_received_message_size=100, max_buffer_size=10)
    assert limits.message_limit(Mode.DUPLEX) == 10
    assert limits.message_limit(Mode.SINGLETON) == 100


@pytest.mark.parametrize("name", ["open_timeout", "max_received_message_size", "max_buffer_size"])
def test_settings_are_positive(name: str) -> None:
    """Zero is refused where it makes no sense, naming the setting."""
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        ChannelSettings(**{name: 0})


# ---- time, at the server -------------------------------------------------------------------------


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


def test_an_idle_session_times_out() -> None:
    """Without a message for receive_timeout the session ends; each message starts it anew."""
    server = Server()
    receiver = server.open()
    server.clock.advance(599)
    server.transport.receive(sized_envelope(b"one"))
    server.clock.advance(599)
    assert receiver.told == [b"one"]
    server.clock.advance(2)
    assert receiver.told == [b"one", errors.TimeoutError]
    assert issubclass(errors.TimeoutError, TimeoutError)
    assert server.transport.state == "aborting"


def test_who_does_not_receive_is_not_idle() -> None:
    """While receiving is paused the receive timeout does not run."""
    server = Server()
    receiver = server.open()
    receiver.channel.pauseReceiving()
    server.clock.advance(10_000)
    receiver.channel.resumeReceiving()
    server.clock.advance(599)
    assert receiver.told == []
    server.clock.advance(2)
    assert receiver.told == [errors.TimeoutError]


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


# ---- messages ------------------------------------------------------------------------------------


def test_senders_are_told_to_wait() -> None:
    """While the transport is full send returns a Deferred, which fires when it is empty."""
    server = Server()
    channel = server.open().channel
    server.transport.fill()
    first, second = results(channel.send(b"1")), results(channel.send(b"2"))
    assert first == second == []
    server.transport.take()
    assert first == second == [None]
    assert channel.send(b"3") is None


def test_receiving_can_be_paused() -> None:
    """A paused channel delivers nothing and reads nothing; then it goes on where it stopped."""
    server = Server()
    receiver = server.open()
    receiver.onMessage = lambda payload: receiver.channel.pauseReceiving()
    server.transport.receive(b"".join(map(sized_envelope, (b"1", b"2", b"3"))))
    assert receiver.told == [b"1"]
    assert server.transport.paused
    receiver.channel.resumeReceiving()
    assert receiver.told == [b"1", b"2"]
    receiver.onMessage = lambda payload: None
    receiver.channel.resumeReceiving()
    assert receiver.told == [b"1", b"2", b"3"]
    assert not server.transport.paused


def test_a_pause_ends_with_its_channel() -> None:
    """A user who paused a channel and then ended it does not hold up the next session."""
    server = Server()
    receiver = server.open()

    def leave() -> None:
        receiver.channel.pauseReceiving()
        receiver.channel.endOutput()

    receiver.onEnd = leave
    server.transport.receive(END)
    assert server.transport.take() == END
    server.open()


def test_nothing_is_awaited_behind_end() -> None:
    """After the client's End the receive timeout does not run, even when receiving resumes."""
    server = Server()
    receiver = server.open()
    server.transport.receive(END)
    receiver.channel.pauseReceiving()
    receiver.channel.resumeReceiving()
    server.clock.advance(601)
    assert receiver.told == ["end"]


def test_a_client_cannot_fill_the_memory_between_two_sessions() -> None:
    """What comes behind a client's End is kept only up to a bound, then no more is read."""
    server = Server()
    receiver = server.open()
    server.transport.receive(END + DUPLEX + bytes(65536))
    assert server.transport.paused
    receiver.channel.close()
    assert not server.transport.paused
    assert len(server.acceptor.receivers) == 2


# ---- endings -------------------------------------------------------------------------------------


def test_a_server_may_end_first() -> None:
    """close() sends End, waits for the client's, and frees the socket."""
    server = Server()
    receiver = server.open()
    closed = results(receiver.channel.close())
    assert server.transport.take() == END
    assert closed == []
    server.transport.receive(END)
    assert closed == [None]
    assert receiver.told == ["closed"]
    assert results(receiver.channel.close()) == [None]
    server.open()


def test_a_message_in_place_of_end_is_an_error() -> None:
    """A message that arrives while a channel waits for End fails it, as in WCF."""
    server = Server()
    receiver = server.open()
    closed = results(receiver.channel.close())
    server.transport.receive(sized_envelope(b"late"))
    assert closed == receiver.told == [errors.ProtocolError]
    assert results(receiver.channel.close()) == [errors.ProtocolError]
    assert server.transport.state == "aborting"


def test_output_may_end_while_input_goes_on() -> None:
    """endOutput() sends End and goes on receiving until the other side ends."""
    server = Server()
    receiver = server.open()
    receiver.channel.endOutput()
    receiver.channel.endOutput()
    assert server.transport.take() == END
    with pytest.raises(errors.ChannelClosedError):
        receiver.channel.send(b"more")
    server.transport.receive(sized_envelope(b"one") + END)
    assert receiver.told == [b"one", "end", "closed"]
    server.open()


def test_a_client_that_does_not_end_is_cut_off() -> None:
    """Without the client's End close() fails after close_timeout."""
    server = Server()
    receiver = server.open()
    closed = results(receiver.channel.close())
    server.clock.advance(61)
    assert closed == receiver.told == [errors.TimeoutError]
    assert server.transport.state == "aborting"


def test_eof_behind_a_message_is_an_end() -> None:
    """EOF behind a message counts as the client's End; the reply is still sent, then it closes."""
    server = Server()
    receiver = server.open()
    server.transport.receive(sized_envelope(b"one"))
    server.transport.receiveEof()
    assert receiver.told == [b"one", "end"]
    receiver.channel.send(b"reply")
    receiver.channel.close()
    assert receiver.told == [b"one", "end", "closed"]
    assert server.transport.take() == sized_envelope(b"reply") + END
    assert server.transport.state == "closing"


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


@pytest.mark.parametrize("sent", [b"", sized_envelope(b"one")[:-1], b"\x06"])
def test_eof_elsewhere_is_an_error(sent: bytes) -> None:
    """EOF before the first message or inside one fails the channel."""
    server = Server()
    receiver = server.open()
    if sent:
        server.transport.receive(sent)
    server.transport.receiveEof()
    assert receiver.told == [errors.ProtocolError]
    assert server.transport.state == "aborting"


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


def test_abort_resets() -> None:
    """abort() ends channel and connection at once; a second one does nothing."""
    server = Server()
    receiver = server.open()
    receiver.channel.abort()
    receiver.channel.abort()
    assert receiver.told == [errors.CommunicationObjectAbortedError]
    assert server.transport.state == "aborting"
    server.transport.settle()
    assert server.delayed == 0


def test_a_fault_may_end_a_session() -> None:
    """fault() in the middle of a session is written and drained."""
    server = Server()
    receiver = server.open()
    receiver.channel.fault(Fault.SERVER_TOO_BUSY)
    assert receiver.told == [errors.CommunicationObjectAbortedError]
    assert server.transport.take() == Fault.SERVER_TOO_BUSY.record
    assert server.transport.halfClosed


# ---- many connections ----------------------------------------------------------------------------


def test_without_a_port_surplus_connections_are_turned_away() -> None:
    """max_pending_connections without a channel are enough; a channel makes room."""
    server = Server()
    server.connect()
    assert server.factory.buildProtocol(None) is None
    server.open()
    assert server.factory.buildProtocol(None) is not None


def test_a_port_stops_accepting_at_the_limit() -> None:
    """With its port known a factory stops accepting, and starts again when there is room."""
    server = Server()
    port: Any = PausablePort()
    server.factory.listeningOn(port)
    _, second = server.connect()
    assert not port.accepting
    second.lose(ConnectionLost())
    assert port.accepting
    _, second = server.connect()
    assert not port.accepting
    server.open()
    assert port.accepting


def test_sockets_between_sessions_are_not_pending() -> None:
    """A reused socket counts again only when its next preamble has begun."""
    server = Server()
    port: Any = PausablePort()
    server.factory.listeningOn(port)
    receiver = server.open()
    receiver.onEnd = lambda: receiver.channel.close()
    server.transport.receive(END)
    server.connect()
    assert port.accepting
    server.transport.receive(DUPLEX[:1])
    assert not port.accepting


def test_closing_a_factory_waits_for_its_channels() -> None:
    """close() ends what has no channel at once, and the rest after its channel."""
    server = Server()
    receiver = server.open()
    _, pending = server.connect()
    closed = results(server.factory.close())
    assert pending.state == "closing"
    pending.settle()
    assert closed == []
    assert server.factory.buildProtocol(None) is None
    receiver.channel.close()
    server.transport.receive(END)
    assert server.transport.state == "closing"
    server.transport.settle()
    assert closed == [None]
    assert results(server.factory.close()) == [None]
    assert server.delayed == 0


def test_aborting_a_factory_ends_everything() -> None:
    """abort() resets all connections."""
    server = Server()
    receiver = server.open()
    _, pending = server.connect()
    server.factory.abort()
    assert receiver.told == [errors.CommunicationObjectAbortedError]
    for transport in (server.transport, pending):
        assert transport.state == "aborting"
        transport.settle()
    assert server.delayed == 0


# ---- behind a shared port ------------------------------------------------------------------------


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


# ---- opening, at the client ----------------------------------------------------------------------


def test_a_client_opens_talks_and_closes() -> None:
    """A client writes its preamble, is acknowledged, talks, and ends; the socket is free then."""
    client = Client()
    free: list[Any] = []
    client.connection.released = free.append
    assert client.transport.take() == DUPLEX
    assert client.opened == []
    client.transport.receive(PREAMBLE_ACK + sized_envelope(b"callback"))
    client.channel.send(b"question")
    assert client.transport.take() == sized_envelope(b"question")
    closed = results(client.channel.close())
    assert client.transport.take() == END
    client.transport.receive(END)
    assert closed == [None]
    assert client.receiver.told == [b"callback", "closed"]
    assert free == [client.connection]
    assert client.connection.usable
    client.again()
    assert client.transport.take() == DUPLEX
    client.transport.receive(PREAMBLE_ACK)
    assert len(client.opened) == 2


REFUSALS: list[tuple[bytes | None, type[Exception], str]] = [
    (Fault.ENDPOINT_NOT_FOUND.record, errors.EndpointNotFoundError, "no service listens"),
    (Fault.ENDPOINT_UNAVAILABLE.record, errors.EndpointNotFoundError, "not there at the moment"),
    (Fault.SERVER_TOO_BUSY.record, errors.ServerTooBusyError, "too busy"),
    (Fault.SERVICE_ACTIVATION_FAILED.record, errors.ServiceActivationError, "could not be started"),
    (Fault.CONNECTION_DISPATCH_FAILED.record, errors.CommunicationError, "could not be brought"),
    (Fault.VIA_TOO_LONG.record, errors.QuotaExceededError, "address too long"),
    (Fault.CONTENT_TYPE_TOO_LONG.record, errors.QuotaExceededError, "content type too long"),
    (Fault.MAX_MESSAGE_SIZE_EXCEEDED.record, errors.QuotaExceededError, "larger than the server"),
    (Fault.UNSUPPORTED_VERSION.record, errors.ProtocolError, "another version"),
    (Fault.UNSUPPORTED_MODE.record, errors.ProtocolError, "this mode"),
    (Fault.CONTENT_TYPE_INVALID.record, errors.ProtocolError, "this content type"),
    (Fault.UPGRADE_INVALID.record, errors.ProtocolError, "this security"),
    (b"\x08\x05urn:x", errors.ProtocolError, "'urn:x'"),
    (b"\x08\x81\x02", errors.ProtocolError, "longer than the 256 bytes"),
    (b"HTTP/1.1 400 Bad Request\r\n", errors.ProtocolError, "looks like HTTP"),
    (b"\x16\x03\x01", errors.ProtocolError, "where the ack has to"),
    (None, errors.ProtocolError, "rejected the session"),
]


@pytest.mark.parametrize(("answer", "kind", "words"), REFUSALS)
def test_a_refusal_becomes_wcfs_exception(
    answer: bytes | None, kind: type[Exception], words: str
) -> None:
    """Each answer to a preamble becomes the exception that WCF has for it, naming the address."""
    client = Client()
    if answer is None:
        client.transport.receiveEof()
    else:
        for index in range(len(answer)):
            client.transport.receive(answer[index : index + 1])
    assert type(client.error) is kind
    assert words in str(client.error)
    assert VIA in str(client.error)
    assert client.transport.state != "open"
    assert client.receiver.told == []
    client.transport.settle()
    assert len(client.clock.getDelayedCalls()) == 0


def test_a_reset_in_place_of_the_ack_is_a_communication_error() -> None:
    """A connection lost before the ack is a CommunicationError and nothing more special."""
    client = Client()
    client.transport.lose(ConnectionLost())
    assert type(client.error) is errors.CommunicationError


def test_cancelling_an_opening_closes_the_connection() -> None:
    """Who does not want to wait any more leaves no connection behind."""
    client = Client()
    client.opening.cancel()
    assert client.transport.state == "aborting"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (Fault.MAX_MESSAGE_SIZE_EXCEEDED.record, errors.QuotaExceededError),
        (Fault.SERVER_TOO_BUSY.record, errors.ServerTooBusyError),
        (envelope_header(65537), errors.QuotaExceededError),
        (b"\x05", errors.ProtocolError),
        (b"\x0b", errors.ProtocolError),
    ],
)
def test_what_goes_wrong_in_a_clients_session(data: bytes, kind: type[Exception]) -> None:
    """Faults and errors after the ack end the channel; the socket is not used again."""
    client = Client()
    client.transport.receive(PREAMBLE_ACK + data)
    client.transport.take()
    assert client.receiver.told == [kind]
    assert client.transport.state != "open"


def test_a_client_ends_before_it_reports_a_fault() -> None:
    """As .NET's, a client answers a fault in a session with End and closes."""
    client = Client()
    client.transport.receive(PREAMBLE_ACK)
    client.transport.take()
    client.transport.receive(Fault.SERVER_TOO_BUSY.record)
    assert client.transport.take() == END
    assert client.transport.state == "closing"


def test_only_servers_send_faults() -> None:
    """A client's channel refuses to send one."""
    client = Client()
    client.transport.receive(PREAMBLE_ACK)
    with pytest.raises(RuntimeError, match="only a server"):
        client.channel.fault(Fault.SERVER_TOO_BUSY)


def test_a_server_that_closes_right_after_end_ends_the_connection() -> None:
    """With EOF behind the server's End the session is complete but the socket not free."""
    client = Client()
    free: list[Any] = []
    client.connection.released = free.append
    client.transport.receive(PREAMBLE_ACK + END)
    client.transport.receiveEof()
    client.channel.close()
    assert client.receiver.told == ["end", "closed"]
    assert free == []
    assert client.transport.state == "closing"


# ---- streams -------------------------------------------------------------------------------------


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
    free: list[Any] = []
    client.connection.released = free.append
    assert client.transport.take() == SINGLETON
    client.transport.receive(PREAMBLE_ACK)
    client.channel.write(b"question")
    client.channel.finish()
    assert client.transport.take() == b"\x05\x08question\x00\x07"
    client.transport.receive(b"\x05\x06answer\x00\x07")
    assert client.receiver.told == [b"answer", "message", "end", "closed"]
    assert free == [client.connection]
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
    free: list[Any] = []
    client.connection.released = free.append
    client.transport.receive(PREAMBLE_ACK)
    closed = results(client.channel.close())
    client.transport.receive(b"\x05\x06answer\x00\x07")
    assert closed == [None]
    assert client.receiver.told == ["closed"]
    assert free == [client.connection]


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


# ---- upgrades ------------------------------------------------------------------------------------


@implementer(IUpgrade)
class Scramble:
    """An upgrade for tests: a greeting both ways, then every byte is inverted."""

    def __init__(self, greets: bool, fails: bool = False) -> None:
        self.greets, self.fails = greets, fails
        self.met = False

    def start(self, host: Any) -> None:
        assert verifyObject(IUpgradeHost, host)
        self.host = host
        if self.greets:
            host.writeRaw(b"hi")

    def rawReceived(self, data: bytes) -> None:
        if not self.met:
            assert data.startswith(b"hi")
            if self.fails:
                self.host.upgradeFailed("bad manners")
                return
            if not self.greets:
                self.host.writeRaw(b"hi")
            self.met = True
            self.host.upgraded("a friend")
            data = data[2:]
        if data:
            self.host.plainReceived(self.turn(data))

    def write(self, data: bytes) -> None:
        self.host.writeRaw(self.turn(data))

    def stop(self) -> bytes:
        return b""

    @staticmethod
    def turn(data: bytes) -> bytes:
        return bytes(byte ^ 0xFF for byte in data)


@implementer(IUpgradeAcceptor, IUpgradeInitiator)
class Scrambling:
    """Offers and asks for :class:`Scramble`."""

    name = "scramble"

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def upgradeFor(self, name: str) -> Scramble | None:
        return Scramble(False, self.fails) if name == self.name else None

    def upgrade(self) -> Scramble:
        return Scramble(True, self.fails)


def test_an_upgraded_session_on_both_sides() -> None:
    """With an upgrade the rest of the session is inside it, and the next begins in clear again."""
    server = Server(answer=Acceptance(upgrades=Scrambling(), upgrade_required=True))
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    client = Client(upgrade=Scrambling())
    free: list[Any] = []
    client.connection.released = free.append
    for turn in (1, 2):
        trace = exchange(client.transport, server.transport)
        channel = client.channel
        assert channel.security == "a friend"
        assert server.acceptor.receivers[-1].channel.security == "a friend"
        channel.send(b"secret")
        trace += exchange(client.transport, server.transport)
        channel.close()
        trace += exchange(client.transport, server.transport)
        assert trace[:4] == [
            ("c", preamble(VIA, upgrade="scramble")),
            ("s", UPGRADE_RESPONSE),
            ("c", b"hi"),
            ("s", b"hi"),
        ]
        assert [data for _, data in trace[4:]] == list(
            map(
                Scramble.turn,
                (PREAMBLE_END, PREAMBLE_ACK, sized_envelope(b"secret"), END, END),
            )
        )
        assert server.acceptor.receivers[-1].told == [b"secret", "end", "closed"]
        assert len(free) == turn
        if turn == 1:
            client.again()


def exchange(client: MemoryTransport, server: MemoryTransport) -> list[tuple[str, bytes]]:
    """Carry bytes between two transports until nothing moves."""
    trace = []
    while True:
        moved = False
        for name, here, there in (("c", client, server), ("s", server, client)):
            data = here.take()
            if data:
                moved = True
                trace.append((name, data))
                there.receive(data)
        if not moved:
            return trace


@pytest.mark.parametrize(
    ("opening", "answer"),
    [
        (preamble(VIA, upgrade="other"), Fault.UPGRADE_INVALID.record),
        (DUPLEX, b""),
    ],
)
def test_security_that_does_not_fit_is_refused(opening: bytes, answer: bytes) -> None:
    """Another upgrade is a fault; none where one is required ends the connection without one."""
    server = Server(answer=Acceptance(upgrades=Scrambling(), upgrade_required=True))
    server.transport.receive(opening)
    assert server.transport.take() == answer
    assert (server.transport.state == "aborting") is (answer == b"")


def test_a_second_upgrade_is_refused() -> None:
    """Inside an upgraded stream no further upgrade is offered."""
    server = Server(answer=Acceptance(upgrades=Scrambling()))
    server.transport.receive(preamble(VIA, upgrade="scramble"))
    server.transport.receive(b"hi")
    server.transport.take()
    server.transport.receive(Scramble.turn(b"\x09\x08scramble"))
    assert server.transport.take() == Scramble.turn(Fault.UPGRADE_INVALID.record)


def test_a_failed_upgrade_ends_the_connection() -> None:
    """When an upgrade fails the client learns it as MessageSecurityError, the server closes."""
    server = Server(answer=Acceptance(upgrades=Scrambling(fails=True)))
    server.transport.receive(preamble(VIA, upgrade="scramble") + b"hi")
    assert server.transport.state == "closing"
    client = Client(upgrade=Scrambling(fails=True))
    client.transport.receive(UPGRADE_RESPONSE + b"hi")
    assert type(client.error) is errors.MessageSecurityError
    assert "bad manners" in str(client.error)
    assert client.transport.state == "closing"


def test_a_socket_with_bytes_left_in_an_upgrade_is_not_used_again() -> None:
    """What a server sends behind its End, under the upgraded stream, makes the socket useless."""

    class Untidy(Scramble):
        def stop(self) -> bytes:
            return b"x"

    initiator = Scrambling()
    initiator.upgrade = lambda: Untidy(True)  # type: ignore[method-assign]
    client = Client(upgrade=initiator)
    free: list[Any] = []
    client.connection.released = free.append
    client.transport.receive(UPGRADE_RESPONSE + b"hi")
    client.transport.receive(Scramble.turn(PREAMBLE_ACK + END))
    client.channel.close()
    assert client.receiver.told == ["end", "closed"]
    assert free == []
    assert client.transport.state == "closing"


def test_plain_bytes_behind_the_end_of_an_upgraded_session_are_an_error() -> None:
    """The next preamble is in clear, so anything more in the upgraded stream is refused."""
    server = Server(answer=Acceptance(upgrades=Scrambling()))
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    server.transport.receive(preamble(VIA, upgrade="scramble"))
    server.transport.receive(b"hi" + Scramble.turn(PREAMBLE_END + END + DUPLEX))
    assert server.transport.state == "aborting"
    assert len(server.acceptor.receivers) == 1


@pytest.mark.parametrize("answer", [PREAMBLE_ACK, None])
def test_an_upgrade_that_is_not_answered_is_a_security_error(answer: bytes | None) -> None:
    """An ack, or EOF, where the upgrade response is due is a MessageSecurityError."""
    client = Client(upgrade=Scrambling())
    if answer is None:
        client.transport.receiveEof()
    else:
        client.transport.receive(answer)
    assert type(client.error) is errors.MessageSecurityError


# ---- both sides, and real conversations ----------------------------------------------------------


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
    clock = Clock()
    connection = ClientConnection(clock)
    receiver = Receiver()
    other = server.factory.buildProtocol(None)
    wire = Wire(connection, other)
    opened: list[Any] = []
    connection.open(Opening(VIA, receiver)).addCallback(opened.append)
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
    assert clock.getDelayedCalls() == []


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
