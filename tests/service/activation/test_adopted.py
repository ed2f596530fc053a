"""netshare.service.activation.adopted: processes that another service has started."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from netshare.service.activation.adopted import AdoptedProcess
from netshare.service.activation.interfaces import IWorkerProcess, ProcessEnds
from netshare.testing import AdoptingReactor

PROGRAM = "print('hello', flush=True); input(); print('bye', end='')"


class Adoption:
    """A process that writes and waits, adopted."""

    def __init__(self) -> None:
        self.reactor: Any = AdoptingReactor()
        self.told: list[bytes | str] = []
        self.child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.child.stdout is not None
        output = os.dup(self.child.stdout.fileno())
        self.child.stdout.close()
        ends = ProcessEnds(os.pidfd_open(self.child.pid), {1: output}, {1: b"oh "})
        self.process = AdoptedProcess(self.reactor, self, self.child.pid, ends)  # type: ignore[arg-type]

    def said(self, line: bytes) -> None:
        self.told.append(line)

    def ended(self, how: str) -> None:
        self.told.append(how)

    def turn(self, told: int) -> None:
        """Let the reactor turn until so much was told."""
        until = time.monotonic() + 20
        while len(self.told) < told:
            assert time.monotonic() < until, self.told
            for reader in select.select(self.reactor.getReaders(), [], [], 0.1)[0]:
                if reader in self.reactor.getReaders():
                    why = reader.doRead()
                    if why is not None:
                        reader.connectionLost(None)
            self.reactor.advance(0)


@pytest.fixture
def adoption() -> Iterator[Adoption]:
    before = len(os.listdir("/proc/self/fd"))
    one = Adoption()
    yield one
    assert one.child.stdin is not None
    one.child.stdin.close()
    one.child.kill()
    one.child.wait()
    assert one.reactor.getReaders() == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_its_output_and_its_end(adoption: Adoption) -> None:
    """It says what it writes, after what another service had of the line, and that it has ended."""
    verifyObject(IWorkerProcess, adoption.process)
    adoption.turn(1)
    assert adoption.told == [b"oh hello"]
    assert adoption.child.stdin is not None
    adoption.child.stdin.write(b"\n")
    adoption.child.stdin.flush()
    adoption.turn(3)
    assert b"bye" in adoption.told
    assert any("not known" in str(one) for one in adoption.told)
    adoption.process.signal("TERM")  # to nothing


def test_signals(adoption: Adoption) -> None:
    """They reach it; one that has ended and was not looked at is left alone."""
    adoption.process.signal("KILL")
    assert adoption.child.wait() == -signal.SIGKILL
    adoption.process.signal("KILL")
    adoption.turn(2)
    assert any("not known" in str(one) for one in adoption.told)


def test_for_another_service(adoption: Adoption) -> None:
    """It goes on to the next one as it came, and this one hears no more of it."""
    adoption.turn(1)
    ends = adoption.process.ends()
    assert (list(ends.pipes), ends.partial) == ([1], {1: b"", 2: b""})
    os.fstat(ends.pidfd)
    adoption.process.letGo()
    adoption.child.kill()
    adoption.child.wait()
    adoption.reactor.advance(1)
    assert adoption.told == [b"oh hello"]


def test_the_end_of_the_reactor(adoption: Adoption) -> None:
    """It is not the end of the process."""
    for reader in adoption.reactor.getReaders():
        reader.connectionLost(None)
    assert adoption.told == []
    adoption.process.letGo()
