"""The client's role in a connection."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost

from netshare.framing.faults import Fault
from netshare.framing.records import (
    END,
    PREAMBLE_ACK,
)
from netshare.transport.channels import errors
from tests.helpers.channels import (
    DUPLEX,
    Client,
    results,
)
from tests.helpers.wire import sized_envelope


def test_a_client_opens_talks_and_closes() -> None:
    """A client writes its preamble, is acknowledged, talks, and ends; the socket is free then."""
    client = Client()
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
    assert client.free == [client.role]
    assert client.role.usable
    client.again()
    assert client.transport.take() == DUPLEX
    client.transport.receive(PREAMBLE_ACK)
    assert len(client.opened) == 2


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
    client.transport.receive(PREAMBLE_ACK + END)
    client.transport.receiveEof()
    client.channel.close()
    assert client.receiver.told == ["end", "closed"]
    assert client.free == []
    assert client.transport.state == "closing"
