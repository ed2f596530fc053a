"""
All workers that a service starts itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from netshare.control.paths import CONTROL_VARIABLE, LINK_VARIABLE
from netshare.service.activation.process import Spawner
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.surroundings import descends_from, drop_ambient_capabilities
from netshare.service.activation.worker import Worker
from netshare.service.desk.protocol import RegistrationDesk


class Supervisor:
    """
    Starts them, ends them, and exchanges them when the configuration changes.

    :param control: the control socket, for workers that want more than their own address
    """

    def __init__(
        self,
        reactor: Any,
        desk: RegistrationDesk,
        specs: list[WorkerSpec],
        control: str,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._reactor, self._desk = reactor, desk
        self._inherited = {**environ, CONTROL_VARIABLE: control}
        self._inherited.pop(LINK_VARIABLE, None)
        self._bySpec: dict[str, list[Worker]] = {}
        desk.isSpawned = self.started
        for spec in specs:
            self._add(spec)

    @property
    def workers(self) -> list[Worker]:
        """All of them."""
        return [worker for some in self._bySpec.values() for worker in some]

    def _add(self, spec: WorkerSpec) -> list[Worker]:
        self._desk.registry.supervise(spec.address)
        spawner = Spawner(self._reactor, self._desk, spec, self._inherited)
        made = [
            Worker(
                self._reactor,
                self._desk.registry,
                spec.address,
                spec.name if spec.processes == 1 else f"{spec.name}/{number}",
                spawner.spawn,
            )
            for number in range(1, spec.processes + 1)
        ]
        self._bySpec[str(spec.address)] = made
        return made

    async def change(self, removed: Sequence[WorkerSpec], added: Sequence[WorkerSpec]) -> None:
        """
        End the workers of some specs, start those of others.

        :param removed: of addresses that are supervised
        :param added: of addresses that are not, once the removed ones are gone
        """
        for spec in removed:
            ended = self._bySpec.pop(str(spec.address))
            await gatherResults([worker.stop() for worker in ended])
            self._desk.registry.unsupervise(spec.address)
        for spec in added:
            for worker in self._add(spec):
                worker.start()

    def start(self) -> None:
        """Start them all."""
        drop_ambient_capabilities()
        for worker in self.workers:
            worker.start()

    def started(self, pid: int) -> bool:
        """
        Whether a process is a worker of ours, or was started by one.
        """
        workers = frozenset(pid for worker in self.workers for pid in worker.pids)
        return bool(workers) and descends_from(pid, workers)

    def stop(self) -> Deferred[Any]:
        """
        End them all.

        :returns: fires when the last has ended
        """
        return gatherResults([worker.stop() for worker in self.workers])
