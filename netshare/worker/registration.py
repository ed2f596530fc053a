"""
A worker's link to the service: one registration, made again whenever the link is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.protocols import amp
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.addresses import AddressError, parse_via
from netshare.credentials import Peer, user_number
from netshare.handover import (
    ClientGone,
    HeldSocket,
    address_from_text,
    adopt,
    replay,
)
from netshare.interfaces import ISharedConnection, ISharedConnectionReceiver
from netshare.worker import commands
from netshare.worker.commands import ControlProtocol, WorkerFault, declared


class UntrustedService(Exception):
    """
    The control socket belongs to a process that may not be the service.
    """


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a worker asks the service for.
    """

    #: ``net.tcp://host[:port]/path``; None only when ``unique``.
    address: str | None
    #: StrongWildcard, Exact or WeakWildcard; None: the host of the address tells.
    hostNameComparisonMode: str | None = None
    #: An address of one's own, below the given one.
    unique: bool = False
    #: Served together with other workers of the same user that say the same.
    shared: bool = False
    #: How many connections may be under way to this worker; None: as many as the service likes.
    maxOutstanding: int | None = None

    def arguments(self) -> dict[str, Any]:
        """The arguments of :class:`netshare.worker.commands.Register`."""
        return {
            "version": commands.PROTOCOL_VERSION,
            "baseAddress": self.address,
            "hostNameComparisonMode": self.hostNameComparisonMode,
            "pid": os.getpid(),
            "unique": self.unique,
            "shared": self.shared,
            "maxOutstanding": self.maxOutstanding,
        }


class Intake:
    """
    Makes connections that are handed over connections of a Factory.

    It outlives links: connections that came over a link that is gone are still counted here.
    """

    log = Logger()

    def __init__(self, reactor: Any, factory: IProtocolFactory) -> None:
        self.reactor = reactor
        self.factory = factory
        #: The link that is up, if one is.
        self.link: WorkerLink | None = None
        #: Changes whenever sockets that came before may belong to somebody else now.
        self.epoch = 0
        self.accepting = True

    def receive(self, held: HeldSocket, via: str, readData: bytes, peer: str) -> None:
        """
        :raises Gone: the client has left
        :raises NotMine: this worker takes no more connections
        :raises Busy: the Factory wants no more
        """
        if not self.accepting:
            held.close()
            raise commands.NotMine("this worker has stopped listening")
        factory = self.factory
        real = _address_or_none(peer)
        try:
            view = held.view()
            try:
                named = view.getpeername()
            finally:
                view.detach()
            if real is not None and (real.host, real.port) not in (
                named[:2],
                (named[0].removeprefix("::ffff:"), named[1]),
            ):
                factory = _NamedPeer(factory, real)  # a balancer stands before the shared port
            transport = adopt(self.reactor, held, factory)
        except (ClientGone, OSError) as error:
            held.close()
            raise commands.Gone(str(error)) from None
        if transport is None:
            raise commands.Busy("the Factory wants no more connections")
        protocol = transport.protocol
        if isinstance(protocol, _PeerWrapper):
            protocol = protocol.wrappedProtocol
        if ISharedConnectionReceiver.providedBy(protocol):
            protocol.connectionShared(SharedConnection(self, transport, via, peer))
        replay(transport, readData)

    def routesChanged(self) -> None:
        """
        A socket that is here already may not be ours when it is used again.
        """
        self.epoch += 1


@implementer(ISharedConnection)
class SharedConnection:
    """
    See :class:`~netshare.interfaces.ISharedConnection`.
    """

    def __init__(self, intake: Intake, transport: Any, via: str, peer: str) -> None:
        self.via = via
        self._intake = intake
        self._transport = transport
        self._peer = peer
        self._epoch = intake.epoch

    def isMine(self, via: str) -> bool:
        if not self._intake.accepting or self._epoch != self._intake.epoch:
            return False
        try:
            return via == self.via or parse_via(via) == parse_via(self.via)
        except AddressError:
            return False

    def giveBack(self, readData: bytes) -> Deferred[None]:
        link = self._intake.link
        held = HeldSocket.from_transport(self._transport)
        if link is None:
            # The service is being restarted. A client that loses a pooled socket here connects
            # anew without telling anybody, which is the best that is left.
            held.close()
            return defer.fail(Failure(ConnectionClosed("the service is not there")))
        return link.giveBack(held, readData, self._peer)


