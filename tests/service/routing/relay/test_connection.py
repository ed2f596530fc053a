"""netshare.service.routing.relay.connection: one connection, from its preamble on."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread

import pytest

from netshare.framing.records import END, SSL_TLS_UPGRADE, Mode, preamble
from netshare.framing.sizes import encode_size
from netshare.outcomes import Outcome
from netshare.service.routing.relay.connection import MOST_EARLY
from netshare.service.routing.relay.pipes import AVAILABLE, Pipe
from tests.helpers.relaying import OTHER, PREAMBLE, RESET, VIA, RelayUnderTest

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


def test_bytes_go_both_ways(relay: RelayUnderTest) -> None:
    """From the first of the preamble on, and the ends are told of nothing else."""
    client, server = relay.opened()
    client.sendall(MESSAGE)
    server.sendall(b"answer")
    relay.settle()
    assert server.recv(100) == MESSAGE
    assert client.recv(100) == b"answer"


@pytest.mark.parametrize("cut", [len(PREAMBLE) - 3, len(PREAMBLE) - 1])
def test_not_before_the_preamble_is_complete(relay: RelayUnderTest, cut: int) -> None:
    """A server is dialled only when it has something to answer; the arrival is left as it was."""
    arrival = relay.arrive(PREAMBLE[:cut])
    assert not relay.servers[0].asked()
    arrival.client.sendall(PREAMBLE[cut:])
    relay.settle()
    server = relay.servers[0].accept()
    assert server.recv(1000) == PREAMBLE
    assert arrival.readData == PREAMBLE[:cut]
    server.sendall(b"\x0b")
    relay.settle()
    assert arrival.outcome is Outcome.RELAYED


def test_half_closes_travel(relay: RelayUnderTest) -> None:
    """A half-close goes through, and the other direction goes on."""
    client, server = relay.opened()
    client.shutdown(socket.SHUT_WR)
    relay.settle()
    assert server.recv(1000) == b""
    server.sendall(b"still here")
    relay.settle()
    assert client.recv(100) == b"still here"
    server.close()
    relay.settle()
    assert client.recv(100) == b""
    assert not relay.route.active


def test_part_of_a_record_before_a_half_close(relay: RelayUnderTest) -> None:
    """What says nothing yet is passed on with the end behind which nothing can come."""
    client, server = relay.opened()
    client.sendall(b"\x06\x80")
    relay.settle()
    assert silent(server)
    client.shutdown(socket.SHUT_WR)
    relay.settle()
    assert everything(server) == b"\x06\x80"


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_side_that_leaves(relay: RelayUnderTest, who: str) -> None:
    """When one side resets its connection, so is the other's."""
    client, server = relay.opened()
    one, other = (client, server) if who == "client" else (server, client)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()
    relay.settle()
    with pytest.raises(ConnectionResetError):
        other.recv(1)
    assert not relay.route.active


@pytest.mark.parametrize("slow", ["client", "server"])
def test_one_side_reads_late(relay: RelayUnderTest, slow: str) -> None:
    """Then no more is read from the other than the systems' buffers hold, and all arrives."""
    client, server = relay.opened()
    reader, writer = (client, server) if slow == "client" else (server, client)
    size = 30_000_000
    head = b"" if slow == "client" else b"\x06\x80\x87\xa7\x0e"
    writer.setblocking(False)
    payload, sent = memoryview(head + bytes(size)), 0
    for _ in range(1000):
        try:
            sent += writer.send(payload[sent:])
        except BlockingIOError:
            before = sent
            relay.settle()
            if before == sent and not relay.reactor.readers:
                break
    assert sent < len(payload)
    received = 0
    reader.settimeout(0.2)
    while received < len(payload):
        try:
            received += len(reader.recv(1 << 20))
        except TimeoutError:
            pass
        try:
            sent += writer.send(payload[sent:])
        except BlockingIOError:
            pass
        relay.settle()
    assert received == len(payload)


def test_a_malformed_rest(relay: RelayUnderTest) -> None:
    """What is wrong behind the via is found here, and the server never hears of it."""
    arrival = relay.arrive(PREAMBLE[:-1] + b"\x05")
    assert (arrival.ending, arrival.outcome) == ("refused", Outcome.MALFORMED)
    assert not relay.servers[0].asked()


