"""netshare.tap.succession: one twistd netshare after the other."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from netshare.addresses import parse_base_address
from netshare.control.commands import TakeOverRefused
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.supervision import Supervisor
from netshare.service.notify import Notifier
from netshare.service.shared import SharedPort
from netshare.service.store import DescriptorStore
from netshare.service.takeover.kept import KeptWorkers
from netshare.sockets.credentials import Peer
from netshare.tap.succession import Succession

PEER = Peer(4711, os.geteuid(), frozenset())


def succession(path: Path, *specs: WorkerSpec, manager: str = "") -> tuple[Any, Succession]:
    reactor: Any = MemoryReactorClock()
    shared = SharedPort(reactor)
    supervisor = Supervisor(reactor, shared.desk, list(specs), str(path), {})
    kept = KeptWorkers(reactor, DescriptorStore(), supervisor.handed_over)
    return reactor, Succession(reactor, shared, supervisor, path, Notifier(manager), kept)


def test_a_release_that_knows_no_workers(tmp_path: Path) -> None:
    """A service is not taken over by one that would start its workers a second time."""
    spec = WorkerSpec("a", parse_base_address("net.tcp://+/a"), command=("sleep", "5"))
    reactor, ours = succession(tmp_path / "control", spec)
    with pytest.raises(TakeOverRefused, match="restart it"):
        ours.giving.begin(1, PEER, workers=False)
    theirs = os.dup(ours.giving.begin(1, PEER, workers=True))
    os.close(theirs)
    reactor.pump([0.01] * 600)


def test_a_service_of_systemd(tmp_path: Path) -> None:
    """A service whose process a manager watches is restarted by that."""
    _, ours = succession(tmp_path / "control", manager=str(tmp_path / "notify"))
    with pytest.raises(TakeOverRefused, match="systemctl"):
        ours.giving.begin(1, PEER)


def test_a_predecessor(tmp_path: Path) -> None:
    """Its connections are shown until it ends, and the lock names the new process."""
    path = tmp_path / "control"
    lock = tmp_path / "control.lock"
    lock.symlink_to("4711")
    reactor, ours = succession(path)
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near.setblocking(False)
    ours.taken(near, 4711)
    assert os.readlink(lock) == str(os.getpid())
    far.send(b"3")
    reactor.advance(0.1)
    assert ours._shared.status.stats()["draining"] == [{"pid": 4711, "connections": 3}]
    far.close()
    reactor.advance(0.1)
    assert ours._shared.status.stats()["draining"] == []
    ours.stop()
    assert not lock.is_symlink()