class WorkerLink(ControlProtocol):
    """
    The worker's end of a control connection.
    """

    log = Logger()

    def __init__(self, intake: Intake) -> None:
        super().__init__()
        self._intake = intake
        self.lost: Callable[[], None] = lambda: None

    async def register(self, wish: Wish, trusted: frozenset[int] | None) -> str:
        """
        Make sure that the service is who it should be, and register.

        :param trusted: user numbers that the service may run as; None: any
        :returns: the address as it is registered
        :raises UntrustedService: it runs as somebody else
        :raises RegistrationError: it refuses
        """
        service = Peer.of(self.transport.getHandle())
        if trusted is not None and service.uid not in trusted:
            self.transport.loseConnection()
            raise UntrustedService(
                f"the control socket belongs to user {service.user}, who is neither root, nor "
                "you, nor the user netshare: name the service's user with serviceUser="
            )
        answer = await self.callRemote(commands.Register, **wish.arguments())
        self._intake.link = self
        self._intake.routesChanged()
        return str(answer["baseAddress"])

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        """
        Return a connection to the service.
        """
        try:
            answer = self.callRemote(
                commands.Return, peer=peer, readData=readData, socket=held.fileno()
            )
        except (amp.TooLong, ConnectionClosed) as error:
            answer = defer.fail(error)

        def answered(result: Any) -> Any:
            held.close()
            return result if isinstance(result, Failure) else None

        return answer.addBoth(answered)  # type: ignore[no-any-return]

    @declared(commands.Duplicate, WorkerFault)
    def duplicate(
        self, via: str, baseAddress: str, peer: str, local: str, readData: bytes, socket: int
    ) -> dict[str, Any]:
        self._intake.receive(HeldSocket(self.claim(socket)), via, readData, peer)
        return {}

    @declared(commands.RoutesChanged, WorkerFault)
    def routesChanged(self, baseAddress: str) -> dict[str, Any]:
        self._intake.routesChanged()
        return {}

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        super().connectionLost(reason)
        if self._intake.link is self:
            self._intake.link = None
        self.lost()


def trusted_users(serviceUser: str | None = None) -> frozenset[int]:
    """
    The user numbers that a service may run as: root, ourselves, and a user by name (``netshare``
    if there is one and no other is named).

    :raises ValueError: there is no user of that name
    """
    trusted = {0, os.geteuid()}
    if serviceUser is not None:
        trusted.add(user_number(serviceUser))
    else:
        try:
            trusted.add(user_number("netshare"))
        except ValueError:
            pass
    return frozenset(trusted)


def _address_or_none(peer: str) -> Any:
    """A balancer may have named the client in another way than by host and port."""
    try:
        return address_from_text(peer)
    except ValueError:
        return None


class _PeerWrapper(ProtocolWrapper):
    def __init__(self, factory: Any, wrapped: Any, peer: Any) -> None:
        super().__init__(factory, wrapped)
        self._peer = peer

    def getPeer(self) -> Any:
        return self._peer


class _NamedPeer(WrappingFactory):
    """
    Lets a protocol see the client's address, where the socket only knows a balancer's.
    """

    noisy = False

    def __init__(self, wrapped: IProtocolFactory, peer: Any) -> None:
        super().__init__(wrapped)
        self._peer = peer

    def buildProtocol(self, addr: object) -> Any:
        wrapped = self.wrappedFactory.buildProtocol(self._peer)
        return None if wrapped is None else _PeerWrapper(self, wrapped, self._peer)
