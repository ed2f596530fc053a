"""
The process that will be the service: it asks the one that is, and takes everything.

All of it is done before the reactor runs, and waits: there is nothing that could be done meanwhile.
"""

from __future__ import annotations

import array
import os
import socket
from pathlib import Path
from typing import Any

from twisted.protocols import amp

from netshare.addresses import AddressError, parse_base_address
from netshare.control.boxes import BadBox, Box, BoxReader
from netshare.control.commands import TakeOver
from netshare.control.protocol import MAX_BOX
from netshare.logger import Logger
from netshare.service.records import (
    FORMAT,
    ChildRecord,
    ControlRecord,
    CountersRecord,
    EndRecord,
    ExpectRecord,
    Handed,
    LinkRecord,
    PortRecord,
    SentRecord,
    UndecidedRecord,
    WaitingRecord,
    WorkerRecord,
)
from netshare.service.shared import SharedPort
from netshare.service.takeover.channel import READY, TAKEN, YOURS, Channel, ChannelBroken
from netshare.service.takeover.links import take_up_link
from netshare.sockets.credentials import Peer
from netshare.sockets.held import HeldSocket

#: Seconds in which the service has to answer, and to have come to rest.
_PATIENCE = 10.0


class TakeOverFailed(Exception):
    """
    The service that runs serves on; the message says why.
    """


class Taking:
    """
    What the service that runs gives.

    :param control: its control socket
    :raises TakeOverFailed: there is none, or it does not give
    """

    log = Logger()

    def __init__(self, control: Path) -> None:
        self._channel_socket, self.predecessor = _ask(control)
        self._channel = Channel(self._channel_socket)
        self._handed: list[Handed] = []
        try:
            self._channel.say(READY)
            while True:
                handed = self._channel.receive()
                if isinstance(handed.record, EndRecord):
                    break
                self._handed.append(handed)
        except ChannelBroken as error:
            self.close()
            raise TakeOverFailed(
                f"process {self.predecessor.pid}, which runs, has not given everything ({error}); "
                "it serves on, and its log says more"
            ) from None

    def control(self) -> tuple[socket.socket, bool] | None:
        """
        The control socket, and whether its path is the service's; None where there was none.
        """
        for handed in self._take(ControlRecord):
            record: Any = handed.record
            return socket.socket(fileno=handed.descriptors[0]), record.owned
        return None

    def named_ports(self) -> dict[str, list[tuple[socket.socket, bool]]]:
        """
        The sockets of the endpoints that the administrator named, and whether a PROXY header
        comes first.
        """
        ports: dict[str, list[tuple[socket.socket, bool]]] = {}
        for handed in self._take(PortRecord):
            record: Any = handed.record
            bound = socket.socket(fileno=handed.descriptors[0])
            ports.setdefault(record.endpoint, []).append((bound, record.headed))
        return ports

    def workers(self) -> list[Handed]:
        """
        The workers that the service has started, each before its processes.
        """
        kinds = (WorkerRecord, ChildRecord)
        found = [one for one in self._handed if isinstance(one.record, kinds)]
        self._handed = [one for one in self._handed if not isinstance(one.record, kinds)]
        return found

    def confirm(self) -> socket.socket:
        """
        Say that everything is here, and hear that it is ours.

        :returns: the channel, on which the predecessor tells how much it still has to do
        :raises TakeOverFailed: it is not; nothing has happened
        """
        try:
            self._channel.say(TAKEN)
            self._channel.hear(YOURS)
        except ChannelBroken as error:
            raise TakeOverFailed(
                f"process {self.predecessor.pid} has taken everything back ({error})"
            ) from None
        self._channel_socket.setblocking(False)
        return self._channel_socket

    def take_up(self, shared: SharedPort) -> None:
        """
        Go on with what is under way; the ports are open.
        """
        for handed in self._take(CountersRecord):
            _count_on(shared, handed.record)
        self._take_up_links(shared)
        for kind in (ExpectRecord, WaitingRecord, UndecidedRecord):
            for handed in self._take(kind):
                try:
                    self._take_up_one(shared, handed)
                except Exception:
                    self.log.failure("{what} is lost", what=handed.record.kind)
        shared.ports.closeInherited()
        self.close_rest()

    def _take_up_links(self, shared: SharedPort) -> None:
        """Each with the records of what it was sent, which follow it."""
        links: list[tuple[Handed, list[SentRecord]]] = []
        rest = []
        for handed in self._handed:
            if isinstance(handed.record, LinkRecord):
                links.append((handed, []))
            elif isinstance(handed.record, SentRecord):
                if links:
                    links[-1][1].append(handed.record)
            else:
                rest.append(handed)
        self._handed = rest
        for link, sent in links:
            try:
                take_up_link(shared, link, sent)
            except Exception:
                self.log.failure("a link is lost: its worker has to come again")

    def close_rest(self) -> None:
        """Close what was given and is of no use here."""
        for handed in self._handed:
            for descriptor in handed.descriptors:
                os.close(descriptor)
        self._handed.clear()

    def close(self) -> None:
        """Let the predecessor have it all back."""
        self._channel.close()
        self.close_rest()

    def _take_up_one(self, shared: SharedPort, handed: Handed) -> None:
        record = handed.record
        if isinstance(record, ExpectRecord):
            try:
                shared.registry.expect(parse_base_address(record.address), record.left)
            except AddressError as error:
                self.log.warn("{address}: {error}", address=record.address, error=error)
        elif isinstance(record, WaitingRecord):
            shared.factory.resumeWaiting(HeldSocket(handed.descriptors[0]), record)
        elif isinstance(record, UndecidedRecord):
            shared.factory.resume(HeldSocket(handed.descriptors[0]), record)

    def _take(self, kind: type[Any]) -> list[Handed]:
        """Those of one kind, which leave the list. What has no descriptor where it needs one is
        left for closing."""
        least = 0 if kind in (ExpectRecord, CountersRecord) else 1
        found = [
            one
            for one in self._handed
            if isinstance(one.record, kind) and len(one.descriptors) == least
        ]
        self._handed = [one for one in self._handed if one not in found]
        return found


