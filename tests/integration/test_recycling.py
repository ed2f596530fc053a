"""Processes that are exchanged for others under a load of clients that count."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from netshare.framing.records import PREAMBLE_ACK, preamble
from tests.integration.restarting import Load, Place, until

#: Serves as long as a file does not say that it is to fail.
FRAGILE = """
import os, sys
import names


def factory():
    if os.path.exists("{flag}"):
        sys.exit("it is to fail")
    return names.factory()
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as cleanup:
        yield Place(tmp_path, cleanup)


def netshare(place: Place, *words: str) -> tuple[int, str, str]:
    """The code and the output of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "netshare.cli", *words, f"--control={place.control}"],
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def rows(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(netshare(place, "list", "--json")[1])
    return found


def pid_of(place: Place) -> int:
    """The process that answers now."""
    return int(place.ask("one").removeprefix(PREAMBLE_ACK))


def session(place: Place) -> socket.socket:
    """A connection that stays."""
    client = socket.create_connection(("127.0.0.1", place.port), 20)
    client.sendall(preamble(f"net.tcp://127.0.0.1:{place.port}/one"))
    return client


def echoed(client: socket.socket, data: bytes) -> bool:
    """Whether a session still answers."""
    client.sendall(data)
    answer = b""
    while not answer.endswith(data) and (piece := client.recv(1000)):
        answer += piece
    return answer.endswith(data)


def test_recycling_under_load(place: Place) -> None:
    """Every client is served, sessions live on in the old process, and it ends after them."""
    place.service(f"--worker={place.address('one')}=names:factory,preamble=consume")
    until(lambda: place.served("one"))
    load = Load(place, ["one"], 50)
    try:
        pids = [pid_of(place)]
        kept = session(place)
        assert echoed(kept, b"hello")
        for _ in range(3):
            code, out, err = netshare(place, "recycle", place.address("one"), "--wait")
            assert (code, out, err) == (0, f"{place.address('one')} is serving\n", "")
            pids.append(pid_of(place))
        assert len(set(pids)) == 4
        (leaving,) = [row for row in rows(place) if row["pid"] == pids[0]]
        assert leaving["state"] == "draining"
        assert 0 < leaving["secondsLeft"] <= 90
        assert echoed(kept, b"still here")
        kept.close()
        until(lambda: not Path(f"/proc/{pids[0]}").exists())
        until(lambda: [row["pid"] for row in rows(place)] == [pids[-1]])
    finally:
        load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes


def test_a_new_process_that_fails(place: Place) -> None:
    """The old one serves on; the command, and the list, say why."""
    flag = place.directory / "flag"
    (place.directory / "fragile.py").write_text(FRAGILE.format(flag=flag))
    place.service(f"--worker={place.address('one')}=fragile:factory,preamble=consume")
    until(lambda: place.served("one"))
    flag.touch()
    before = pid_of(place)
    code, out, err = netshare(place, "recycle", place.address("one"), "--wait")
    assert (code, out) == (9, "")
    assert "recycling failed, the old process serves on: ended with exit status 1" in err
    assert pid_of(place) == before
    (row,) = rows(place)
    assert (row["state"], row["worker"]) == ("ready", "serving")
    assert "ended with exit status 1" in row["trouble"]
    flag.unlink()
    assert netshare(place, "recycle", place.address("one"), "--wait")[0] == 0
    assert "trouble" not in rows(place)[0]


def test_a_file_that_changes(place: Place) -> None:
    """A release is served as soon as it is there, under load; one that fails is not."""
    flag, code = place.directory / "flag", place.directory / "fragile.py"
    code.write_text(FRAGILE.format(flag=flag))
    file = place.directory / "netshare.toml"
    file.write_text(
        f"""[[worker]]
address = "{place.address("one")}"
factory = "fragile:factory"
preamble = "consume"
recycleFiles = ["{code}"]
"""
    )
    place.service(f"--config={file}")
    until(lambda: place.served("one"))
    first = pid_of(place)
    load = Load(place, ["one"], 50)
    try:
        code.write_text("# a release\n" + code.read_text())
        until(lambda: pid_of(place) != first)
        second = pid_of(place)
        until(lambda: [row["pid"] for row in rows(place)] == [second])
        flag.touch()
        code.write_text("# another\n" + code.read_text())
        until(lambda: "recycling failed" in rows(place)[0].get("trouble", ""))
        assert pid_of(place) == second
    finally:
        load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    assert f"{code} has changed" in place.log.read_text()


def test_out_of_service_and_back(place: Place) -> None:
    """A worker that fails again and again is given up, told at once, and started by hand."""
    flag = place.directory / "flag"
    flag.touch()
    (place.directory / "fragile.py").write_text(FRAGILE.format(flag=flag))
    place.service(f"--worker={place.address('one')}=fragile:factory,preamble=consume")
    until(place.control.exists)
    until(lambda: rows(place)[0].get("worker") == "out-of-service", 60)
    assert b"EndpointUnavailable" in place.ask("one")
    assert "out-of-service" in netshare(place, "list")[1]
    flag.unlink()
    assert netshare(place, "start", place.address("one"), "--wait")[0] == 0
    assert place.served("one")
    assert netshare(place, "stop", place.address("one"), "--wait")[0] == 0
    assert b"EndpointUnavailable" in place.ask("one")
    assert netshare(place, "start", place.address("two"))[0] == 1


def test_a_worker_that_was_started_by_hand(place: Place) -> None:
    """The recipe of the manual: another one beside it, then the old one is drained."""
    place.service()
    old = place.worker("one?")
    until(lambda: place.served("one"))
    kept = session(place)
    assert echoed(kept, b"hello")
    load = Load(place, ["one"], 50)
    try:
        new = place.worker("one?")
        until(lambda: len(rows(place)) == 2)
        command = ("drain", place.address("one"), f"--pid={old.pid}", "--deadline=60")
        assert netshare(place, *command)[0] == 0
        until(lambda: {pid_of(place) for _ in range(5)} == {new.pid})
        assert echoed(kept, b"still here")
        kept.close()
        until(lambda: [row["pid"] for row in rows(place)] == [new.pid])
        assert old.poll() is None  # its program ends as it likes
        os.kill(old.pid, 15)
        old.wait(20)
    finally:
        load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
