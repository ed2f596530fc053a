"""
The seams of netshare: what its rooms, and those who embed it, may rely on.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from netshare.addresses import BaseAddress, Via
from netshare.outcomes import Outcome
from netshare.sockets.held import HeldSocket


class IOutcomeRecorder(Interface):
    """
    Told of every connection of a shared port; counts it, or passes it on to a metrics system.
    """

    def connectionAccepted() -> None:
        """A client has connected."""

    def connectionReturned() -> None:
        """A worker gave a connection back, to be routed again."""

    def connectionDecided(outcome: Outcome) -> None:
        """A connection has its one :class:`~netshare.outcomes.Outcome`."""


class IArrival(Interface):
    """
    A connection whose via is known and which has no owner yet.

    The route that renders it calls exactly one of :meth:`take` and :meth:`refuse`.
    """

    via = Attribute("The address asked for, as the client wrote it.")
    readData = Attribute("Every byte received so far, from the first of the preamble on.")
    peer = Attribute("The client's address, as text; behind a balancer the real client's.")
    local = Attribute("The address the client connected to, as text.")
    named = Attribute("Whether ``peer`` is other than what the socket says: behind a balancer.")
    held = Attribute("The connection's :class:`~netshare.sockets.held.HeldSocket`.")

    def take(outcome: Outcome, detail: str = "", keeps: int = 0) -> None:
        """
        The connection has an owner now, or is closed: record how it ended.

        The held socket is closed; its new owner has a copy.

        :param keeps: how many descriptors this process goes on holding for the connection
        """

    def refuse(outcome: Outcome, detail: str) -> None:
        """
        Answer with the fault of this outcome, and close once the client has read it.
        """

    patience = Attribute("Seconds that it may still wait for a worker; None: as long as any.")

    def leave() -> None:
        """
        Another process has the connection now, and records how it ends: nothing is recorded here.
        """

    def regain(held: HeldSocket) -> None:
        """
        The socket is here again: the worker that it was sent to has not taken it, and the copy
        that was here is closed.
        """


class IRoute(Interface):
    """
    Where connections for an address go: a worker, a Factory, another server, a refusal.
    """

    kind = Attribute("One word for lists: ``worker``, ``local``, ``relay``, ``fault``.")

    def render(arrival: IArrival) -> None:
        """
        Bring an :class:`IArrival` where it belongs, now or later.
        """


class IAddressResource(Interface):
    """
    A place in the tree of addresses, after the idea of ``twisted.web.resource.IResource``.
    """

    route = Attribute("The :class:`IRoute` for vias that end here or lead no further, or None.")

    def getChildWithDefault(segment: str, via: Via) -> IAddressResource | None:
        """
        The resource for the next path segment, or None where the tree ends.

        :param segment: one path segment, unescaped and case-folded
        :param via: the whole :class:`~netshare.addresses.Via`
        """

    def putChild(segment: str, child: IAddressResource) -> None:
        """Put a resource below this one."""

    def render(arrival: IArrival) -> None:
        """Bring an :class:`IArrival` where this address's connections go."""


class IWorkerLane(Interface):
    """
    The way to one worker: how connections reach it and how many are under way.
    """

    name = Attribute("The worker, as people know it.")
    outstanding = Attribute("How many connections the worker has not answered for.")
    live = Attribute(
        "How many connections the worker has of those that it has answered for; None: it does not "
        "say."
    )
    stuck = Attribute("Whether the worker has let a deadline pass and said nothing since.")
    freed = Attribute(
        "Called when the lane may take more, each with how many connections the worker has just "
        "answered for: a list of callables."
    )

    def takes(address: BaseAddress) -> bool:
        """
        Whether the worker may be given one more connection for this address now.
        """

    def stateFor(address: BaseAddress) -> str:
        """
        :returns: one word, of one of the worker's addresses: ``ready``, ``busy``, ``silent`` when
            it does not answer, or ``stuck`` when a deadline has passed
        """

    def give(errand: IErrand) -> None:
        """
        Send a connection. At most once: after a failure that the worker did not declare it may
        be in the worker's hands.

        :param errand: an :class:`IErrand`; it is told how it went, once, now or later
        """


