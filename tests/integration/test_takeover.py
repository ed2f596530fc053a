"""
A service that another process takes over from, under a load of clients that count.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netshare.framing.records import PREAMBLE_ACK, preamble
from tests.integration.restarting import Load, end, until
from tests.integration.succeeding import DYING, Succession


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Succession]:
    with ExitStack() as cleanup:
        yield Succession(tmp_path, cleanup)


def half(place: Succession) -> socket.socket:
    """A client that has sent half of its preamble."""
    client = socket.create_connection(("127.0.0.1", place.port), 20)
    place.cleanup.enter_context(client)
    client.sendall(preamble(f"net.tcp://127.0.0.1:{place.port}/one")[:20])
    return client


def rest(place: Succession, client: socket.socket) -> bytes:
    """Send the other half, and read the answer."""
    client.sendall(preamble(f"net.tcp://127.0.0.1:{place.port}/one")[20:])
    answer = b""
    while not answer.endswith(b"\n") and (piece := client.recv(1000)):
        answer += piece
    return answer


def test_take_overs_under_load(place: Succession) -> None:
    """Clients that come while one service takes over from another are all served."""
    service = place.run()
    place.worker("one", "two")
    until(lambda: place.served("one") and place.served("two"))
    load = Load(place, ["one", "two"], 200)
    for _ in range(3):
        time.sleep(0.3)
        service = place.succeed(service)
    time.sleep(0.3)
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    assert load.outcomes["served"] > 100


def test_half_preambles(place: Succession) -> None:
    """What has sent half of its preamble goes on at the new service, where it was."""
    service = place.run("--firstByteTimeout=20")
    place.worker("one")
    until(lambda: place.served("one"))
    clients = [half(place) for _ in range(50)]
    silent = socket.create_connection(("127.0.0.1", place.port), 20)
    place.cleanup.enter_context(silent)
    time.sleep(0.2)
    service = place.succeed(service)
    for client in clients:
        assert rest(place, client).startswith(PREAMBLE_ACK)
    silent.sendall(preamble(f"net.tcp://127.0.0.1:{place.port}/one"))
    assert silent.recv(1) == PREAMBLE_ACK


def test_a_silent_successor(place: Succession) -> None:
    """A successor that takes everything and says nothing, or dies, has changed nothing."""
    service = place.run()
    place.worker("one")
    until(lambda: place.served("one"))
    clients = [half(place) for _ in range(5)]
    time.sleep(0.2)
    for count in range(6):
        taking = subprocess.run(
            [sys.executable, "-c", DYING, str(place.control), str(count)],
            env=place.environment, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert taking.returncode == 7, taking.stderr
        assert place.served("one")
    for client in clients:
        assert rest(place, client).startswith(PREAMBLE_ACK)
    assert service.poll() is None


def test_no_service_to_take_over(place: Succession) -> None:
    """Where no service runs there is nothing to take over, which is said."""
    process = place.run("--take-over")
    assert process.wait(20) == 1
    assert "start one without --take-over" in place.log.read_text()


def test_a_port_that_cannot_be_opened(place: Succession) -> None:
    """A successor that cannot have everything ends, and the service serves on."""
    service = place.run()
    place.worker("one")
    until(lambda: place.served("one"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        process = place.run("--take-over", f"--listen=tcp:{number}:interface=127.0.0.1")
        assert process.wait(20) == 1
    assert place.served("one")
    assert service.poll() is None


def test_a_stopped_worker(place: Succession) -> None:
    """What a stopped worker has been sent waits in its lane, whichever process is the service."""
    service = place.run("--dispatchTimeout=20")
    worker = place.worker("one")
    until(lambda: place.served("one"))
    worker.send_signal(signal.SIGSTOP)
    try:
        load = Load(place, ["one"], 50)
        time.sleep(0.5)
        service = place.succeed(service, "--dispatchTimeout=20")
        time.sleep(0.2)
    finally:
        worker.send_signal(signal.SIGCONT)
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes


def test_many_take_overs(place: Succession) -> None:
    """Neither descriptors nor what is counted gets lost or grows over many of them."""
    service = place.run()
    place.worker("one")
    until(lambda: place.served("one"))
    counts = []
    for _ in range(6):
        service = place.succeed(service)
        until(lambda: place.served("one"))
        counts.append(len(os.listdir(f"/proc/{service.pid}/fd")))
    assert max(counts) - min(counts) <= 2, counts
    assert os.readlink(f"{place.control}.lock") == str(service.pid)
    end(service, signal.SIGTERM)
    assert not place.control.exists()
    assert not place.control.with_name("control.lock").is_symlink()


def test_links_go_along(place: Succession) -> None:
    """Workers' links and lanes go to the new service: no worker registers anew."""
    service = place.run()
    place.worker("one", "two")
    until(lambda: place.served("one") and place.served("two"))
    registered = place.log.read_text().count("registered net.tcp")
    for _ in range(3):
        service = place.succeed(service)
        assert place.served("one")
        assert place.served("two")
    assert place.log.read_text().count("registered net.tcp") == registered
