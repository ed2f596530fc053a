"""
A listening port behind a shared one.
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.control import commands
from netshare.endpoints.address import SharedPortAddress
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.sockets.descriptors import raise_descriptor_limit
from netshare.worker.inherited import InheritedSession
from netshare.worker.intake import Intake
from netshare.worker.link import Wish
from netshare.worker.session import LinkFactory, WorkerSession

#: Seconds between two looks at whether connections are left that may have to be given back.
LINGER_CHECK = 0.2

#: Seconds between two looks at whether a port that is to be drained has connections left.
DRAIN_CHECK = 0.05


class ServiceNotRunning(Exception):
    """
    No service answers at the control socket.
    """


@implementer(IListeningPort)
class SharedListeningPort:
    """
    A listening port behind a shared one. It lives on while the service is away, and is registered
    again when it is back.
    """

    log = Logger()

    def __init__(
        self, reactor: IReactor, session: WorkerSession, wish: Wish, factory: IProtocolFactory
    ) -> None:
        self.intake = Intake(reactor, factory, session)
        self._reactor = reactor
        self._session = session
        self._wish = wish
        self._factory = factory
        self._address = ""
        self._stopping = False
        #: The service has asked for the end.
        self._draining = False
        self._deadline = 0.0
        #: Fires with the first registration, for the one who waits for it.
        self._first: Deferred[None] | None = None
        #: Whether a first registration that fails is tried again.
        self._wait = False

    def getHost(self) -> SharedPortAddress:
        """
        :returns: the address as the service registered it
        """
        return SharedPortAddress(self._address)

    def startListening(self) -> None:
        """Nothing: the endpoint has done it."""

    @property
    def connections(self) -> int:
        """How many connections that came over this port are open."""
        return len(self.intake.open())

    # ---- registering

    @property
    def name(self) -> str:
        """See :class:`~netshare.worker.session.Registrant`."""
        return self._address or str(self._wish.address)

    @property
    def wish(self) -> Wish:
        """See :class:`~netshare.worker.session.Registrant`."""
        if self._wish.unique and self._address:
            # An address that was made up once stays the same when it is registered again.
            return replace(self._wish, address=self._address, unique=False)
        return self._wish

    async def start(self, wait: bool) -> IListeningPort:
        """
        Register, and do it again whenever the link is lost.

        :param wait: go on trying where that fails the first time
        :raises ServiceNotRunning: there is no service
        :raises UntrustedService: it runs as a user who is not trusted
        :raises RegistrationError: it refuses
        """
        raise_descriptor_limit()
        self._wait = wait
        first: Deferred[None] = Deferred()
        self._first = first
        self._session.join(self)
        try:
            await first
        except BaseException:
            self._first = None
            self._session.leave(self)
            raise
        self._factory.doStart()
        return self

    async def startInherited(self, session: InheritedSession, descriptor: int) -> IListeningPort:
        """
        Register over a link that the service made when it started this process.

        :raises RegistrationError: it refuses
        """
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)
        factory: Any = LinkFactory(session, up=True)
        self._reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, factory)
        os.close(descriptor)
        return await self.start(wait=False)

    def registered(self, address: str) -> None:
        """See :class:`~netshare.worker.session.Registrant`."""
        self._address = address
        self.log.info("listening behind the shared port at {address}", address=address)
        if self._first is not None:
            first, self._first = self._first, None
            first.callback(None)

    def refused(self, failure: Failure) -> None:
        """See :class:`~netshare.worker.session.Registrant`."""
        if self._first is not None and not self._wait:
            first, self._first = self._first, None
            self._session.leave(self)
            if failure.check(ConnectError):
                failure = Failure(
                    ServiceNotRunning(
                        f"no netshare service answers at {self._session.control} "
                        f"({failure.getErrorMessage()}): start it with "
                        "'twistd netshare' or 'systemctl start netshare', or name its control "
                        "socket with control= or NETSHARE_CONTROL"
                    )
                )
            first.errback(failure)
        elif not failure.check(ConnectError):  # no service there: that is said once
            self.log.error(
                "{address} is not registered: {reason}",
                address=self.name,
                reason=failure.getErrorMessage(),
            )

    # ---- the end

    def stopListening(self) -> Deferred[None]:
        """
        Unregister; connections that came live on.
        """
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        """
        In this order nothing is lost: the service sends no more; only then is nothing taken any
        more, and what is in the lane goes back, where it cannot come from again. The link stays
        while there are connections that may have to go back.
        """
        if self._stopping:
            return
        self._stopping = True
        await self._session.withdraw(self, self._address)
        await self._takeNoMore()
        self._linger()

    async def _takeNoMore(self) -> None:
        """
        Give back what is in the lane, and from now on every pooled socket at its next preamble.
        """
        self.intake.accepting = False
        await self._session.drainLane()
        self._factory.doStop()

    def drain(self, seconds: float) -> None:
        """See :class:`~netshare.worker.session.Registrant`."""
        if not self._stopping:
            self._stopping = self._draining = True
            self.log.info(
                "{address} is to be drained: {count} connections may take {seconds:g} s",
                address=self._address,
                count=self.connections,
                seconds=seconds,
            )
            self._deadline = self._reactor.seconds() + seconds
            ensureDeferred(self._takeNoMore()).addCallback(self._emptying)

    def _emptying(self, _: object = None) -> None:
        """
        Tell the service when no connection is left that could need the link, or time is over.
        """
        empty = not self.connections and not self.intake.returning
        if not empty and self._reactor.seconds() < self._deadline:
            self._reactor.callLater(DRAIN_CHECK, self._emptying)
            return
        link = self._session.link
        if link is None:  # nobody to tell, and nobody who would end this process
            self._isDrained()
            return
        drained = link.callRemote(
            commands.Drained, baseAddress=self._address, connections=self.connections
        )
        # A service that was taken over meanwhile does not know of it; and it is over in any case.
        drained.addErrback(lambda _: None).addCallback(self._isDrained)

    def _isDrained(self, _: object = None) -> None:
        session = self._session
        if not isinstance(session, InheritedSession):
            self._linger()
        elif session.link is not None:  # the service ends the process, unless it dies itself
            self._reactor.callLater(LINGER_CHECK, self._isDrained)
        else:
            session.leaveProcess("it is drained")

    def _linger(self) -> None:
        """Leave when nothing can come back to the service any more."""
        if self._session.hopes and self.intake.mayGiveBack():
            self._reactor.callLater(LINGER_CHECK, self._linger)
        else:
            self._session.leave(self)