class IErrand(Interface):
    """
    One connection on its way to a worker.
    """

    arrival = Attribute("The :class:`IArrival`.")
    address = Attribute("The base address that the worker gets it for.")
    over = Attribute("Whether it was told how it went: what comes then is too late.")

    def adopted(lane: IWorkerLane) -> None:
        """The worker has the connection."""

    def failed(lane: IWorkerLane, error: Exception) -> None:
        """
        It has not, or that is not known.

        :param error: one of :class:`netshare.control.commands.Duplicate`, or why the link or the
            patience with it ended
        """


class IWorkerLink(Interface):
    """
    The service's end of a worker's control link.
    """

    drains = Attribute("Whether the worker knows what to do when it is drained.")

    given = Attribute("How many connections the worker has been given for its addresses.")

    def withdraw() -> None:
        """No connection is given to the worker any more; those it has are its own."""

    def drain(seconds: float) -> None:
        """
        Withdraw, and tell the worker to let what it has come to an end.

        :param seconds: how long that may take
        """

    def close() -> None:
        """End it; its registrations go with it."""


class ILinkWatcher(Interface):
    """
    Told what a worker that the service has started says over the link it inherited.
    """

    def registered(link: IWorkerLink) -> None:
        """
        It serves its address from now on; called before the first connection is given to it.
        """

    def lost(link: IWorkerLink) -> None:
        """The link has ended: the worker may come back by another one."""

    def silent(seconds: float) -> None:
        """It has not answered for so long; called again and again until it does."""

    def drained(connections: int | None) -> None:
        """
        It has let its connections come to their end.

        :param connections: how many are left, which it gives up; None: it cannot tell
        """


class IWorkerManager(Interface):
    """
    Has the workers that the service starts itself. Each Deferred fails with an exception whose
    message says what has become of it instead.
    """

    def describe(address: BaseAddress) -> dict[str, str] | None:
        """
        How the workers of an address are (``worker``), and what went wrong last (``trouble``); None
        where the service starts none.
        """

    def watcherOf(pid: int) -> ILinkWatcher | None:
        """
        What is told of the link of a process that runs, if it is one of these workers'.
        """

    def comesBack(pid: int, uid: int, address: BaseAddress) -> ILinkWatcher | None:
        """
        A process asks for an address over a link of its own: is it a worker of this address, whose
        link was lost?

        :param uid: the user that the process had when it connected
        :returns: what is told of its link, if so
        """

    def startAt(address: BaseAddress) -> Deferred[None]:
        """
        Start the workers of an address, also those that are out of service.

        :returns: fires when they serve
        """

    def stopAt(address: BaseAddress, drain: bool) -> Deferred[None]:
        """
        End the workers of an address; they stay so until they are started.

        :param drain: let their connections come to an end first
        """

    def recycleAt(address: BaseAddress) -> Deferred[None]:
        """
        Have new processes take the place of those of an address, one after the other.

        :returns: fires when the last one serves
        """


class IActivation(Interface):
    """
    Starts what serves an address when a connection comes for it and no worker is up.
    """

    failure = Attribute("Why that was not possible last, in words; empty when it was, or untried.")

    def arrived() -> None:
        """
        A connection has come. If a worker is started for it, one is expected when this returns.
        """


class IDispatchPolicy(Interface):
    """
    Chooses among the workers that share one address.
    """

    def choose(lanes: Sequence[IWorkerLane]) -> IWorkerLane:
        """
        :param lanes: the available lanes, at least one
        :returns: one of them
        """


class ISharedConnection(Interface):
    """
    What a worker's protocol may know of, and do with, a connection that was handed to it.
    """

    via = Attribute("The via that the connection came with.")

    def isMine(via: str) -> bool:
        """
        Whether a further preamble on the same socket may be served here: only when it names the
        very via that the socket came with, and no deeper address was registered since.
        """

    def giveBack(readData: bytes) -> Deferred[None]:
        """
        Give the connection back to the service, which routes it again.

        The transport is gone afterwards: the protocol's ``connectionLost`` follows.

        :param readData: every byte received of the preamble that is not ours
        :returns: a Deferred that fires when the service has it
        """


class ISharedConnectionReceiver(Interface):
    """
    A protocol that knows of port sharing provides this to be told of its connection.
    """

    def connectionShared(connection: ISharedConnection) -> None:
        """
        :param connection: the :class:`ISharedConnection`; called before the first byte
        """
