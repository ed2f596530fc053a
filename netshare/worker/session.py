"""
What a process has with a service: one link, made again whenever it is lost, for all addresses that
the process listens at.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from netshare.addresses import AddressError, parse_base_address
from netshare.control import commands
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.sockets.held import HeldSocket
from netshare.timing import Timer
from netshare.worker.intake import Intake
from netshare.worker.link import Wish, WorkerLink
from netshare.worker.returns import Returns

#: Seconds between attempts to reach a service that is gone: short, since clients wait meanwhile,
#: and an attempt on a UNIX socket costs next to nothing. A service that is being restarted is back
#: within the first few seconds; only then they become rarer.
RETRY_FIRST, RETRY_SOON, RETRY_LONGEST = 0.02, 0.04, 0.4

#: How many attempts are made at the quick rate: five seconds' worth.
_SOON = 150


def retry_delay(failures: int) -> float:
    """
    How long to wait after so many failed attempts in a row: growing, with jitter, so that a
    thousand workers do not all knock at once.
    """
    most = RETRY_SOON if failures < _SOON else RETRY_LONGEST
    longest: float = min(RETRY_FIRST * 2 ** min(failures, 10), most)
    return longest * random.uniform(0.5, 1.0)


class Registrant(Protocol):
    """
    One that listens at an address.

    :ivar intake: where its connections enter
    :ivar name: the address, for people
    """

    intake: Intake

    @property
    def name(self) -> str: ...

    @property
    def wish(self) -> Wish:
        """What to ask for the next time."""

    def registered(self, address: str) -> None:
        """The service has it."""

    def refused(self, failure: Failure) -> None:
        """It has not, or there is none. It is asked again unless :meth:`WorkerSession.leave`."""

    def drain(self, seconds: float) -> None:
        """The service sends no more; what is here may take so long to end."""


class WorkerSession:
    """
    All that one process registers with one service.

    :param control: the service's control socket
    :param trusted: user numbers that the service may run as; None: any
    :param ended: called when the last registrant has left
    :ivar link: the link that is up, if one is
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        control: Path,
        trusted: frozenset[int] | None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.reactor = reactor
        self.control = control
        self.link: WorkerLink | None = None
        self.returns = Returns(reactor)
        self._trusted = trusted
        self._ended = ended
        #: Those that are to be registered, and when each that was refused asks again.
        self._wanted: dict[Registrant, Timer] = {}
        #: How often each was refused in a row.
        self._refusals: dict[Registrant, int] = {}
        #: All, also those that only wait for what they have to end.
        self._members: dict[Registrant, object] = {}
        #: What they ask for, in a form that compares.
        self._keys: set[object] = set()
        self._addresses: dict[str, Registrant] = {}
        #: How many registrations the service has not answered.
        self._asking = 0
        self._failures = 0
        self._retry = Timer(reactor, self._attempt)
        self._attempting: Deferred[None] | None = None

    @property
    def hopes(self) -> bool:
        """Whether there is a link, or there may be one again."""
        return self.link is not None or bool(self._wanted)

    # ---- registrants

    def wants(self, wish: Wish) -> bool:
        """Whether one of them asks for the same address."""
        return wish.address is not None and _key(wish) in self._keys

    def join(self, one: Registrant) -> None:
        """
        Register it, now and whenever the link was lost, until :meth:`withdraw` or :meth:`leave`.
        """
        self._members[one] = key = _key(one.wish)
        self._keys.add(key)
        self._wanted[one] = Timer(self.reactor, partial(self._register, one))
        self._refusals[one] = 0
        if self.link is not None:
            self._register(one)
        elif self._attempting is None:
            self._retry.stop()
            self._attempt()

    async def withdraw(self, one: Registrant, address: str) -> None:
        """
        Have the service send no more for it.

        :param address: as it was registered; empty: it never was
        """
        self._forget(one)
        if self.link is not None and address:
            try:
                await self.link.callRemote(commands.Unregister, baseAddress=address)
            except (ConnectionClosed, commands.InvalidArgument, commands.ServiceFault):
                pass  # then the end of the link does it

    async def drainLane(self) -> None:
        """Give back what is in the lane and is not taken any more."""
        if self.link is not None and self.link.lane is not None:
            await self.link.lane.drain()

    def leave(self, one: Registrant) -> None:
        """Nothing of it may have to go back any more."""
        if one not in self._members:
            return
        self._forget(one)
        self._keys.discard(self._members.pop(one))
        for address in [address for address, found in self._addresses.items() if found is one]:
            del self._addresses[address]
        if not self._members:
            self._end()

    def _forget(self, one: Registrant) -> None:
        timer = self._wanted.pop(one, None)
        self._refusals.pop(one, None)
        if timer is not None:
            timer.stop()
        if not self._wanted and self.link is None:
            self._stopTrying()

    def _stopTrying(self) -> None:
        self._retry.stop()
        self.returns.close()
        if self._attempting is not None:
            self._attempting.cancel()

    def _end(self) -> None:
        self._stopTrying()
        if self.link is not None:
            self.link.transport.loseConnection()
        self._ended()

    # ---- the link

    def _attempt(self) -> None:
        attempt = ensureDeferred(self._connect())
        self._attempting = attempt
        attempt.addErrback(self._unreachable)
        if attempt.called:
            self._attempting = None

    async def _connect(self) -> None:
        endpoint = UNIXClientEndpoint(self.reactor, str(self.control))
        try:
            link = await endpoint.connect(LinkFactory(self))
        finally:
            self._attempting = None
        if not self._wanted:
            link.transport.loseConnection()
            return
        link.check(self._trusted)
        self.begin(link)

    def begin(self, link: WorkerLink) -> None:
        """A link is up: register all that is to be."""
        self.link = link
        for one in list(self._wanted):
            self._register(one)

    def _unreachable(self, failure: Failure) -> None:
        self._attempting = None
        for one in list(self._wanted):
            one.refused(failure)
        self._again()

    def _again(self) -> None:
        if not self._wanted or self._attempting is not None:
            return
        if self._failures == 0:
            names = [one.name for one in self._wanted]
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self.log.warn(
                "the sharing service is not there; trying again until it is ({address}{more})",
                address=names[0],
                more=more,
            )
        self._retry.start(retry_delay(self._failures))
        self._failures += 1

    def serviceEnds(self, link: WorkerLink) -> None:
        """See :class:`~netshare.worker.link.LinkOwner`."""
        if self.link is link and self._wanted:  # else there is no next one
            self.returns.way = None

    def lost(self, link: WorkerLink) -> None:
        """See :class:`~netshare.worker.link.LinkOwner`."""
        if self.link is not link:
            return
        self.link = self.returns.way = None
        for timer in self._wanted.values():
            timer.stop()
        if self._wanted:
            self._again()
        else:
            self.returns.close()

    # ---- registrations

    def _register(self, one: Registrant) -> None:
        link = self.link
        assert link is not None
        self._asking += 1
        registering = ensureDeferred(link.register(one.wish))
        registering.addBoth(self._answered)
        registering.addCallbacks(
            partial(self._registered, one, link), partial(self._refused, one, link)
        )
        registering.addErrback(lambda failure: self.log.failure("a registration failed", failure))

    def _answered(self, result: str | Failure) -> str | Failure:
        self._asking -= 1
        return result

    def _registered(self, one: Registrant, link: WorkerLink, address: str) -> None:
        if self.link is not link:
            return  # it was lost in the same moment
        if one not in self._wanted:  # it was given up meanwhile
            unregistering = link.callRemote(commands.Unregister, baseAddress=address)
            unregistering.addErrback(lambda _: None)
        else:
            self._failures = self._refusals[one] = 0
            self._addresses[address] = one
            one.intake.routesChanged()
            one.registered(address)
        self._settled(link)

    def _refused(self, one: Registrant, link: WorkerLink, failure: Failure) -> None:
        if one in self._wanted:
            one.refused(failure)
        if one in self._wanted and self.link is link:
            self._refusals[one] += 1
            self._wanted[one].start(retry_delay(self._refusals[one]))
        if self.link is link:
            self._settled(link)

    def _settled(self, link: WorkerLink) -> None:
        """The service has answered a registration."""
        if link.lane is not None:
            link.lane.goOn()
        if not self._asking:
            self.returns.begin(link)

    # ---- what comes over the link

    @property
    def asking(self) -> bool:
        """See :class:`~netshare.worker.link.LinkOwner`."""
        return self._asking > 0

    def find(self, address: str) -> Intake | None:
        """See :class:`~netshare.worker.link.LinkOwner`."""
        found = self._find(address)
        return None if found is None else found.intake

    def _find(self, address: str) -> Registrant | None:
        found = self._addresses.get(address)
        if found is None:
            # Another worker that shares it may have written it in another way.
            try:
                key = parse_base_address(address).key
            except AddressError:
                return None
            for known, one in self._addresses.items():
                if parse_base_address(known).key == key:
                    self._addresses[address] = found = one
                    break
        return found

    def routesChanged(self, address: str) -> None:
        """See :class:`~netshare.worker.link.LinkOwner`."""
        intake = self.find(address)
        if intake is not None:
            intake.routesChanged()

    def intakes(self) -> list[Intake]:
        """See :class:`~netshare.worker.link.LinkOwner`."""
        return [one.intake for one in self._members]

    def drain(self, address: str, seconds: float) -> None:
        """See :class:`~netshare.worker.link.LinkOwner`."""
        found = self._find(address)
        if found is not None:
            self._forget(found)
            found.drain(seconds)

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        """See :class:`~netshare.worker.returns.ReturnWay`."""
        return self.returns.giveBack(held, readData, peer)


def _key(wish: Wish) -> object:
    """Equal for wishes that may be for the same address."""
    try:
        return wish if wish.address is None else parse_base_address(wish.address).key
    except AddressError:  # the service will say so
        return wish.address


class LinkFactory(Factory):
    """
    Makes links, one at a time.

    :param up: whether they are to be trusted, since they are not the answer to an attempt
    """

    noisy = False

    def __init__(self, session: WorkerSession, up: bool = False) -> None:
        self._session = session
        self._up = up

    def buildProtocol(self, addr: IAddress | None) -> WorkerLink:
        link = WorkerLink(self._session)
        if self._up:
            self._session.begin(link)
        return link
