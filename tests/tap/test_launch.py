"""netshare.tap.launch: starting the service that is to take over."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from netshare.tap.launch import PATIENCE, Launch, own_command_line


class Attempt:
    """A launch whose process is not real."""

    def __init__(self, error: OSError | None = None) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.spawned: list[Any] = []

        def spawn(protocol: Any, *arguments: Any, **options: Any) -> None:
            if error is not None:
                raise error
            self.spawned.append((arguments, options))

        self.reactor.spawnProcess = spawn
        self.launch = Launch(self.reactor, ["me", "--take-over"], {"A": "b"})
        self.results: list[Any] = []
        done = self.launch.start()
        done.addCallbacks(self.results.append, lambda one: self.results.append(str(one.value)))


def test_it_takes_over() -> None:
    """Its number is known, and it has taken over when this service says so."""
    one = Attempt()
    ((arguments, options),) = one.spawned
    assert arguments[1][-2:] == ["me", "--take-over"]
    assert (options["env"], options["childFDs"]) == ({"A": "b"}, {0: 0, 1: 1, 2: 2, 3: "r"})
    one.launch.childDataReceived(3, b"47")
    assert one.launch.pid is None
    one.launch.childDataReceived(3, b"11\n")
    assert (one.launch.pid, one.launch.over, one.results) == (4711, False, [])
    one.launch.succeeded()
    one.launch.childConnectionLost(3)
    assert (one.launch.over, one.results) == (True, [4711])
    assert one.reactor.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "no other process could be started"), (b"4711\n", "process 4711 has ended before")],
)
def test_it_ends(data: bytes, says: str) -> None:
    """That is told, and that this service serves on."""
    one = Attempt()
    one.launch.childDataReceived(3, data)
    one.launch.childConnectionLost(3)
    (told,) = one.results
    assert says in told
    assert told.endswith("this one serves on")
    one.launch.succeeded()
    assert len(one.results) == 1
    assert one.reactor.getDelayedCalls() == []


def test_it_takes_too_long() -> None:
    """It is ended."""
    one = Attempt()
    with subprocess.Popen(["sleep", "60"]) as child:
        one.launch.childDataReceived(3, b"%d\n" % child.pid)
        one.reactor.advance(PATIENCE)
        assert child.wait(20) == -signal.SIGTERM
        one.launch.childConnectionLost(3)
    (told,) = one.results
    assert "not taken over within 60 s" in told


def test_no_process() -> None:
    """Where the system starts none, that is told at once."""
    one = Attempt(OSError("no memory"))
    assert one.results == ["no other process can be started: no memory; this one serves on"]
    assert one.reactor.getDelayedCalls() == []


def test_its_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is this process's own, with the option once."""
    for argv in (["python", "twistd", "netshare"], ["python", "twistd", "netshare", "--take-over"]):
        monkeypatch.setattr(sys, "orig_argv", argv)
        assert own_command_line() == [sys.executable, "twistd", "netshare", "--take-over"]
