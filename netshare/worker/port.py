"""
A listening port behind a shared one: its link, made again whenever it is lost.
"""

from __future__ import annotations

import os
import random
import signal
import socket
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.control import commands
from netshare.control.commands import RegistrationError
from netshare.endpoints.address import SharedPortAddress
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.sockets.descriptors import raise_descriptor_limit
from netshare.worker.intake import Intake
from netshare.worker.link import UntrustedService, Wish, WorkerLink

#: Seconds between attempts to reach a service that is gone: short, since clients wait meanwhile,
#: and an attempt on a UNIX socket costs next to nothing. A service that is being restarted is back
#: within the first few seconds; only then they become rarer.
RETRY_FIRST, RETRY_SOON, RETRY_LONGEST = 0.02, 0.04, 0.4

#: How many attempts are made at the quick rate: five seconds' worth.
_SOON = 150

#: Seconds that a worker which a service has started tries to find that service's successor.
COME_BACK_WITHIN = 5.0

#: Seconds between two looks at whether connections are left that may have to be given back.
LINGER_CHECK = 0.2

#: Seconds between two looks at whether a port that is to be drained has connections left.
DRAIN_CHECK = 0.05


class ServiceNotRunning(Exception):
    """
    No service answers at the control socket.
    """


def retry_delay(failures: int) -> float:
    """
    How long to wait after so many failed attempts in a row: growing, with jitter, so that a
    thousand workers do not all knock at once.
    """
    most = RETRY_SOON if failures < _SOON else RETRY_LONGEST
    longest: float = min(RETRY_FIRST * 2 ** min(failures, 10), most)
    return longest * random.uniform(0.5, 1.0)