def _count_on(shared: SharedPort, record: Any) -> None:
    shared.status.started = record.since
    shared.admission.pauses += record.pauses
    shared.admission.linksCut += record.linksCut
    outcomes = dict(zip(record.outcomes, record.counts, strict=False))
    shared.counts.resume(record.accepted, record.returned, outcomes)


def _ask(control: Path) -> tuple[socket.socket, Peer]:
    """
    :returns: the channel, and who gave it
    :raises TakeOverFailed: no service runs there, or it does not want to
    """
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(_PATIENCE)
        try:
            link.connect(str(control))
            service = Peer.of(link)
            if service.uid not in (0, os.geteuid()):
                raise TakeOverFailed(
                    f"process {service.pid} of user {service.user} listens on {control}: only "
                    "that user may take it over"
                )
            link.sendall(
                Box(
                    {
                        amp.COMMAND: TakeOver.commandName,
                        amp.ASK: b"1",
                        b"format": b"%d" % FORMAT,
                        b"workers": b"True",
                    }
                ).serialize()
            )
            answer, descriptors = _answer(link)
        except (ConnectionRefusedError, FileNotFoundError):
            raise TakeOverFailed(
                f"no service runs at {control} that could be taken over: start one without "
                "--take-over"
            ) from None
        except (OSError, BadBox) as error:
            raise TakeOverFailed(f"the service at {control} does not answer: {error}") from None
    if amp.ERROR in answer or len(descriptors) != 1:
        for descriptor in descriptors:
            os.close(descriptor)
        raise TakeOverFailed(_reason(answer))
    return socket.socket(fileno=descriptors[0]), service


def _answer(link: socket.socket) -> tuple[amp.AmpBox, list[int]]:
    """:raises BadBox: it is none"""
    reader = BoxReader(MAX_BOX)
    found: list[int] = []
    while True:
        data, ancillary, _, _ = link.recvmsg(
            65536, socket.CMSG_SPACE(16 * array.array("i").itemsize), socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, packed in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(packed[: len(packed) - len(packed) % numbers.itemsize])
                found += numbers
        if not data:
            raise BadBox("it closed the link")
        for box in reader.feed(data):
            return box, found


def _reason(answer: amp.AmpBox) -> str:
    code = answer.get(amp.ERROR_CODE, b"").decode("utf-8", "replace")
    said = answer.get(amp.ERROR_DESCRIPTION, b"").decode("utf-8", "replace")
    if code == amp.UNHANDLED_ERROR_CODE.decode():
        return "the service that runs is of a release that cannot be taken over: restart it once"
    return f"the service that runs says: {said or code}"
