"""
What has to hold for any bytes that a local user sends to the registration desk, and for any
messages on a lane; as in :mod:`tests.helpers.properties`.
"""

from __future__ import annotations

import os
import socket
from array import array
from collections.abc import Iterator
from typing import Any

from twisted.logger import LogEvent, globalLogPublisher
from twisted.protocols import amp

from netshare.control import commands, management
from netshare.control.boxes import Box
from netshare.control.lanes import BUSY, pack_answer, pack_batch
from netshare.control.protocol import ControlProtocol
from netshare.framing.records import preamble
from netshare.service.desk.accounts import Accounts, Members
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.workers.fastlane import FastLane
from netshare.sockets.credentials import Peer
from netshare.testing import UNIXLink, linkedUNIXTransports
from tests.helpers.desk import Setting

__all__ = ["check_control", "control_seeds"]

INNOCENT = "net.tcp://+/innocent"
#: How many descriptors are sent with the first piece, and with each message.
MOST_DESCRIPTORS = 3
#: Stands between what is for the link and each message for the lane.
_NEXT = b"\xff\xff\xff\xff"


class Intruder:
    """
    A link of a user who may register what is not reserved, and a lane if it has asked for one.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.desk = DeskProtocol(setting.shared.desk, peer=Peer(2, 4001, frozenset()))
        self.link: UNIXLink = linkedUNIXTransports(Deaf(), self.desk)
        setting.links.append(self.link)

    def say(self, data: bytes, descriptors: int = 0) -> None:
        """Bytes on the link, behind so many descriptors."""
        for _ in range(descriptors):
            if self.link.connected:
                self.desk.fileDescriptorReceived(os.open(os.devnull, os.O_RDONLY))
        if self.link.connected:
            self.desk.dataReceived(data)
        self._setting.settle()

    def post(self, payload: bytes, descriptors: int) -> None:
        """A message on the lane, if there is one."""
        lane = self.desk.lane
        if not isinstance(lane, FastLane) or not self.link.connected or not payload:
            return
        sent = [os.open(os.devnull, os.O_RDONLY) for _ in range(descriptors)]
        with socket.socket(fileno=os.dup(lane.workersEnd())) as end:
            end.sendmsg(
                [payload],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", sent))] if sent else [],
            )
        for one in sent:
            os.close(one)
        lane._pipe.doRead()
        self._setting.settle()


class Deaf(ControlProtocol):
    """The intruder's end, which makes nothing of what it is answered."""

    def dataReceived(self, data: bytes) -> None:
        pass


def check_control(data: bytes) -> None:
    """
    However they are cut, the bytes of a local user make no traceback, cost another worker nothing,
    and leave nothing when the link is gone.
    """
    if len(data) < 3:
        return
    descriptors, cut, stream = data[0] % (MOST_DESCRIPTORS + 1), 1 + data[1], data[2:]
    failures: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            failures.append(event)

    setting = Setting()
    setting.shared.permit(Accounts(Members(frozenset({4001, 4002}))))
    worker = ControlProtocol()
    innocent = DeskProtocol(setting.shared.desk, peer=Peer(3, 4002, frozenset()))
    setting.links.append(linkedUNIXTransports(worker, innocent))
    setting.ask(worker, commands.Register, version=1, baseAddress=INNOCENT)
    before = _open_descriptors()
    globalLogPublisher.addObserver(observe)
    try:
        intruder = Intruder(setting)
        # What comes first goes to the link; the rest, message by message, to the lane.
        said, _, posted = stream.partition(_NEXT)
        for at in range(0, len(said), cut * 8):
            intruder.say(said[at : at + cut * 8], descriptors if at == 0 else 0)
        for message in posted.split(_NEXT):
            intruder.post(message, descriptors)
        registry = setting.shared.registry
        assert INNOCENT in map(str, registry.addresses())
        assert innocent in registry.links
        assert len(registry.addresses()) <= 1 + len(said) // 10
        intruder.link.lose()
        setting.settle()
        assert list(registry.links) == [innocent]
        assert list(map(str, registry.addresses())) == [INNOCENT]
        assert _open_descriptors() == before
    finally:
        globalLogPublisher.removeObserver(observe)
        for link in setting.links:
            link.lose()
        setting.settle()
    assert not failures, failures[0]["log_failure"].getTraceback()


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def control_seeds() -> Iterator[bytes]:
    """Each command with arguments that make sense, alone and behind a registration."""
    registered = _box(
        commands.Register, version=1, baseAddress="net.tcp://+/mine", lane="batches", drains=True
    )
    for box in _boxes():
        for head in (b"\x00\xff", b"\x01\x02"):
            yield head + box
            yield head + registered + box
    for lane in ("batches", "records"):
        box = _box(commands.Register, version=1, baseAddress="net.tcp://+/mine", lane=lane)
        via = preamble("net.tcp://host/mine")
        for payload in (
            pack_answer(0, 0),
            pack_answer(1, 0),
            BUSY,
            via,
            pack_batch([via], [""]),
            pack_batch([via], ["10.0.0.1:5"]),
        ):
            for descriptors in (b"\x00", b"\x01"):
                yield descriptors + b"\xff" + _NEXT.join((box, payload, payload))


def _boxes() -> Iterator[bytes]:
    yield _box(commands.Register, version=1, baseAddress="net.tcp://+:8808/a/b", shared=True)
    yield _box(commands.Register, version=1, unique=True, maxOutstanding=5, generation="2", pid=7)
    yield _box(commands.Register, version=9, baseAddress=INNOCENT)
    yield _box(commands.Unregister, baseAddress="net.tcp://+/mine")
    yield _box(commands.ValidateUriRoute, uri="net.tcp://host/mine")
    yield _box(commands.Return, readData=preamble("net.tcp://host/mine"), socket=0, peer="::1:5")
    yield _box(commands.Drained, baseAddress="net.tcp://+/mine", connections=3)
    yield _box(commands.ListRegistrations, start=0)
    yield _box(commands.WhoServes, uri="net.tcp://host/innocent")
    yield _box(commands.Stats)
    yield _box(management.Reload)
    yield _box(commands.TakeOver, format=1)
    for command in (management.Start, management.Stop, management.Recycle):
        yield _box(command, baseAddress=INNOCENT, wait=True)
    yield _box(management.DrainWorkers, baseAddress=INNOCENT, deadline=5, pid=3)
    yield Box({amp.ANSWER: b"1", b"x": b"y"}).serialize()
    yield Box({amp.ERROR: b"1", amp.ERROR_CODE: b"Busy", amp.ERROR_DESCRIPTION: b"z"}).serialize()
    yield Box({amp.ASK: b"1", amp.COMMAND: b"StartTLS"}).serialize()


def _box(command: Any, **arguments: Any) -> bytes:
    """A question."""
    protocol = _Sender()
    box = command.makeArguments(arguments, protocol)
    box[amp.ASK] = b"1"
    box[amp.COMMAND] = command.commandName
    made: bytes = box.serialize()
    return made


class _Sender:
    """What writes a box: descriptors have a number."""

    def _sendFileDescriptor(self, descriptor: int) -> int:
        return descriptor

    sendFileDescriptor = _sendFileDescriptor
