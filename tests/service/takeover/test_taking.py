"""netshare.service.takeover.taking: asking the service that runs."""

from __future__ import annotations

import array
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.protocols import amp

from netshare.control.boxes import Box
from netshare.framing.records import preamble
from netshare.outcomes import Outcome
from netshare.service.records import (
    ControlRecord,
    CountersRecord,
    EndRecord,
    ExpectRecord,
    Handed,
    PortRecord,
    UndecidedRecord,
    WaitingRecord,
)
from netshare.service.shared import SharedPort
from netshare.service.takeover.channel import READY, TAKEN, YOURS, Channel
from netshare.service.takeover.taking import TakeOverFailed, Taking
from netshare.testing import AdoptingReactor, tcpPair


def served(path: Path, act: Callable[[socket.socket], None]) -> threading.Thread:
    """A service whose first link is dealt with so."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def run() -> None:
        with listening:
            link, _ = listening.accept()
            with link:
                link.recv(65536)
                act(link)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def giving(*handed: Handed, last: bytes = YOURS) -> Callable[[socket.socket], None]:
    """A service that gives this."""

    def give(link: socket.socket) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        rights = array.array("i", [theirs.fileno()])
        box = Box({amp.ANSWER: b"1", b"channel": b"0"}).serialize()
        link.sendmsg([box], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        theirs.close()
        channel = Channel(ours)
        channel.hear(READY)
        for one in (*handed, Handed(EndRecord())):
            channel.send(one)
        channel.hear(TAKEN)
        channel.say(last)
        channel.close()

    return give


def test_everything_is_taken_up(tmp_path: Path) -> None:
    """Counters go on, what waits waits, what is undecided is read on where it was."""
    opening = preamble("net.tcp://host/one")
    other = preamble("net.tcp://host/nothing")
    waiting, waits = tcpPair()
    begun, begins = tcpPair()
    port = socket.create_server(("127.0.0.1", 0))
    control = socket.socket(socket.AF_UNIX)
    thread = served(
        tmp_path / "control",
        giving(
            Handed(PortRecord("tcp:1", True), (port.fileno(),)),
            Handed(PortRecord("")),  # without its socket
            Handed(ControlRecord("x", owned=False), (control.fileno(),)),
            Handed(CountersRecord(1.0, 7, 2, 1, ("local", "new-word"), (5, 6), 4)),
            Handed(ExpectRecord("net.tcp://+/one", 5.0)),
            Handed(ExpectRecord("nonsense", 5.0)),
            Handed(WaitingRecord("net.tcp://host/one", opening, "p", "l", 3.0), (waits.fileno(),)),
            Handed(UndecidedRecord(other[:9], "10.0.0.1:5", "l:808"), (begins.fileno(),)),
        ),
    )
    taking = Taking(tmp_path / "control")
    ports = taking.named_ports()
    ((bound, headed),) = ports["tcp:1"]
    assert (bound.getsockname(), headed) == (port.getsockname(), True)
    passed = taking.control()
    assert passed is not None
    given, owned = passed
    assert not owned
    channel = taking.confirm()
    thread.join()
    waits.close()
    begins.close()
    reactor = AdoptingReactor()
    shared = SharedPort(reactor)
    taking.take_up(shared)
    begun.sendall(other[9:])
    reactor.settle()
    assert shared.status.started == 1.0
    assert (shared.counts.accepted, shared.counts.returned) == (7, 2)
    assert (shared.admission.pauses, shared.admission.linksCut) == (1, 4)
    assert shared.counts.outcomes[Outcome.LOCAL] == 5
    assert shared.counts.outcomes[Outcome.ENDPOINT_NOT_FOUND] == 1
    reactor.advance(3.1)
    reactor.settle()
    assert shared.counts.outcomes[Outcome.ENDPOINT_UNAVAILABLE] == 1
    for one in (waiting, begun, port, control, bound, given, channel):
        one.close()
    reactor.settle()


def test_no_service(tmp_path: Path) -> None:
    """It says that there is none."""
    with pytest.raises(TakeOverFailed, match="no service runs"):
        Taking(tmp_path / "control")


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ({amp.ERROR: b"1", amp.ERROR_CODE: b"TakeOverRefused", amp.ERROR_DESCRIPTION: b"no"}, "no"),
        ({amp.ERROR: b"1", amp.ERROR_CODE: b"UNHANDLED"}, "restart it once"),
        ({amp.ANSWER: b"1"}, "says"),
    ],
)
def test_refusals(tmp_path: Path, box: dict[bytes, bytes], said: str) -> None:
    """What the service says instead is told."""
    thread = served(tmp_path / "control", lambda link: link.sendall(Box(box).serialize()))
    with pytest.raises(TakeOverFailed, match=said):
        Taking(tmp_path / "control")
    thread.join()


def test_a_service_that_ends(tmp_path: Path) -> None:
    """One that closes the link is told of."""
    thread = served(tmp_path / "control", lambda link: None)
    with pytest.raises(TakeOverFailed, match="does not answer"):
        Taking(tmp_path / "control")
    thread.join()


def test_taken_back(tmp_path: Path) -> None:
    """Without the last word nothing is ours; what came is closed."""
    reading, writing = os.pipe()
    thread = served(
        tmp_path / "control",
        giving(Handed(ControlRecord("x"), (reading,)), last=b"mine"),
    )
    taking = Taking(tmp_path / "control")
    with pytest.raises(TakeOverFailed, match="taken everything back"):
        taking.confirm()
    thread.join()
    taking.close()
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"x")
    os.close(writing)