def test_a_rest_that_does_not_come(relay: RelayUnderTest) -> None:
    """The rest of the preamble has the receiveTimeout."""
    arrival = relay.arrive(PREAMBLE[:-1])
    relay.reactor.advance(30.1)
    assert (arrival.ending, arrival.outcome) == ("taken", Outcome.RECEIVE_TIMEOUT)


@pytest.mark.parametrize(
    ("data", "outcome"),
    [(PREAMBLE[:-1], Outcome.INCOMPLETE), (PREAMBLE, Outcome.CLIENT_GONE)],
    ids=["preamble", "dialling"],
)
@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_early(
    relay: RelayUnderTest, data: bytes, outcome: Outcome, reset: bool
) -> None:
    """A client that does not wait for the answer is noticed, and the server's leg closed."""
    arrival = relay.arrive(data)
    if reset:
        arrival.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    arrival.client.close()
    relay.settle()
    assert arrival.ending == "taken"
    assert arrival.outcome is (Outcome.CLIENT_GONE if reset else outcome)
    if data == PREAMBLE:
        everything(relay.servers[0].accept())


def test_a_client_that_does_not_wait(relay: RelayUnderTest) -> None:
    """Only the preamble is sent until there is an answer; the rest is kept, within a limit."""
    arrival = relay.arrive(PREAMBLE + MESSAGE)
    server = relay.servers[0].accept()
    relay.settle()
    assert server.recv(1000) == PREAMBLE
    assert silent(server)
    arrival.client.sendall(b"\x06\x80\x80\x08" + bytes(2 * MOST_EARLY))
    relay.settle()
    server.sendall(b"\x0b")
    relay.settle()
    received = b""
    while len(received) < len(MESSAGE) + 4 + 2 * MOST_EARLY:
        received += server.recv(65536)
        relay.settle()
    assert received.startswith(MESSAGE)


# Rule E: a preamble behind an End is routed anew.


def test_the_same_address_again(relay: RelayUnderTest) -> None:
    """The next preamble for the very via goes to the same server, on the same connection."""
    client, server = relay.opened()
    for _ in range(3):
        client.sendall(MESSAGE + END)
        relay.settle()
        assert server.recv(100) == MESSAGE + END
        server.sendall(END)
        relay.settle()
        assert client.recv(100) == END
        client.sendall(PREAMBLE)
        relay.settle()
        assert server.recv(100) == PREAMBLE
    assert not relay.returned


@pytest.mark.parametrize("together", [True, False])
def test_another_address(relay: RelayUnderTest, together: bool) -> None:
    """It never reaches the first server: the client goes back to be routed, the server's leg is
    closed."""
    client, server = relay.opened()
    (arrival,) = relay.arrivals
    client.sendall(MESSAGE + END + TO_OTHER if together else MESSAGE + END)
    relay.settle()
    if not together:
        client.sendall(TO_OTHER)
        relay.settle()
    assert everything(server) == MESSAGE + END
    ((held, data, peer, local),) = relay.returned
    assert (data, peer, local) == (TO_OTHER, arrival.peer, arrival.local)
    assert held.peer() == arrival.peer
    assert not relay.route.active
    assert relay.descriptors() == 0


@pytest.mark.parametrize(
    "second",
    [
        preamble(VIA + "/deeper"),
        preamble(VIA)[:-1],
        b"\x00",
        b"GET / HTTP/1.1\r\n",
        preamble(VIA, upgrade=SSL_TLS_UPGRADE)[:-5],
    ],
    ids=["deeper", "not whole", "one byte", "not net.tcp", "half an upgrade"],
)
def test_what_else_comes_behind_a_session(relay: RelayUnderTest, second: bytes) -> None:
    """Whatever is not a whole preamble for the very via is not passed: the front judges it."""
    client, server = relay.opened()
    client.sendall(END + second)
    relay.settle()
    assert everything(server) == END
    assert [data for _, data, _, _ in relay.returned] == [second]


def test_the_via_leads_elsewhere_now(relay: RelayUnderTest) -> None:
    """The tree of that moment decides, not that of the first preamble."""
    client, server = relay.opened()
    relay.elsewhere[VIA] = None
    client.sendall(END + PREAMBLE)
    relay.settle()
    assert everything(server) == END
    assert len(relay.returned) == 1


def test_a_server_that_closed_behind_its_end(relay: RelayUnderTest) -> None:
    """A preamble that crosses with the server's close does not vanish."""
    client, server = relay.opened()
    client.sendall(END)
    relay.settle()
    server.recv(10)
    server.sendall(END)
    server.close()
    client.sendall(PREAMBLE)
    relay.settle()
    # Either it is served anew, or the client sees its socket closed and connects anew.
    assert relay.returned or everything(client) == END


