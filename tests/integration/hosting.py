"""
Python services under test: on a port of their own, or behind a shared one.
"""

from __future__ import annotations

from typing import Any

from netshare.transport.contracts.binding import NetTcpBinding, SecurityMode
from netshare.transport.hosting.host import ServiceHost
from tests.integration.running import RunningService
from tests.peers.drivers import free_port
from tests.peers.services import SERVICES, Basic

LARGE = 1 << 26
_OF_HOST = ("behavior", "throttle", "credentials", "authorization", "tracing")


def binding(**options: Any) -> NetTcpBinding:
    """A binding, without security if nothing else is said, that takes large messages."""
    options.setdefault("security", SecurityMode.NONE)
    options.setdefault("max_received_message_size", LARGE)
    options.setdefault("send_timeout", 20.0)
    return NetTcpBinding(**options)


class Hosting:
    """
    Serves the contracts of Contracts.cs.

    :param service: a running sharing service
    :param shared: behind it, or on a port beside it
    """

    def __init__(self, reactor: Any, service: RunningService, shared: bool) -> None:
        self.reactor = reactor
        self.service = service
        self.shared = shared
        self.port = service.port if shared else free_port()
        self.hosts: list[ServiceHost] = []

    def address(self, path: str) -> str:
        """An address where something is, or could be, served."""
        return f"net.tcp://127.0.0.1:{self.port}/{path}"

    async def serve(
        self, contract: str, path: str | None = None, *, name: str = "python", **options: Any
    ) -> str:
        """
        Serve a contract.

        :param contract: its name
        :param name: what IBasic's Who answers
        :param options: of the binding, and those of the host
        :returns: its address
        """
        declared, service = SERVICES[contract]
        if issubclass(service, Basic):
            service = type("Basic", (service,), {"name": name, "notes": []})
        of_host = {key: options.pop(key) for key in _OF_HOST if key in options}
        host = ServiceHost(service, self.reactor, control=self.service.control, **of_host)
        address = self.address(path or contract.lower())
        host.add_endpoint(declared, binding(port_sharing_enabled=self.shared, **options), address)
        await host.open()
        self.hosts.append(host)
        return address

    async def stop(self) -> None:
        """Close every host."""
        for host in self.hosts:
            await host.close(2.0)

    @property
    def accepted(self) -> int:
        """How many connections the shared port has accepted."""
        return self.service.shared.counts.accepted
