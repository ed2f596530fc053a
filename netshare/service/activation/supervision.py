"""
All workers that a service starts itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from zope.interface import implementer

from netshare.addresses import AddressKey, BaseAddress, parse_base_address
from netshare.control.paths import CONTROL_VARIABLE, LINK_VARIABLE
from netshare.interfaces import IWorkerManager
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.activation.failures import Failures
from netshare.service.activation.generation import Generation
from netshare.service.activation.inheritance import inherited, never
from netshare.service.activation.interfaces import SERVING, TOGETHER
from netshare.service.activation.limits import NO_HURRY
from netshare.service.activation.ondemand import Activation
from netshare.service.activation.passing import Spawn
from netshare.service.activation.pool import Demand, Pool
from netshare.service.activation.process import Spawner
from netshare.service.activation.recycling import Recycling, Replacing
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.surroundings import (
    descends_from,
    drop_ambient_capabilities,
    user_of,
)
from netshare.service.activation.units import SystemManager, UnitStarter
from netshare.service.activation.worker import Worker
from netshare.service.desk.protocol import RegistrationDesk
from netshare.service.records import Handed, WorkerRecord
from netshare.service.workers.route import WorkerRoute


@implementer(IWorkerManager)
class Supervisor:
    """
    Starts them, ends them, and exchanges them.

    :param control: the control socket, for workers that want more than their own address
    :ivar changed: called when what :meth:`handed_over` would say has become another
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        desk: RegistrationDesk,
        specs: list[WorkerSpec],
        control: str,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._reactor, self._desk = reactor, desk
        self._inherited = {**environ, CONTROL_VARIABLE: control}
        self._inherited.pop(LINK_VARIABLE, None)
        self._specs: dict[AddressKey, WorkerSpec] = {}
        self._workers: dict[AddressKey, list[Worker]] = {}
        self._failures: dict[AddressKey, Failures] = {}
        self._recycling: dict[AddressKey, Recycling] = {}
        self._spawns: dict[AddressKey, Spawn] = {}
        #: Of addresses whose processes are started by connections.
        self._activations: dict[AddressKey, Activation] = {}
        self._pools: dict[AddressKey, Pool] = {}
        #: Workers that are not wanted any more and have not ended.
        self._retiring: set[Worker] = set()
        #: Workers that another service had, and what that started them by.
        self._resumed: dict[Worker, str] = {}
        self._replacing = Replacing(reactor, self._recycling, self._workers)
        self.changed: Callable[[], None] = lambda: None
        desk.isSpawned = self.started
        desk.workers = self
        desk.status.workers = self
        for spec in specs:
            self._add(spec)

    @property
    def workers(self) -> list[Worker]:
        """All of them."""
        return [worker for some in self._workers.values() for worker in some]

    def _add(self, spec: WorkerSpec) -> list[Worker]:
        key = spec.address.key
        self._specs[key] = spec
        self._supervise(spec)
        self._failures[key] = Failures(self._reactor, spec.maxFailures, spec.failureWindow)
        spawn = self._spawn(spec)
        made = [self._worker(spec, number, spawn) for number in range(1, spec.processes + 1)]
        self._workers[key] = made
        return made

    def _supervise(self, spec: WorkerSpec) -> None:
        """Have an address for its workers."""
        address, registry = spec.address, self._desk.registry
        registry.supervise(address, joinable=spec.pool.most > 1)
        self._deactivate(address.key)
        if spec.onDemand is not None:
            workers = partial(self._workers.__getitem__, address.key)
            self._activations[address.key] = Activation(
                self._reactor, registry, address, spec.onDemand, workers
            )

    def _deactivate(self, key: AddressKey) -> None:
        if key in self._activations:
            self._activations.pop(key).end()

    def _spawn(self, spec: WorkerSpec) -> Spawn:
        """What starts processes of it, from now on."""
        recycling = Recycling(spec.recycleAfter, spec.isolation.directory)
        self._recycling[spec.address.key] = recycling
        spawner: Spawner | UnitStarter
        if spec.unit is not None:
            manager = SystemManager(self._reactor, self._inherited)
            spawner = UnitStarter(self._reactor, manager, spec.unit)
        else:
            spawner = Spawner(self._reactor, self._desk, spec, self._inherited)
        self._spawns[spec.address.key] = spawn = recycling.noting(spawner.spawn)
        return spawn

    def _worker(self, spec: WorkerSpec, number: int, spawn: Spawn) -> Worker:
        return Worker(
            self._reactor,
            self._desk.registry,
            spec.address,
            spec.name if spec.pool.most == 1 else f"{spec.name}/{number}",
            spawn,
            self._failures[spec.address.key],
            spec.limits,
            self._activations.get(spec.address.key),
            lambda: self.changed(),
        )

    async def change(self, removed: Sequence[WorkerSpec], added: Sequence[WorkerSpec]) -> None:
        """
        End the workers of some specs, start those of others. An address that is in both has its
        processes recycled, which goes on when this returns.
        """
        new = {spec.address.key: spec for spec in added}
        changed = [new.pop(spec.address.key) for spec in removed if spec.address.key in new]
        kept = {spec.address.key for spec in changed}
        for spec in removed:
            if spec.address.key not in kept:
                ended = self._workers.pop(spec.address.key)
                self._unwatch(spec.address.key)
                self._deactivate(spec.address.key)
                for known in (self._specs, self._failures, self._recycling, self._spawns):
                    del known[spec.address.key]
                self._retiring.update(ended)
                await gatherResults([worker.stop() for worker in ended])
                self._retiring.difference_update(ended)
                self._desk.registry.unsupervise(spec.address)
        for spec in changed:
            self._exchange(spec)
        for spec in new.values():
            for worker in self._add(spec):
                worker.begin()
            self._watch(spec)
        self._replacing.start()

    def _exchange(self, spec: WorkerSpec) -> None:
        """Go over to another spec of an address."""
        key = spec.address.key
        self._specs[key] = spec
        self._supervise(spec)
        spawn = self._spawn(spec)
        self._watch(spec)
        workers = self._workers[key]
        while len(workers) > spec.pool.most:
            self._retire(workers.pop())
        before = list(workers)
        for number in range(len(workers) + 1, spec.processes + 1):
            workers.append(self._worker(spec, number, spawn))
            workers[-1].begin()
        self._changeOneByOne(before, spawn, spec)

    def _retire(self, worker: Worker, patience: float | None = None) -> None:
        """
        Let one go that is not wanted any more.

        :param patience: seconds for its connections; None: as its spec says
        """
        self._retiring.add(worker)
        worker.leave(patience).addCallback(lambda _: self._retiring.discard(worker))

    def _watch(self, spec: WorkerSpec) -> None:
        """Keep the number of its processes in line with what is to be done, within its bounds."""
        key = spec.address.key
        self._unwatch(key)
        if key in self._activations:
            self._activations[key].begin()
        if spec.pool.most > spec.pool.least:
            grow, shrink = partial(self._grow, key), partial(self._shrink, key)
            pool = Pool(self._reactor, spec.pool, partial(self._demand, key), grow, shrink)
            self._pools[key] = pool
            pool.start()

    def _unwatch(self, key: AddressKey) -> None:
        if key in self._pools:
            self._pools.pop(key).stop()

    def _demand(self, key: AddressKey) -> Demand:
        workers = self._workers[key]
        route = self._desk.registry.tree.get(self._specs[key].address)
        waiting = route.waiting if isinstance(route, WorkerRoute) else 0
        return Demand(waiting, len(workers), all(one.state in SERVING for one in workers))

    def _grow(self, key: AddressKey) -> None:
        spec, workers = self._specs[key], self._workers[key]
        self.log.info("connections wait for {address}: a process more", address=str(spec.address))
        workers.append(self._worker(spec, len(workers) + 1, self._spawns[key]))
        workers[-1].start()

    def _shrink(self, key: AddressKey) -> None:
        workers = self._workers[key]
        self.log.info(
            "{worker} is not needed: it ends with its last connection", worker=workers[-1].name
        )
        self._retire(workers.pop(), NO_HURRY)

    def _changeOneByOne(self, workers: Sequence[Worker], spawn: Spawn, spec: WorkerSpec) -> None:
        activation = self._activations.get(spec.address.key)
        steps = [partial(one.change, spawn, spec.limits, activation) for one in workers]
        # Each has logged why it failed, and shows it.
        ensureDeferred(self._oneByOne(steps)).addErrback(lambda _: None)

    @staticmethod
    async def _oneByOne(steps: Sequence[Any]) -> None:
        """:raises NotServing: one did; the next ones are not tried"""
        for step in steps:
            await step()

    def start(self) -> None:
        """Start them all."""
        drop_ambient_capabilities()
        for key, workers in self._workers.items():
            spec = self._specs[key]
            changed = []
            for worker in workers:
                if worker not in self._resumed:
                    worker.begin()
                elif self._resumed[worker] != spec.fingerprint:
                    changed.append(worker)
            if changed:
                self._changeOneByOne(changed, self._spawn(spec), spec)
        for surplus in [one for one in self._resumed if one not in self.workers]:
            self._retire(surplus)
        self._resumed.clear()
        for spec in self._specs.values():
            self._watch(spec)
        self._replacing.start()

    def startAt(self, address: BaseAddress) -> Deferred[None]:
        """See :meth:`IWorkerManager.startAt`."""
        workers = self._workers[address.key]
        for worker in workers:
            worker.start()
        return self._all([worker.whenReady() for worker in workers])

    def stopAt(self, address: BaseAddress, drain: bool) -> Deferred[None]:
        """See :meth:`IWorkerManager.stopAt`."""
        return self._all([worker.stop(drain) for worker in self._workers[address.key]])

    def recycleAt(self, address: BaseAddress) -> Deferred[None]:
        """See :meth:`IWorkerManager.recycleAt`."""
        return ensureDeferred(self._recycleAll(list(self._workers[address.key])))

    async def _recycleAll(self, workers: Sequence[Worker]) -> None:
        for worker in workers:
            if worker in self.workers:  # and was not one too many meanwhile
                await worker.recycle()

    def describe(self, address: BaseAddress) -> dict[str, str] | None:
        """See :meth:`IWorkerManager.describe`."""
        workers = self._workers.get(address.key)
        if not workers:
            return None
        state = min((worker.state for worker in workers), key=TOGETHER.index)
        trouble = next((worker.trouble for worker in workers if worker.trouble), "")
        return {"worker": state.value, **({"trouble": trouble} if trouble else {})}

    def watcherOf(self, pid: int) -> Generation | None:
        """See :meth:`IWorkerManager.watcherOf`."""
        found = (worker.watcherOf(pid) for worker in self._all_there_are())
        return next((one for one in found if one is not None), None)

    def comesBack(self, pid: int, uid: int, address: BaseAddress) -> Generation | None:
        """See :meth:`IWorkerManager.comesBack`."""
        for worker in self._workers.get(address.key, ()):
            found = worker.watcherOf(pid)
            # A socket that a process of another user has left behind may have the same number.
            if found is not None and found.link is None and user_of(pid) == uid:
                return found
        return None

    def started(self, pid: int) -> bool:
        """
        Whether a process is a worker of ours, or was started by one.
        """
        workers = frozenset(pid for worker in self._all_there_are() for pid in worker.pids)
        return bool(workers) and descends_from(pid, workers)

    def stop(self) -> Deferred[Any]:
        """
        End them all.

        :returns: fires when the last has ended
        """
        self._replacing.stop()
        self._watchNothing()
        return gatherResults([worker.stop() for worker in self._all_there_are()])

    def _watchNothing(self) -> None:
        for pool in self._pools.values():
            pool.stop()
        for activation in self._activations.values():
            activation.end()

    def handed_over(self) -> Iterator[Handed]:
        """
        All of them, for another service.

        :raises NotPassable: a process cannot go
        """
        for key, workers in self._workers.items():
            for number, worker in enumerate(workers, 1):
                yield from worker.handed_over(number, self._specs[key].fingerprint)
        for worker in self._retiring:
            yield from worker.handed_over(0, "")

    def letGo(self) -> None:
        """Another service has them all."""
        self._replacing.stop()
        self._watchNothing()
        for worker in self._all_there_are():
            worker.letGo()
        self._workers.clear()
        self._retiring.clear()

    def resume(self, handed: Sequence[Handed]) -> None:
        """
        Go on with the workers that another service had; to be called before :meth:`start`. Those
        that are not wanted here are drained then, those that are started in another way are
        recycled.
        """
        for record, children in inherited(self._reactor, handed):
            try:
                worker = self._resumedAs(record)
                worker.resume(record, children)
                self._resumed[worker] = record.fingerprint
            except Exception:
                self.log.failure("{worker} is lost, and starts anew", worker=record.name)

    def _resumedAs(self, record: WorkerRecord) -> Worker:
        address = parse_base_address(record.address)
        key, number = address.key, record.number
        spec = self._specs.get(key)
        if spec is not None and 0 < number <= spec.pool.most:
            known = self._workers[key]
            while len(known) < number:
                known.append(self._worker(spec, len(known) + 1, self._spawns[key]))
            return known[number - 1]
        registry, failures = self._desk.registry, Failures(self._reactor)
        return Worker(
            self._reactor,
            registry,
            address,
            record.name,
            never,
            failures,
            changed=lambda: self.changed(),
        )

    def _all_there_are(self) -> list[Worker]:
        return [*self.workers, *self._retiring, *(set(self._resumed) - set(self.workers))]

    @staticmethod
    def _all(waiting: Sequence[Deferred[None]]) -> Deferred[None]:
        async def each() -> None:
            for one in waiting:
                await one

        return ensureDeferred(each())
