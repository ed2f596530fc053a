"""netshare.worker.sessions: which addresses of a process share a link."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.protocol import Factory

from netshare.testing import AdoptingReactor
from netshare.worker.link import Wish
from netshare.worker.port import SharedListeningPort
from netshare.worker.sessions import Sessions
from tests.helpers.workersessions import CONTROL


def test_which_share_a_link() -> None:
    """Those of one service that want the same of it, unless they want the same address."""
    sessions, reactor, mine = Sessions(), AdoptingReactor(), frozenset({0})
    one = sessions.find(reactor, CONTROL, mine, Wish("net.tcp://+/a"))
    port = SharedListeningPort(reactor, one, Wish("net.tcp://+/a", shared=True), Factory())
    one.join(port)
    assert sessions.find(reactor, CONTROL, mine, Wish("net.tcp://+/b", shared=True)) is one
    others = [
        sessions.find(reactor, CONTROL, mine, Wish("net.tcp://+/A/", shared=True)),
        sessions.find(reactor, CONTROL, mine, Wish("net.tcp://+/b", maxOutstanding=3)),
        sessions.find(reactor, CONTROL, mine, Wish("net.tcp://+/b", fast=False)),
        sessions.find(reactor, CONTROL, mine, Wish("net.tcp://+/b", generation="2")),
        sessions.find(reactor, Path("/other"), mine, Wish("net.tcp://+/b")),
        sessions.find(reactor, CONTROL, frozenset({1}), Wish("net.tcp://+/b")),
        sessions.find(AdoptingReactor(), CONTROL, mine, Wish("net.tcp://+/b")),
    ]
    assert one not in others
    assert len(set(map(id, others))) == len(others)
    one.leave(port)
    one.leave(port)
    assert sessions.find(reactor, CONTROL, mine, Wish("net.tcp://+/b")) is not one
