"""
Workers that are started by their first connection, and stopped when none has come for a while.

:class:`Activation` has the workers of one address. What a worker does about it is its own affair
(:mod:`.worker`); here is what concerns them together: a connection that comes while no worker is
up, and the time without any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from zope.interface import implementer

from netshare.addresses import BaseAddress
from netshare.interfaces import IActivation
from netshare.outcomes import Outcome
from netshare.reactors import IReactor
from netshare.service.activation.interfaces import State
from netshare.service.activation.limits import OnDemand
from netshare.service.desk.registry import Registry
from netshare.service.workers.route import WorkerRoute
from netshare.timing import IdleWatch

#: Those of a worker that has no process, and starts none before a connection comes or a command.
_WITHOUT = (State.IDLE, State.OUT_OF_SERVICE, State.STOPPED)

#: Those of one that serves, or is about to.
_UP = (State.STARTING, State.SERVING, State.RECYCLING)


class Activated(Protocol):
    """
    One worker of the address.
    """

    state: State
    trouble: str

    def arrived(self) -> None:
        """A connection has come, and no worker of the address is up."""

    def rest(self) -> None:
        """No connection has come for a while."""


@implementer(IActivation)
class Activation:
    """
    The workers of one address, which is supervised already.

    :param workers: those that there are now
    """

    def __init__(
        self,
        reactor: IReactor,
        registry: Registry,
        address: BaseAddress,
        settings: OnDemand,
        workers: Callable[[], Sequence[Activated]],
    ) -> None:
        self._registry = registry
        self._address = address
        self._workers = workers
        self._begun = False
        self._watch: IdleWatch[BaseAddress] = IdleWatch(
            reactor, settings.idle, self._moved, self._rested
        )
        self._attach(self)

    @property
    def failure(self) -> str:
        """See :attr:`IActivation.failure <netshare.interfaces.IActivation>`."""
        waiting = (one.trouble for one in self._workers() if one.state is State.IDLE)
        return next((trouble for trouble in waiting if trouble), "")

    def others(self, worker: Activated) -> bool:
        """Whether another worker than this serves, or is about to."""
        return any(one.state in _UP for one in self._workers() if one is not worker)

    def begin(self) -> None:
        """Processes may be started from now on; connections that came before have waited."""
        self._begun = True
        self._watch.add(self._address)
        route = self._route
        if route is not None and route.waiting and not route.lanes:
            self.arrived()

    def end(self) -> None:
        """No process is started any more."""
        self._begun = False
        self._watch.discard(self._address)
        self._attach(None)

    def arrived(self) -> None:
        """See :meth:`IActivation.arrived <netshare.interfaces.IActivation.arrived>`."""
        if self._begun:
            for worker in self._workers():
                worker.arrived()
        else:
            self._registry.expect(self._address, self._registry.quotas.dispatchTimeout)

    def served(self) -> None:
        """A worker serves: so do the others that are for the address."""
        self._watch.add(self._address)
        self.arrived()

    def failed(self) -> None:
        """A worker could not be started, and is idle again: unless another one is about to serve,
        what waits has waited in vain."""
        if all(one.state in _WITHOUT for one in self._workers()):
            self._registry.unexpect(self._address, self.failure, Outcome.SERVICE_ACTIVATION_FAILED)

    @property
    def _route(self) -> WorkerRoute | None:
        route = self._registry.tree.get(self._address)
        return route if isinstance(route, WorkerRoute) else None

    def _attach(self, activation: IActivation | None) -> None:
        if self._route is not None:
            self._route.activation = activation

    def _moved(self, _: BaseAddress) -> object:
        """How far the address has come: connections change it."""
        route = self._route
        return None if route is None else (sum(route.given.values()), route.waiting)

    def _rested(self, address: BaseAddress) -> None:
        route = self._route
        if route is None or not self._begun:
            return
        if not route.waiting and not any(lane.outstanding for lane in route.lanes):
            for worker in self._workers():
                worker.rest()
        if any(one.state not in _WITHOUT for one in self._workers()):
            self._watch.add(address)
