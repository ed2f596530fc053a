"""
Another configuration for a running service: all of it, or none.

Everything that may fail comes first: ports are opened beside those that there are, and addresses
are looked up. Only then does anything change, and only what is different: a worker whose lines are
as they were is not touched. A registration that a new rule forbids lives on; the rule is applied
when it is made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort

from netshare.addresses import BaseAddress
from netshare.config import Configuration, ConfigurationError
from netshare.config.difference import Difference
from netshare.config.values import ListenSpec
from netshare.control.management import ReloadFailed
from netshare.logger import Logger
from netshare.service.activation.supervision import Supervisor
from netshare.service.front.ports import PortNotAllowed, PortUnavailable
from netshare.service.shared import SharedPort
from netshare.service.workers.route import WorkerRoute
from netshare.tap.manager import ServiceManager


class Reloader:
    """
    Takes a service from one configuration to the next.

    :param manager: from whom sockets may come
    :param settings: what ``netshare stats`` shows, which is brought up to date
    :param listening: the ports of the listeners that there are; kept up to date
    """

    log = Logger()

    def __init__(
        self,
        manager: ServiceManager,
        shared: SharedPort,
        supervisor: Supervisor,
        settings: dict[str, Any],
        listening: dict[ListenSpec, list[IListeningPort]],
    ) -> None:
        self._manager = manager
        self._shared = shared
        self._supervisor = supervisor
        self._settings = settings
        self._listening = listening

    async def apply(self, old: Configuration, new: Configuration) -> Mapping[str, list[str]]:
        """
        Make the difference.

        :returns: it, in words
        :raises ReloadFailed: something cannot be had
        """
        change = Difference.between(old, new)
        opened: dict[ListenSpec, list[IListeningPort]] = {}
        acquired: list[BaseAddress] = []
        ports = self._shared.ports
        try:
            self._check_addresses(change)
            await self._open(change, opened)
            ports.allowed = new.allowPort
            for spec in change.added:
                ports.acquire(spec.address.port)
                acquired.append(spec.address)
        except BaseException as error:
            ports.allowed = old.allowPort
            for address in acquired:
                ports.release(address.port)
            for listening in opened.values():
                for port in listening:
                    await ports.close(port)
            if isinstance(error, PortNotAllowed | PortUnavailable):
                raise ReloadFailed(str(error)) from None
            raise
        await self._commit(change, new, opened)
        described = change.described()
        self.log.info("reloaded: {what}", what=described)
        return described

    def _check_addresses(self, change: Difference) -> None:
        leaving = {spec.address.key for spec in change.relaysRemoved}
        for spec in change.added:
            route = self._shared.tree.get(spec.address)
            if route is None or spec.address.key in leaving:
                continue
            served = isinstance(route, WorkerRoute) and spec in change.workersAdded
            mine = any(one.address.key == spec.address.key for one in change.workersRemoved)
            if not (served or mine):
                raise ReloadFailed(f"{spec.address} is served already, by others than this")

    async def _open(
        self, change: Difference, opened: dict[ListenSpec, list[IListeningPort]]
    ) -> None:
        for listen in change.listenAdded:
            try:
                opened[listen] = await self._manager.listen(listen)
            except (ConfigurationError, CannotListenError, OSError) as error:
                raise ReloadFailed(f"listen {listen.endpoint}: {error}") from None

    async def _commit(
        self, change: Difference, new: Configuration, opened: dict[ListenSpec, list[IListeningPort]]
    ) -> None:
        shared = self._shared
        shared.permit(new.accounts)
        for relay in change.relaysRemoved:
            shared.unrelay(relay.address)
        await self._supervisor.change(change.workersRemoved, change.workersAdded)
        for relay in change.relaysAdded:
            shared.relay(
                relay.address,
                relay.to,
                proxy=relay.proxy,
                connectTimeout=relay.connectTimeout,
                idleTimeout=relay.idleTimeout,
            )
        self._listening.update(opened)
        for spec in change.removed:
            shared.ports.release(spec.address.port)
        for listen in change.listenRemoved:
            for port in self._listening.pop(listen, []):
                await shared.ports.close(port)
        self._settings.update({"allow-port": str(new.allowPort), **new.who_may_register()})
