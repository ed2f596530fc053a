"""
A service that another process takes over from, with workers that it has started.
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

from tests.integration.restarting import Load, end, until
from tests.integration.succeeding import DYING, Succession


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Succession]:
    with ExitStack() as cleanup:
        yield Succession(tmp_path, cleanup)


def workers(place: Succession, processes: int, target: str = "factory") -> str:
    """An option for workers that the service starts."""
    how = f"preamble=consume,processes={processes}"
    return f"--worker={place.address('own')}=names:{target},{how}"


def pids(place: Succession, connections: int = 8) -> set[int]:
    """The processes that answer."""
    return {int(place.ask("own").lstrip(b"\x0b")) for _ in range(connections)}


def started(place: Succession, processes: int) -> set[int]:
    """Wait until so many processes serve."""
    until(lambda: place.served("own") and len(pids(place)) == processes)
    return pids(place)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def long_connection(place: Succession) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", place.port), 20)
    place.cleanup.enter_context(client)
    client.sendall(place.opening("own"))
    while not client.recv(1000).endswith(b"\n"):
        pass
    return client


def test_they_go_along(place: Succession) -> None:
    """The same processes serve on, no connection is cut, and the last service ends them."""
    option = workers(place, 2)
    service = place.run(option)
    before = started(place, 2)
    clients = [long_connection(place) for _ in range(4)]
    load = Load(place, ["own"], 100)
    for _ in range(3):
        time.sleep(0.2)
        service = place.succeed(service, option)
    time.sleep(0.2)
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    assert pids(place) == before
    for client in clients:
        client.sendall(b"still")
        assert client.recv(5) == b"still"
    end(service, signal.SIGTERM)
    assert not any(map(runs, before))
    assert "own/1 ended" in place.log.read_text()


def test_their_output_and_their_end(place: Succession) -> None:
    """The new service logs what they write, and starts another one when one ends."""
    option = f"--worker={place.address('own')}=names:talking,preamble=consume"
    (place.directory / "names.py").open("a").write(TALKING)
    service = place.run(option)
    (pid,) = started(place, 1)
    service = place.succeed(service, option)
    until(lambda: f"own: process {pid} still here" in place.log.read_text())
    count = place.log.read_text().count("still here")
    until(lambda: place.log.read_text().count("still here") > count)
    os.kill(pid, signal.SIGKILL)
    until(lambda: place.served("own") and pids(place, 2) != {pid})
    assert "own ended; its status is not known" in place.log.read_text()
    assert service.poll() is None


TALKING = """

def talking(reactor):
    import sys
    from twisted.internet.task import LoopingCall
    LoopingCall(print, f"process {os.getpid()} still here", file=sys.stderr).start(0.1)
    return factory()
"""


def test_a_successor_that_dies(place: Succession) -> None:
    """At whatever record: the service that started them still has them."""
    option = workers(place, 2)
    service = place.run(option)
    before = started(place, 2)
    load = Load(place, ["own"], 50)
    for count in range(9):
        taking = subprocess.run(
            [sys.executable, "-c", DYING, str(place.control), str(count)],
            env=place.environment, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert taking.returncode == 7, taking.stderr
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    assert pids(place) == before
    assert service.poll() is None
    end(service, signal.SIGTERM)
    assert not any(map(runs, before))


def test_another_configuration(place: Succession) -> None:
    """Processes that are not wanted are drained, and those that are started in another way
    recycled."""
    service = place.run(workers(place, 3))
    before = started(place, 3)
    client = long_connection(place)
    load = Load(place, ["own"], 50)
    service = place.succeed(service, workers(place, 2, "slow"))
    until(lambda: len(pids(place)) == 2 and not pids(place) & before)
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    client.sendall(b"still")
    assert client.recv(5) == b"still"
    client.close()
    until(lambda: not any(map(runs, before)))


def test_many_take_overs(place: Succession) -> None:
    """Neither descriptors nor processes get lost or grow over many of them."""
    option = workers(place, 2)
    service = place.run(option)
    before = started(place, 2)
    counts = []
    for _ in range(6):
        service = place.succeed(service, option)
        counts.append(len(os.listdir(f"/proc/{service.pid}/fd")))
    assert pids(place) == before
    assert max(counts) - min(counts) <= 2, counts


#: A service that knows links in another form.
OTHER = """
import sys
from netshare.service.takeover import taking
from twisted.application.twist._twist import Twist
taking.FORMAT = 99
sys.exit(Twist.main())
"""


def test_links_that_do_not_go_along(place: Succession) -> None:
    """Workers that the service has started come back to the new one, with all that they have."""
    option = workers(place, 2)
    service = place.run(option)
    before = started(place, 2)
    client = long_connection(place)
    load = Load(place, ["own"], 50)
    new = place.run("--take-over", option, program=("-c", OTHER))
    assert service.wait(20) == 0, place.log.read_text()
    until(lambda: pids(place) == before)
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    client.sendall(b"still")
    assert client.recv(5) == b"still"
    end(new, signal.SIGTERM)
    assert not any(map(runs, before))


def test_a_service_that_is_killed(place: Succession) -> None:
    """Its workers look for another one for a while, and end when there is none that knows them."""
    service = place.run(workers(place, 2))
    before = started(place, 2)
    end(service, signal.SIGKILL)
    time.sleep(0.5)
    assert all(map(runs, before))
    place.run(workers(place, 2))
    until(lambda: not any(map(runs, before)))
    assert len(started(place, 2) | before) == 4
