"""
What operators may do to workers: start, stop, recycle, drain.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from netshare.addresses import AddressError, BaseAddress, parse_base_address
from netshare.control import management
from netshare.control.commands import AccessDenied, InvalidArgument, ServiceFault
from netshare.control.management import NoSuchWorker, NotDone
from netshare.control.protocol import declared
from netshare.interfaces import IWorkerManager
from netshare.service.desk.draining import DrainableLink

#: Seconds that workers have which are drained by hand, unless it is said.
DRAIN_FOR = 90

#: The longest time that can be said.
_LONGEST = 7 * 24 * 3600


class ManagingLink(DrainableLink):
    """
    What the service's end of a link has for that.
    """

    @declared(management.Start, ServiceFault)
    async def startWorkers(self, baseAddress: str, wait: bool = False) -> dict[str, Any]:
        address, workers = self._managed(baseAddress)
        return await self._answer(address, workers.startAt(address), wait)

    @declared(management.Stop, ServiceFault)
    async def stopWorkers(self, baseAddress: str, wait: bool = False) -> dict[str, Any]:
        address, workers = self._managed(baseAddress)
        return await self._answer(address, workers.stopAt(address, drain=False), wait)

    @declared(management.Recycle, ServiceFault)
    async def recycleWorkers(self, baseAddress: str, wait: bool = False) -> dict[str, Any]:
        address, workers = self._managed(baseAddress)
        return await self._answer(address, workers.recycleAt(address), wait)

    @declared(management.DrainWorkers, ServiceFault)
    async def drainWorkers(
        self,
        baseAddress: str,
        wait: bool = False,
        pid: int | None = None,
        deadline: int | None = None,
    ) -> dict[str, Any]:
        address = _address(baseAddress)
        workers: IWorkerManager | None = self.desk.workers
        if workers is not None and workers.describe(address) is not None:
            self._check_manager(address)
            if pid is not None:
                raise NoSuchWorker(
                    f"the service starts the workers of {address} itself, and would start another "
                    "one for it: recycle the address"
                )
            return await self._answer(address, workers.stopAt(address, drain=True), wait)
        links = self._self_registered(address, pid)
        seconds = DRAIN_FOR if deadline is None else min(max(deadline, 0), _LONGEST)
        for link in links:
            link.drain(seconds)
        drained = gatherResults([link.whenDrained() for link in links])
        return await self._answer(address, drained.addCallback(lambda _: None), wait)

    def _managed(self, baseAddress: str) -> tuple[BaseAddress, IWorkerManager]:
        """
        :raises InvalidArgument: it is no address
        :raises AccessDenied: this process may not manage it
        :raises NoSuchWorker: the service starts no workers for it
        """
        address = _address(baseAddress)
        self._check_manager(address)
        workers: IWorkerManager | None = self.desk.workers
        if workers is None or workers.describe(address) is None:
            raise NoSuchWorker(
                f"the service starts no worker for {address} (host and path have to be as "
                "netshare list shows them)"
            )
        return address, workers

    def _check_manager(self, address: BaseAddress) -> None:
        """:raises AccessDenied: this process may not manage the workers of this address"""
        if self._is_spawned() or not self.registry.accounts.manages(self.peer, address):
            raise AccessDenied(
                f"user {self.peer.user} may not manage the workers of {address}: root, the "
                "service's own user and those for whom the address is reserved may"
            )

    def _is_spawned(self) -> bool:
        """A worker of the service's has its user, and is not as trusted."""
        return bool(self.granted or self.desk.isSpawned(self.peer.pid))

    def _self_registered(self, address: BaseAddress, pid: int | None) -> list[DrainableLink]:
        """
        :raises NoSuchWorker: there is none, or one does not know how to be drained
        :raises AccessDenied: this process may not drain one of them
        """
        links: list[Any] = [
            one.link
            for one in self.registry.registrationsOf(address)
            if pid is None or pid in (one.link.peer.pid, one.link.claimedPid)
        ]
        if not links:
            which = "no worker" if pid is None else f"no process {pid}"
            raise NoSuchWorker(f"{which} has registered {address}: see netshare list")
        for link in links:
            if link.peer.uid != self.peer.uid or self._is_spawned():
                self._check_manager(address)
            if not link.drains:
                raise NoSuchWorker(f"{link} does not know how to be drained: end it in its own way")
        return links

    async def _answer(
        self, address: BaseAddress, done: Deferred[None], wait: bool
    ) -> dict[str, Any]:
        """
        :raises NotDone: it failed, at once or while that is waited for
        """
        if wait or done.called:
            try:
                await done
            except Exception as error:
                raise NotDone(str(error)) from None
        else:
            done.addErrback(lambda _: None)  # netshare list says how it went
        workers: IWorkerManager | None = self.desk.workers
        described = None if workers is None else workers.describe(address)
        return {"json": json.dumps({"address": str(address), **(described or {})}).encode("utf-8")}


def _address(text: str) -> BaseAddress:
    """:raises InvalidArgument: it is none"""
    try:
        return parse_base_address(text)
    except AddressError as error:
        raise InvalidArgument(f"{text}: {error}") from None