@pytest.mark.parametrize(
    ("mode", "session"),
    [(Mode.SINGLETON, b"\x05\x03abc\x00" + END), (Mode.DUPLEX, MESSAGE + END)],
)
def test_modes(relay: RelayUnderTest, mode: Mode, session: bytes) -> None:
    """Streamed and buffered sessions are followed."""
    client, server = relay.opened(preamble(VIA, mode))
    client.sendall(session + TO_OTHER)
    relay.settle()
    assert everything(server) == session
    assert len(relay.returned) == 1


def test_tls(relay: RelayUnderTest) -> None:
    """Below an upgrade to TLS the next preamble is found between two records."""
    client, server = relay.opened(preamble(VIA, upgrade=SSL_TLS_UPGRADE), b"\x0a")
    records = b"\x16\x03\x01\x00\x03abc\x17\x03\x03\x00\x02\x00\x01"
    client.sendall(records)
    relay.settle()
    assert server.recv(100) == records
    client.sendall(TO_OTHER)
    relay.settle()
    assert everything(server) == b""
    assert len(relay.returned) == 1


def test_an_upgrade_that_is_not_known(relay: RelayUnderTest) -> None:
    """What is not understood goes to the one server, whatever it looks like, until that closes."""
    client, server = relay.opened(preamble(VIA, upgrade="application/other"), b"\x0a")
    client.sendall(END + TO_OTHER)
    relay.settle()
    assert server.recv(100) == END + TO_OTHER
    server.close()
    relay.settle()
    assert everything(client) == b""


def test_what_cannot_be_followed(relay: RelayUnderTest) -> None:
    """Bytes that are no session are not passed: both connections are reset."""
    client, server = relay.opened()
    client.sendall(MESSAGE)
    relay.settle()
    client.sendall(b"\x55" + TO_OTHER)
    relay.settle()
    assert everything(server) in (MESSAGE, b"")
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_preamble_before_the_answer_was_read(relay: RelayUnderTest) -> None:
    """A client that asks for something else while an answer is still on its way to it is cut."""
    client, server = relay.opened()
    server.setblocking(False)
    for _ in range(100):  # more than the systems' buffers hold: the client does not read
        with suppress(BlockingIOError):
            server.send(bytes(1 << 20))
        relay.settle()
    client.sendall(END + TO_OTHER)
    relay.settle()
    assert not relay.returned
    assert not relay.route.active


def test_many_sessions_in_one_read(relay: RelayUnderTest) -> None:
    """Thousands of sessions in one write are work for a loop, not for the stack."""
    client, server = relay.opened()
    sessions = (END + PREAMBLE) * 1500
    client.sendall(sessions)
    relay.settle()
    received = b""
    while len(received) < len(sessions):
        received += server.recv(65536)
        relay.settle()
    assert received == sessions


# Several servers.


@pytest.mark.parametrize("records", [1, 40])
def test_large_records(
    relay: RelayUnderTest, monkeypatch: pytest.MonkeyPatch, records: int
) -> None:
    """They go on unread where that is possible, and what follows is found all the same."""
    unread = []
    fill = Pipe.fill

    def counted(pipe: Pipe, source: int, most: int) -> int:
        unread.append(fill(pipe, source, most))
        return unread[-1]

    monkeypatch.setattr(Pipe, "fill", counted)
    client, server = relay.opened()
    payload = bytes(range(256)) * (20_000 if records == 1 else 900)
    record = b"\x06" + encode_size(len(payload)) + payload
    whole = record * records + END
    threads = [
        Thread(target=client.sendall, args=(whole,)),
        Thread(target=server.sendall, args=(whole[::-1],)),
    ]
    arrived: list[bytes] = [b"", b""]

    def receive(at: int, connection: socket.socket) -> None:
        while len(arrived[at]) < len(whole):
            arrived[at] += connection.recv(1 << 20)

    threads += [Thread(target=receive, args=(at, one)) for at, one in enumerate((server, client))]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        relay.settle()
    assert arrived == [whole, whole[::-1]]
    assert sum(unread) > len(whole) // 2 or not AVAILABLE
    relay.elsewhere[OTHER] = None
    client.sendall(preamble(OTHER))
    relay.settle()
    assert [data for _, data, _, _ in relay.returned] == [preamble(OTHER)]
