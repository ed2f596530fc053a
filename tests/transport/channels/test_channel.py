"""Channels of whole messages, from the ack to both End records, on connections in memory."""

from __future__ import annotations

import pytest

from netshare.framing.faults import Fault
from netshare.framing.records import (
    END,
)
from netshare.transport.channels import errors
from tests.helpers.channels import (
    Server,
    results,
)
from tests.helpers.wire import sized_envelope


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
