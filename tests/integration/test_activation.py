"""Workers that are started by their first connection, under clients that count."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from netshare.framing.faults import Fault
from netshare.framing.records import PREAMBLE_ACK
from tests.integration.restarting import Place, until
from tests.integration.test_recycling import FRAGILE, echoed, netshare, pid_of, rows, session


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as cleanup:
        yield Place(tmp_path, cleanup)


def serve(place: Place, more: str = "", factory: str = "names:factory") -> None:
    """Have an address whose worker is started on demand."""
    options = f"preamble=consume,start=on-demand{more}"
    place.service(f"--worker={place.address('one')}={factory},{options}")
    until(lambda: place.control.exists() and bool(rows(place)))


def row(place: Place) -> dict[str, Any]:
    """The only one."""
    (found,) = rows(place)
    return found


def test_five_hundred_at_once(place: Place) -> None:
    """None is refused, and one process serves them all."""
    serve(place)
    assert (row(place)["worker"], "pid" in row(place)) == ("idle", False)
    clients = [socket.create_connection(("127.0.0.1", place.port), 20) for _ in range(500)]
    for client in clients:
        client.sendall(place.opening("one"))
    answers = set()
    for client in clients:
        answer = b""
        while not answer.endswith(b"\n") and (piece := client.recv(1000)):
            answer += piece
        answers.add(answer)
        client.close()
    assert answers == {PREAMBLE_ACK + b"%d\n" % row(place)["pid"]}


def test_one_that_cannot_start(place: Place) -> None:
    """Clients are told ServiceActivationFailed, the list says why, and it is tried again."""
    flag = place.directory / "flag"
    flag.touch()
    (place.directory / "fragile.py").write_text(FRAGILE.format(flag=flag))
    serve(place, factory="fragile:factory")
    assert place.ask("one") == Fault.SERVICE_ACTIVATION_FAILED.record
    assert "ended with exit status 1" in row(place)["trouble"]
    flag.unlink()
    assert pid_of(place) == row(place)["pid"]
    stats = json.loads(netshare(place, "stats", "--json")[1])
    assert stats["outcomes"]["service-activation-failed"] == 1


def test_by_hand(place: Place) -> None:
    """A stopped one is not started by connections, but by command, without one."""
    serve(place)
    assert netshare(place, "stop", place.address("one"), "--wait")[0] == 0
    assert place.ask("one") == Fault.ENDPOINT_UNAVAILABLE.record
    assert netshare(place, "start", place.address("one"), "--wait")[0] == 0
    assert pid_of(place) == row(place)["pid"]


def test_stopping_when_idle(place: Place) -> None:
    """It ends without new connections; its session lives on, and the next client is served."""
    serve(place, ",idleTimeout=1")
    before = pid_of(place)
    until(lambda: rows(place)[0]["worker"] == "idle")
    until(lambda: not Path(f"/proc/{before}").exists())
    kept = session(place)
    assert echoed(kept, b"hello")
    until(lambda: rows(place)[0]["worker"] == "idle")
    leaving = rows(place)[-1]
    assert (leaving["state"], leaving["pid"] != before) == ("draining", True)
    assert pid_of(place) not in (before, leaving["pid"])
    assert echoed(kept, b"still here")
    kept.close()
    until(lambda: not Path(f"/proc/{leaving['pid']}").exists())


def test_coming_while_it_leaves(place: Place) -> None:
    """Clients with pauses about as long as the limit are all served, by several processes."""
    serve(place, ",idleTimeout=0.2")
    pids = set()
    for number in range(20):
        pids.add(pid_of(place))
        time.sleep(0.17 + number * 0.006)
    assert len(pids) > 1
    outcomes = json.loads(netshare(place, "stats", "--json")[1])["outcomes"]
    assert outcomes == {"handed-over": 20}


def test_a_check(place: Place) -> None:
    """A limit that has no effect is said before the service starts."""
    table = f'[[worker]]\naddress = "{place.address("one")}"\nfactory = "names:factory"\n'
    file = place.directory / "c.toml"
    file.write_text(table + "idleTimeout = 5\n")
    done = subprocess.run(
        [sys.executable, "-m", "twisted", "netshare", f"--config={file}", "--check"],
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "idleTimeout is for start = 'on-demand'" in done.stdout + done.stderr