@implementer(IListeningPort)
class SharedListeningPort:
    """
    A listening port behind a shared one. It lives on while the service is away, and registers
    again when it is back.
    """

    log = Logger()

    def __init__(
        self, reactor: IReactor, wish: Wish, factory: IProtocolFactory, trusted: frozenset[int]
    ) -> None:
        self._reactor = reactor
        self._wish = wish
        self._factory = factory
        self._trusted = trusted
        self._intake = Intake(reactor, factory)
        self._control = Path()
        self._address = ""
        self._stopping = False
        #: The service has asked for the end.
        self._draining = False
        #: The first link came with the process, which ends when it finds no service any more.
        self._inherited = False
        self._comeBackUntil = 0.0
        self._failures = 0
        self._retry: IDelayedCall | None = None
        self._deadline = 0.0
        self._attempting: Deferred[None] | None = None
        #: Fires with the first registration, for those who wait for it.
        self._registered: Deferred[None] | None = None

    def getHost(self) -> SharedPortAddress:
        """
        :returns: the address as the service registered it
        """
        return SharedPortAddress(self._address)

    def startListening(self) -> None:
        """Nothing: the endpoint has done it."""

    async def start(self, control: Path, wait: bool) -> IListeningPort:
        """
        Connect to the control socket and register; do it again whenever the link is lost.
        """
        self._control = control
        raise_descriptor_limit()
        try:
            await self._connect()
        except ConnectError as error:
            if not wait:
                raise ServiceNotRunning(
                    f"no netshare service answers at {control} ({error}): start it with "
                    "'twistd netshare' or 'systemctl start netshare', or name its control "
                    "socket with control= or NETSHARE_CONTROL"
                ) from None
            await self._untilRegistered(Failure())
        except (RegistrationError, UntrustedService, ConnectionClosed):
            if not wait:
                raise
            await self._untilRegistered(Failure())
        self._factory.doStart()
        return self

    def _untilRegistered(self, failure: Failure) -> Deferred[None]:
        self._registered = Deferred()
        self._failed(failure)
        return self._registered

    async def _connect(self) -> None:
        endpoint = UNIXClientEndpoint(self._reactor, str(self._control))
        link: Any = await endpoint.connect(_LinkFactory(self._intake))
        link.drain = self._toDrain
        try:
            await self._register(link, self._trusted)
        except BaseException:
            link.transport.loseConnection()
            raise
        self._failures = 0
        link.lost = self._inheritedLinkLost if self._inherited else self._again
        if self._registered is not None:
            registered, self._registered = self._registered, None
            registered.callback(None)

    def _attempt(self) -> None:
        self._retry = None
        self._attempting = ensureDeferred(self._connect()).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if self._stopping:
            return
        if self._inherited and (
            failure.check(RegistrationError, UntrustedService)
            or self._reactor.seconds() >= self._comeBackUntil
        ):
            self._leave(failure.getErrorMessage())
            return
        if not failure.check(ConnectError):  # no service there: that is said once, when it is lost
            self.log.error(
                "{address} is not registered: {reason}",
                address=self._address or self._wish.address,
                reason=failure.getErrorMessage(),
            )
        self._again()

    def _again(self) -> None:
        if self._stopping:
            return
        if self._failures == 0:
            self.log.warn(
                "the sharing service is not there; trying again until it is ({address})",
                address=self._address or self._wish.address,
            )
        self._retry = self._reactor.callLater(retry_delay(self._failures), self._attempt)
        self._failures += 1

    async def startInherited(self, descriptor: int, control: Path) -> IListeningPort:
        """
        Register over a link that the service made when it started this process.

        When that ends, another process may go on as the service, which knows this one by its
        number. Where there is none, or it does not want this process, it ends.

        :param control: where that one is
        """
        self._control = control
        raise_descriptor_limit()
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)
        factory: Any = _LinkFactory(self._intake)
        self._reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, factory)
        os.close(descriptor)
        link = factory.link
        assert link is not None
        self._inherited = True
        link.lost = self._inheritedLinkLost
        link.drain = self._toDrain
        # The program that made our process is trusted: it could have made it anything.
        await self._register(link, None)
        self._factory.doStart()
        return self

    def stopListening(self) -> Deferred[None]:
        """
        Unregister; connections that came live on.
        """
        return ensureDeferred(self._stop())

    async def _register(self, link: WorkerLink, trusted: frozenset[int] | None) -> None:
        wish = self._wish
        if wish.unique and self._address:
            # An address that was made up once stays the same when it is registered again.
            wish = Wish(self._address, wish.hostNameComparisonMode, shared=wish.shared)
        self._address = await link.register(wish, trusted)
        self.log.info("listening behind the shared port at {address}", address=self._address)

    def _inheritedLinkLost(self) -> None:
        if self._draining:
            self._leave("it is drained")
        elif not self._stopping:
            self._comeBackUntil = self._reactor.seconds() + COME_BACK_WITHIN
            self._again()

    def _leave(self, reason: str) -> None:
        self.log.info(
            "the sharing service is gone, and this worker with it: {reason}", reason=reason
        )
        os.kill(os.getpid(), signal.SIGTERM)

    async def _stop(self) -> None:
        """
        In this order nothing is lost: the service sends no more; only then is nothing taken any
        more, and what is in the lane goes back, where it cannot come from again. The link stays
        while there are connections that may have to go back.
        """
        if self._stopping:
            return
        self._stopping = True
        if self._retry is not None:
            self._retry.cancel()
        if self._attempting is not None:
            self._attempting.cancel()
        link: Any = self._intake.link
        if link is not None:
            try:
                await link.callRemote(commands.Unregister, baseAddress=self._address)
            except (ConnectionClosed, commands.InvalidArgument, commands.ServiceFault):
                pass  # then the end of the link does it
        await self._takeNoMore(link)
        self._linger()

    async def _takeNoMore(self, link: Any) -> None:
        """
        Give back what is in the lane, and from now on every pooled socket at its next preamble.
        """
        self._intake.accepting = False
        if link is not None and link.lane is not None:
            await link.lane.drain()
        self._factory.doStop()

    def _toDrain(self, seconds: float) -> None:
        if not self._stopping:
            self._stopping = self._draining = True
            self.log.info(
                "{address} is to be drained: {count} connections may take {seconds:g} s",
                address=self._address,
                count=self.connections,
                seconds=seconds,
            )
            self._deadline = self._reactor.seconds() + seconds
            ensureDeferred(self._takeNoMore(self._intake.link)).addCallback(self._emptying)

    def _emptying(self, _: object = None) -> None:
        """
        Tell the service when no connection is left that could need the link, or time is over.
        """
        link: Any = self._intake.link
        if link is None:
            return  # then it is over, and a process that came with the link ends
        empty = not self.connections and not link.returning
        if not empty and self._reactor.seconds() < self._deadline:
            self._reactor.callLater(DRAIN_CHECK, self._emptying)
            return
        drained = link.callRemote(
            commands.Drained, baseAddress=self._address, connections=self.connections
        )
        # A service that was taken over meanwhile does not know of it; and it is over in any case.
        drained.addErrback(lambda _: None).addCallback(self._isDrained)

    def _isDrained(self, _: object) -> None:
        if not self._inherited:  # else the service ends the process
            self._linger()

    def _linger(self) -> None:
        """End the link when nothing can come back to it any more."""
        link: Any = self._intake.link
        if link is None:
            return
        if self._intake.mayGiveBack():
            self._reactor.callLater(LINGER_CHECK, self._linger)
        else:
            link.transport.loseConnection()

    @property
    def connections(self) -> int:
        """How many connections that came over this port are open."""
        return len(self._intake.open())


class _LinkFactory(Factory):
    """Makes links, one at a time."""

    noisy = False

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.link: WorkerLink | None = None

    def buildProtocol(self, addr: IAddress | None) -> WorkerLink:
        self.link = WorkerLink(self._intake)
        return self.link
