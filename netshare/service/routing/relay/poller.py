"""
The sockets of relays, in a poller of their own.

For each event of a socket a reactor enters the context of its log, and it keeps sets of all that
read and write: for a relayed connection, of which little more than events is our own, that is a
sixth of the time. So the reactor knows one descriptor, of an epoll that has all the others.

Its events are edges (EPOLLET): a socket that is not read for now, or has ended, says so once and
need not be taken out. Whoever has left something unread asks anew.
"""

from __future__ import annotations

import select
from typing import Any, Protocol
from weakref import WeakKeyDictionary, ref

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.routing.relay.pipes import Pipes

#: How many sockets are dealt with in one turn of the reactor.
_TURN = 256

_READING = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
_WRITING = _READING | select.EPOLLOUT
_READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_WRITABLE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
_ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Polled(Protocol):
    """
    A socket that a :class:`Poller` looks after.

    :ivar reading: whether it wants to know of bytes
    :ivar writing: whether it wants to know of room
    """

    reading: bool
    writing: bool

    def fileno(self) -> int: ...

    def doRead(self) -> bool:
        """
        :returns: whether there may be more to read
        """
        raise NotImplementedError

    def doWrite(self) -> None: ...

    def connectionLost(self, reason: Failure) -> None:
        """It has failed, or is polled no more; it has to :meth:`Poller.leave`."""


@implementer(IReadDescriptor)
class Poller:
    """
    An epoll in a reactor. A reactor has one, see :func:`poller_of`.
    """

    log = Logger()

    def __init__(self, reactor: IReactor) -> None:
        # A reactor has its poller, and not the other way round.
        self._reactor = ref(reactor)
        #: None while it rests.
        self._epoll: select.epoll | None = None
        #: What is polled, by its descriptor.
        self.polled: dict[int, Polled] = {}
        #: For those that pass bytes on unread.
        self.pipes = Pipes()

    def look(self, one: Polled) -> None:
        """
        Tell of what is there, or comes, of what it wants to know.
        """
        epoll = self._epoll or self._begin()
        descriptor = one.fileno()
        mask = _WRITING if one.writing else _READING
        if self.polled.get(descriptor) is one:
            epoll.modify(descriptor, mask)
        else:
            epoll.register(descriptor, mask)
            self.polled[descriptor] = one

    def leave(self, one: Polled, closing: bool) -> None:
        """
        Tell nothing any more.

        :param closing: the descriptor is about to be closed, and no other process has it
        """
        descriptor = one.fileno()
        if self.polled.get(descriptor) is one:
            del self.polled[descriptor]
            if not closing and self._epoll is not None:
                self._epoll.unregister(descriptor)

    def rest(self) -> None:
        """
        Leave the reactor, and have no descriptor, until there is something to look after.
        """
        if self.polled or self._epoll is None:
            return
        reactor = self._reactor()
        if reactor is not None:
            reactor.removeReader(self)
        self._epoll.close()
        self._epoll = None
        self.pipes.clear()

    def fileno(self) -> int:
        """The epoll's descriptor; -1 while it rests."""
        return -1 if self._epoll is None else self._epoll.fileno()

    def logPrefix(self) -> str:
        """For Twisted's log."""
        return "netshare relays"

    def doRead(self) -> None:
        """Something has happened to some of them."""
        if self._epoll is None:
            return
        for descriptor, events in self._epoll.poll(0, _TURN):
            one = self.polled.get(descriptor)
            if one is None:
                continue  # another one of this turn has closed it
            try:
                if events & _WRITABLE and one.writing:
                    one.doWrite()
                if events & _READABLE and one.reading:
                    more = one.doRead()
                    # An end is told once, and there may be bytes before it.
                    if (more or events & _ENDED) and one.reading:
                        self.look(one)
            except Exception:
                failure = Failure()
                self.log.failure("a relayed connection failed", failure)
                one.connectionLost(failure)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends."""
        for one in list(self.polled.values()):
            one.connectionLost(reason)
        self.rest()

    def _begin(self) -> select.epoll:
        self._epoll = epoll = select.epoll()
        reactor = self._reactor()
        if reactor is not None:
            reactor.addReader(self)
        return epoll


_POLLERS: WeakKeyDictionary[Any, Poller] = WeakKeyDictionary()


def poller_of(reactor: IReactor) -> Poller:
    """
    The reactor's own, which is made when it is asked for first.
    """
    poller = _POLLERS.get(reactor)
    if poller is None:
        poller = _POLLERS[reactor] = Poller(reactor)
    return poller
