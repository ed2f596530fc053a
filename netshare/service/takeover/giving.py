"""
The process that has been the service until now: it gives everything to another one, or serves on.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater

from netshare.control.commands import TakeOverRefused
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.records import CountersRecord, EndRecord, Handed
from netshare.service.shared import SharedPort
from netshare.service.takeover.channel import (
    PATIENCE,
    READY,
    TAKEN,
    YOURS,
    Channel,
    ChannelBroken,
)
from netshare.service.takeover.links import Links
from netshare.sockets.credentials import Peer
from netshare.sockets.held import NotPassable

#: Seconds that connections on plain lanes have to come to rest: a worker answers each.
SETTLING = 0.2

#: Seconds between two looks at whether they have.
_LOOK = 0.002


class Phase(Enum):
    """Where a service is on its way out."""

    SERVING = "serving"
    #: A successor has asked; what is under way comes to rest.
    SETTLING = "settling"
    #: The successor has everything.
    GONE = "gone"


class Giving:
    """
    Answers :class:`~netshare.control.commands.TakeOver` for a service.

    :param others: what is to be given beside the shared port itself, such as the control socket
    :param refusal: why this process may not take over now, as a sentence; None when it may. Told
        as well whether it goes on with workers that this service has started
    :param committing: called when the successor has everything and is about to be told that it is
        its own: with its process; and with this one, should that not come about
    :param left: called when the successor has everything, with the channel to it
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        shared: SharedPort,
        others: Callable[[], Iterable[Handed]],
        refusal: Callable[[Peer, bool], str | None],
        committing: Callable[[int], None],
        left: Callable[[socket.socket], None],
    ) -> None:
        self.phase = Phase.SERVING
        self._reactor = reactor
        self._shared = shared
        self._others = others
        self._refusal = refusal
        self._committing = committing
        self._left = left

    def begin(self, format: int, successor: Peer, workers: bool = False) -> int:
        """
        A process wants to be the service.

        :param format: the form of links that it knows
        :param workers: whether it goes on with workers that this service has started
        :returns: the descriptor of its end of the channel, which is closed here when it has it
        :raises TakeOverRefused: not now
        """
        if self.phase is not Phase.SERVING:
            raise TakeOverRefused("another process is just taking over")
        reason = self._refusal(successor, workers)
        if reason is not None:
            raise TakeOverRefused(reason)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.phase = Phase.SETTLING
        running = ensureDeferred(self._run(ours, theirs, successor, format))
        running.addErrback(lambda failure: self.log.failure("a take-over failed", failure))
        return theirs.fileno()

    async def _run(
        self, ours: socket.socket, theirs: socket.socket, successor: Peer, format: int
    ) -> None:
        self.log.info("process {pid} takes over", pid=successor.pid)
        links = Links(self._shared.registry)
        try:
            await self._hear_ready(ours)
            theirs.close()
            links.freeze(True)
            until = self._reactor.seconds() + SETTLING
            while not links.settled() and self._reactor.seconds() < until:
                await deferLater(self._reactor, _LOOK)
            self._give(Channel(ours), links.handed_over(format, successor), successor)
        except (ChannelBroken, NotPassable) as error:
            self.phase = Phase.SERVING
            self.log.warn(
                "process {pid} has not taken over, and this one serves on: {why}",
                pid=successor.pid,
                why=error,
            )
        else:
            self.phase = Phase.GONE
        finally:
            theirs.close()
            if self.phase is not Phase.GONE:
                self.phase = Phase.SERVING
                ours.close()
                links.freeze(False)
        if self.phase is Phase.GONE:
            self.log.info("process {pid} has taken over", pid=successor.pid)
            self._shared.letGo()
            self._left(ours)
            links.letGo()

    async def _hear_ready(self, ours: socket.socket) -> None:
        """
        Wait until the successor has its end.

        :raises ChannelBroken: it does not say so
        """
        until = self._reactor.seconds() + PATIENCE
        while self._reactor.seconds() < until:
            try:
                word = ours.recv(len(READY) + 1, socket.MSG_DONTWAIT)
            except BlockingIOError:
                await deferLater(self._reactor, _LOOK)
                continue
            if word == READY:
                return
            raise ChannelBroken("it has left")
        raise ChannelBroken("it is not ready")

    def _give(self, channel: Channel, links: Iterator[Handed], successor: Peer) -> None:
        """
        Nothing else happens in this process meanwhile.

        :raises ChannelBroken: the successor is gone, or silent
        :raises NotPassable: there is something that cannot be given
        """
        for handed in chain(self._everything(), links):
            channel.send(handed)
        channel.send(Handed(EndRecord()))
        channel.hear(TAKEN)
        self._committing(successor.pid)
        try:
            channel.say(YOURS)
        except ChannelBroken:
            self._committing(os.getpid())
            raise

    def _everything(self) -> Iterator[Handed]:
        shared = self._shared
        yield from shared.ports.handed_over()
        yield from self._others()
        yield Handed(self._counters())
        yield from shared.grace.handed_over()
        yield from shared.factory.handed_over()

    def _counters(self) -> CountersRecord:
        shared = self._shared
        outcomes = {outcome.value: count for outcome, count in shared.counts.outcomes.items()}
        return CountersRecord(
            shared.status.started,
            shared.counts.accepted,
            shared.counts.returned,
            shared.admission.pauses,
            tuple(outcomes),
            tuple(outcomes.values()),
            shared.admission.linksCut,
        )


def tell(channel: socket.socket, busy: int) -> None:
    """
    Tell the successor how many connections still need this process.
    """
    try:
        channel.send(b"%d" % busy, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError:
        pass  # it has been taken over itself, or does not read: that is shown nowhere then


def heard(channel: socket.socket) -> int | None:
    """
    What the predecessor has told last.

    :returns: -1: nothing new; None: it has ended
    """
    busy = -1
    while True:
        try:
            word = channel.recv(32, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return busy
        except OSError:
            word = b""
        if not word:
            return None
        busy = int(word) if word.isdigit() else busy
