"""netshare.service.desk.passing: a link whose state is taken, and left as it was."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import Factory

from netshare.control.boxes import Box
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.shared import SharedPort
from tests.helpers.unixservers import UNIXReactor


def test_a_way_back() -> None:
    """A link that was to go elsewhere, and did not, reads on where it was."""
    reactor: Any = UNIXReactor()
    shared = SharedPort(reactor)
    ours, theirs = socket.socketpair()
    link = DeskProtocol(shared.desk)
    factory = Factory.forProtocol(lambda: link)  # type: ignore[arg-type]
    reactor.adoptStreamConnection(theirs.fileno(), socket.AF_UNIX, factory)
    theirs.close()
    question = Box({b"_command": b"Stats", b"_ask": b"7"}).serialize()
    ours.sendall(question * 40 + question[:9])
    reactor.turn()
    handed = link.state_for()
    assert handed is not None
    again = link.state_for()
    assert again is not None
    assert again.record == handed.record
    ours.sendall(question[9:])
    for _ in range(10):
        reactor.turn()
    ours.setblocking(False)
    answers = b""
    while True:
        try:
            answers += ours.recv(1 << 20)
        except BlockingIOError:
            if answers.count(b"_answer") >= 41:
                break
            reactor.turn()
    assert answers.count(b"_answer") == 41
    ours.close()
    reactor.turn()
    assert not shared.registry.links
