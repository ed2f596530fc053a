"""
The ``netshare:`` server endpoint: listen at an address behind a shared port.

Any Twisted application is a worker with it, its Factory unchanged::

    twist web --listen 'netshare:net.tcp\\://+\\:8808/site:preamble=consume' --path .
"""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from zope.interface import implementer

from netshare.control import LINK_VARIABLE, worker_control_path
from netshare.worker import commands
from netshare.worker.commands import RegistrationError
from netshare.worker.consume import ConsumingFactory, PreambleUse
from netshare.worker.listening import SharedPortAddress
from netshare.worker.registration import (
    Intake,
    UntrustedService,
    Wish,
    WorkerLink,
    trusted_users,
)

#: Seconds between attempts to reach a service that is gone: short, since clients are refused
#: meanwhile, and an attempt on a UNIX socket costs next to nothing.
RETRY_FIRST, RETRY_LONGEST = 0.02, 0.4


class ServiceNotRunning(Exception):
    """
    Nobody answers at the control socket.
    """


def retry_delay(failures: int) -> float:
    """
    How long to wait after so many failed attempts in a row: growing, with jitter, so that a
    thousand workers do not all knock at once.
    """
    longest: float = min(RETRY_FIRST * 2 ** min(failures, 10), RETRY_LONGEST)
    return longest * random.uniform(0.5, 1.0)


@implementer(IStreamServerEndpoint)
class SharedPortServerEndpoint:
    """
    Listens by registering an address with the sharing service.

    :param wish: the address, and how it is registered
    :param control: the control socket; None finds it as :mod:`netshare.control` says
    :param preamble: whether the Factory sees the framing preamble or what follows it
    :param wait: go on trying when the service is not running yet, instead of failing
    :param serviceUser: the user that the service runs as, where it is neither root nor ourselves
        nor ``netshare``
    """

    def __init__(
        self,
        reactor: Any,
        wish: Wish,
        control: Path | str | None = None,
        preamble: PreambleUse = PreambleUse.PASS,
        wait: bool = False,
        serviceUser: str | None = None,
        environ: MutableMapping[str, str] = os.environ,
    ) -> None:
        self._reactor = reactor
        self._wish = wish
        self._control = control
        self._preamble = preamble
        self._wait = wait
        self._trusted = trusted_users(serviceUser)
        self._environ = environ

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        :returns: the port, once the address is registered; fails with :class:`ServiceNotRunning`,
            :class:`~netshare.worker.registration.UntrustedService` or a
            :class:`~netshare.worker.commands.RegistrationError`
        """
        factory = protocolFactory
        if self._preamble is PreambleUse.CONSUME:
            factory = ConsumingFactory(factory, self._reactor)
        port = SharedListeningPort(self._reactor, self._wish, factory, self._trusted)
        inherited = None if self._control else self._environ.pop(LINK_VARIABLE, None)
        if inherited is not None:
            return ensureDeferred(port.startInherited(int(inherited)))
        control = Path(self._control) if self._control else worker_control_path(self._environ)
        return ensureDeferred(port.start(control, self._wait))


@implementer(IListeningPort)
class SharedListeningPort:
    """
    A listening port behind a shared one. It lives on while the service is away, and registers
    again when it is back.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, wish: Wish, factory: IProtocolFactory, trusted: frozenset[int]
    ) -> None:
        self._reactor = reactor
        self._wish = wish
        self._factory = factory
        self._trusted = trusted
        self._intake = Intake(reactor, factory)
        self._keeper: ClientService | None = None
        self._address = ""
        self._registered: Deferred[None] = Deferred()
        self._stopping = False

    def getHost(self) -> SharedPortAddress:
        """
        :returns: the address as the service registered it
        """
        return SharedPortAddress(self._address)

    def startListening(self) -> None:
        """Nothing: the endpoint has done it."""

    async def start(self, control: Path, wait: bool) -> IListeningPort:
        """
        Connect to the control socket and register, again and again.
        """
        first = True

        async def prepare(link: WorkerLink) -> None:
            nonlocal first
            try:
                await self._register(link, self._trusted)
            except (RegistrationError, UntrustedService) as error:
                link.transport.loseConnection()
                if first and not wait:
                    raise
                self.log.error("{wish} is not registered: {error}", wish=self._wish, error=error)
                raise
            first = False

        self._keeper = ClientService(
            UNIXClientEndpoint(self._reactor, str(control)),
            _LinkFactory(self._intake),
            retryPolicy=retry_delay,
            clock=self._reactor,
            prepareConnection=lambda link: ensureDeferred(prepare(link)),  # type: ignore[arg-type]
        )
        connected = self._keeper.whenConnected(failAfterFailures=None if wait else 1)
        self._keeper.startService()
        try:
            await connected
        except ConnectError as error:
            await self._keeper.stopService()
            raise ServiceNotRunning(
                f"no netshare service answers at {control} ({error}): start it with "
                "'twistd netshare' or 'systemctl start netshare', or name its control socket "
                "with control= or NETSHARE_CONTROL"
            ) from None
        except BaseException:
            await self._keeper.stopService()
            raise
        self._factory.doStart()
        return self

    async def startInherited(self, descriptor: int) -> IListeningPort:
        """
        Register over a link that the service made when it started this process.

        The process ends with the link: it was started to serve this service.
        """
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)
        factory = _LinkFactory(self._intake)
        self._reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, factory)
        os.close(descriptor)
        link = factory.link
        assert link is not None
        link.lost = self._inheritedLinkLost
        # Whoever made our process is trusted: it could have made it anything.
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
        if not self._stopping:
            self.log.info("the sharing service is gone, and this worker with it")
            os.kill(os.getpid(), signal.SIGTERM)

    async def _stop(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._intake.accepting = False
        link = self._intake.link
        if link is not None:
            try:
                await link.callRemote(commands.Unregister, baseAddress=self._address)
            except (ConnectionClosed, commands.InvalidArgument, commands.ServiceFault):
                pass  # then the end of the link does it
            link.transport.loseConnection()
        if self._keeper is not None:
            await self._keeper.stopService()
        self._factory.doStop()


class _LinkFactory(Factory):
    """Makes links, one at a time."""

    noisy = False

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.link: WorkerLink | None = None

    def buildProtocol(self, addr: IAddress | None) -> WorkerLink:
        self.link = WorkerLink(self._intake)
        return self.link
