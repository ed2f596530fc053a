"""
The control socket where it is not Twisted's own: a service manager has made it, or another
service, and it may outlive this process.

What ``adoptStreamPort`` makes of such a socket takes its path for its own: it lets everybody
connect whatever the administrator has said, gives it another backlog, and removes the path when it
stops, so that the socket is there still and can be found no more.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.reactors import IReactor

#: Links that are accepted in one turn.
_AT_ONCE = 100

#: Seconds to wait after the system had no descriptor, or no memory, for one more link.
_PAUSE = 0.1


@implementer(IListeningPort)
class ControlPort(FileDescriptor):
    """
    Accepts links.

    :param listening: a socket that listens, which this port now owns
    :param backlog: how many links the kernel is to queue
    :param owned: the path is this service's, and removed when the port stops
    """

    reactor: IReactor
    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        listening: socket.socket,
        factory: Factory,
        backlog: int,
        owned: bool = False,
    ) -> None:
        super().__init__(reactor)
        listening.setblocking(False)
        # Once more, though it listens: those who connect are told who has said it last.
        listening.listen(backlog)
        self.owned = owned
        self.socket = listening
        self._path: str = listening.getsockname()
        self._factory = factory
        self._backlog = backlog
        self._resume: IDelayedCall | None = None

    def fileno(self) -> int:
        return self.socket.fileno()

    def getHost(self) -> UNIXAddress:
        return UNIXAddress(os.fsencode(self._path))

    def logPrefix(self) -> str:
        return "netshare control"

    def startListening(self) -> None:
        """Begin to accept."""
        self._factory.doStart()
        self.connected = 1
        self.startReading()

    def stopListening(self) -> Deferred[None]:
        """
        Accept no more; links that there are live on.
        """
        if self.connected:
            self.letGo()
            if self.owned:
                with suppress(OSError):
                    os.unlink(self._path)
            self._factory.doStop()
        return succeed(None)

    def letGo(self) -> None:
        """Close what is here, and leave the socket, which another process has, as it is."""
        self.connected = 0
        self.disconnecting = True
        self.stopReading()
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        self.socket.close()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has given the port up: it stops."""
        self.stopListening()

    def doRead(self) -> None:
        """Accept some of what waits."""
        self._accept(_AT_ONCE)

    def accept_waiting(self) -> None:
        """
        Accept all that waits, before anything else is done.
        """
        self._accept(self._backlog)

    def _accept(self, most: int) -> None:
        for _ in range(most):
            try:
                link, _ = self.socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            with link:
                link.setblocking(False)
                self._adopt(link)

    def _adopt(self, link: socket.socket) -> None:
        adopt: Callable[..., object] = self.reactor.adoptStreamConnection
        try:
            adopt(link.fileno(), socket.AF_UNIX, self._factory)
        except OSError as error:
            self.log.warn("a link was gone before it began: {error}", error=error)

    def _pause(self, error: OSError) -> None:
        self.log.error("accepting links pauses for {pause} s: {error}", pause=_PAUSE, error=error)
        self.stopReading()
        self._resume = self.reactor.callLater(_PAUSE, self._goOn)

    def _goOn(self) -> None:
        self._resume = None
        self.startReading()
