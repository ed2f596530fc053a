"""Workers that hang, and what becomes of their clients."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netshare.framing.records import PREAMBLE_ACK
from tests.integration.restarting import Load, Place, until
from tests.integration.test_recycling import netshare, rows

#: Hangs for good when a client asks it to.
HANGING = """
import time
import names


class Hanging(names.Named):
    def dataReceived(self, data):
        if data == b"hang":
            time.sleep(600)
        super().dataReceived(data)


def factory():
    return names.Factory.forProtocol(Hanging)
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as cleanup:
        made = Place(tmp_path, cleanup)
        (tmp_path / "hanging.py").write_text(HANGING)
        yield made


def serve(place: Place, processes: int, patience: float) -> None:
    file = place.directory / "netshare.toml"
    file.write_text(
        f"""
        pingTimeout = 1
        [[worker]]
        address = "{place.address("one")}"
        factory = "hanging:factory"
        preamble = "consume"
        processes = {processes}
        unresponsiveTimeout = {patience}
        maxFailures = 2
        """
    )
    place.service(f"--config={file}")
    until(lambda: place.served("one"))


def pid_of(place: Place) -> int:
    return int(place.ask("one").removeprefix(PREAMBLE_ACK))


def hang(place: Place) -> int:
    """Have a process hang in its reactor; returns which."""
    with place.session("one") as client:
        pid = int(client.recv(100).removeprefix(PREAMBLE_ACK))
        client.sendall(b"hang")
        time.sleep(0.1)
    return pid


def test_one_of_two_hangs(place: Place) -> None:
    """The other one serves everybody, and in the end it is replaced."""
    serve(place, 2, 4)
    hanging = hang(place)
    until(lambda: "silent" in [row["state"] for row in rows(place)])
    load = Load(place, ["one"], 50)
    time.sleep(1)
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    until(lambda: not os.path.exists(f"/proc/{hanging}"))
    until(lambda: [row["state"] for row in rows(place)] == ["ready", "ready"])
    assert "has not answered for 4 s, and was killed" in place.log.read_text()


def test_the_only_one_hangs(place: Place) -> None:
    """Its clients wait for the process that takes its place; too many failures are too many."""
    serve(place, 1, 2)
    hanging = hang(place)
    until(lambda: rows(place)[0]["state"] == "silent")
    assert pid_of(place) != hanging
    hang(place)
    until(lambda: "out-of-service" in netshare(place, "list")[1])
    assert b"EndpointUnavailable" in place.ask("one")
    code, _, _ = netshare(place, "start", place.address("one"), "--wait")
    assert code == 0
    assert place.served("one")


def test_one_that_is_stopped_for_a_moment(place: Place) -> None:
    """It is given nothing meanwhile, and is not replaced."""
    serve(place, 1, 60)
    pid = pid_of(place)
    os.kill(pid, signal.SIGSTOP)
    until(lambda: rows(place)[0]["state"] == "silent")
    os.kill(pid, signal.SIGCONT)
    until(lambda: rows(place)[0]["state"] == "ready")
    assert pid_of(place) == pid
