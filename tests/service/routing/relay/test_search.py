"""netshare.service.routing.relay.search: the first answer decides."""

from __future__ import annotations

import socket

import pytest

from netshare.framing.faults import Fault
from netshare.framing.records import preamble
from netshare.outcomes import Outcome
from tests.helpers.relaying import OTHER, PREAMBLE, RelayUnderTest

MESSAGE = b"\x06\x03abc"
TO_OTHER = preamble(OTHER)


def everything(connection: socket.socket) -> bytes:
    """What can be read until the end, or a reset."""
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def silent(connection: socket.socket) -> bool:
    """Whether there is nothing to read, and no end."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    finally:
        connection.settimeout(2)
    return False


def test_the_first_answer_decides(relay: RelayUnderTest) -> None:
    """Until a server has sent a byte the arrival is undecided, and keeps what it was given."""
    arrival = relay.arrive()
    server = relay.servers[0].accept()
    assert arrival.ending is None
    assert not arrival.held.closed
    server.sendall(b"\x0b")
    relay.settle()
    assert arrival.outcome is Outcome.RELAYED
    assert arrival.readData == PREAMBLE


def test_a_server_that_closes_without_an_answer(relay: RelayUnderTest) -> None:
    """The endpoint is unavailable, and the sentence names the server."""
    arrival = relay.arrive()
    server = relay.servers[0].accept()
    assert server.recv(1000) == PREAMBLE
    server.close()
    relay.settle()
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.ENDPOINT_UNAVAILABLE)
    assert "server 0: it closed without an answer" in arrival.detail


def test_a_fault_of_the_only_server(relay: RelayUnderTest) -> None:
    """It is the server's own answer, and the client reads it."""
    record = Fault.SERVER_TOO_BUSY.record
    client, server = relay.opened(answer=record)
    server.close()
    relay.settle()
    assert everything(client) == b""


def test_a_server_that_is_down() -> None:
    """The endpoint is unavailable; the sentence says which server, and why."""
    one = RelayUnderTest(False)
    arrival = one.arrive()
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.ENDPOINT_UNAVAILABLE)
    assert arrival.detail == "cannot be reached: server 0: Connection refused"
    one.finish()


def test_the_next_server() -> None:
    """A server that is down is left out; the connection is served by the next."""
    one = RelayUnderTest(False, True)
    arrival = one.arrive()
    server = one.servers[1].accept()
    assert server.recv(1000) == PREAMBLE
    server.sendall(b"\x0b")
    one.settle()
    assert (arrival.outcome, arrival.detail) == (Outcome.RELAYED, "server 1")
    one.finish()


@pytest.mark.parametrize("answer", [b"", Fault.ENDPOINT_NOT_FOUND.record])
def test_a_server_that_says_no(two: RelayUnderTest, answer: bytes) -> None:
    """A fault, or an end without an answer, and the same preamble goes to the next."""
    arrival = two.arrive()
    first = two.servers[0].accept()
    first.sendall(answer)
    first.close()
    two.settle()
    second = two.servers[1].accept()
    assert second.recv(1000) == PREAMBLE
    second.sendall(b"\x0b")
    two.settle()
    assert (arrival.outcome, arrival.detail) == (Outcome.RELAYED, "server 1")
    assert arrival.client.recv(100) == b"\x0b"


@pytest.mark.parametrize("last", [b"", Fault.ENDPOINT_NOT_FOUND.record])
def test_all_servers_say_no(two: RelayUnderTest, last: bytes) -> None:
    """The client is told what the last server said that said anything."""
    arrival = two.arrive()
    two.servers[0].accept().sendall(Fault.SERVER_TOO_BUSY.record)
    two.settle()
    second = two.servers[1].accept()
    second.sendall(last)
    second.close()
    two.settle()
    assert arrival.outcome is Outcome.RELAYED
    expected = last or Fault.SERVER_TOO_BUSY.record
    assert arrival.client.recv(1000) == expected


def test_the_least_busy_server(two: RelayUnderTest) -> None:
    """Connections go to the server that has the fewest."""
    for expected in (0, 1, 0, 1):
        two.arrive()
        server = two.servers[expected].accept()
        server.sendall(b"\x0b")
        two.settle()
    assert [one.server.active for one in two.servers] == [2, 2]


def test_a_bad_server_is_tried_last(two: RelayUnderTest) -> None:
    """For a second after a failure the others come first."""
    two.servers[0].server.failed("for the test")
    two.arrive()
    two.servers[1].accept()
    two.reactor.advance(1.1)
    two.arrive()
    two.servers[0].accept()
