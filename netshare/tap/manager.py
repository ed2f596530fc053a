"""
The service and the service manager that started it, such as systemd.

From the manager come sockets that listen already: by socket units, or kept in its store since an
earlier process of this service. To it goes what the service does.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall

from netshare.config import Configuration, ConfigurationError, ListenSpec, server_endpoint
from netshare.config.endpoints import inherited_name, is_headed, listening_port
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.notify import Notifier
from netshare.service.shared import SharedPort
from netshare.service.store import DescriptorStore
from netshare.sockets.inherited import (
    InheritedDescriptors,
    NotListening,
    tcp_listener,
    unix_listener,
)

#: The name (FileDescriptorName=) of a control socket.
CONTROL = "control"

#: Seconds between two looks at whether the status has changed, where nothing asks for more.
STATUS_EVERY = 5.0


class ServiceManager:
    """
    What a service has of its manager; without one, that is nothing.

    :param passed: what the manager has passed to this process
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        shared: SharedPort,
        notifier: Notifier | None = None,
        passed: InheritedDescriptors | None = None,
    ) -> None:
        self.notifier = notifier or Notifier()
        self._passed = passed or InheritedDescriptors()
        self.store = shared.ports.store = DescriptorStore(self.notifier, self._passed)
        self._reactor = reactor
        self._shared = shared
        self._beat = LoopingCall(self._tell)
        self._beat.clock = reactor
        self._told = ""

    # ---- what comes from it

    def control_socket(self, path: Path) -> socket.socket | None:
        """
        The control socket of a socket unit; None where there is none.

        :param path: where workers look for it
        :raises ConfigurationError: it is not there, or none
        """
        passed = self._passed.take(CONTROL)
        if not passed:
            return None
        sockets = _listeners(passed, CONTROL, unix_listener)
        found, *more = sockets
        there = Path(found.getsockname())
        if not more and there.resolve() == path.resolve():
            return found
        for one in sockets:
            one.close()
        if more:
            raise ConfigurationError(
                f"systemd passed {len(passed)} sockets named {CONTROL}: workers know one path, so "
                "give that socket unit one ListenStream="
            )
        raise ConfigurationError(
            f"systemd passed a control socket at {there}, but workers look for {path}: make "
            "ListenStream= of its socket unit and --control the same"
        )

    def take_up_ports(self, configuration: Configuration) -> None:
        """
        Make the sockets that were kept over a restart ready to be used. Those that this
        configuration does not name are closed first: they would be in the way of others.
        """
        named = [listen.endpoint for listen in configuration.listen]
        numbers = {listening_port(endpoint) for endpoint in named}
        self.store.drop_rest(named)
        ports = self._shared.ports
        for number, sockets in self.store.ports().items():
            wanted = number not in numbers and all(ports.would_open(bound) for bound in sockets)
            if not wanted:
                self.store.forget_port(number)
            for bound in sockets:
                if wanted:
                    ports.inherit(bound)
                else:
                    bound.close()
        self.store.settle()

    async def listen(self, listen: ListenSpec) -> list[IListeningPort]:
        """
        Listen on an endpoint: on the sockets that a socket unit has for it, on the one that was
        kept, or on one of our own.

        :raises ConfigurationError: it is none, or systemd has passed no socket for it
        """
        ports, endpoint = self._shared.ports, listen.endpoint
        name = inherited_name(endpoint)
        sockets = self._named(name) if name is not None else self.store.listeners(endpoint)
        if not sockets:
            made = server_endpoint(self._reactor, endpoint)
            return [await self._shared.listen(made, listen.closeReturned, endpoint)]
        return [
            ports.adopt(bound, is_headed(endpoint), listen.closeReturned, endpoint, name is None)
            for bound in sockets
        ]

    def _named(self, name: str) -> list[socket.socket]:
        those = ", ".join(dict.fromkeys(self._passed.names))
        passed = self._passed.take(name)
        if not passed:
            raise ConfigurationError(
                f"systemd passed no descriptor named {name} "
                f"({f'it passed {those}' if those else 'it passed none'}): compare "
                "FileDescriptorName= of the socket unit, and start the service by its unit"
            )
        return _listeners(passed, name, tcp_listener)

    def finish_taking(self) -> None:
        """
        Everything that is wanted was taken; the rest is closed, and named in the log.
        """
        if names := self._passed.names:
            self.log.warn(
                "systemd passed descriptors that no --listen names: {names}",
                names=", ".join(dict.fromkeys(names)),
            )
        self._passed.close()

    # ---- what goes to it

    def start(self) -> None:
        """The service accepts: say so, and that it lives, until :meth:`stop`."""
        if self.notifier and not self._beat.running:
            self.ready()
            self._beat.start(self.notifier.watchdog / 2 or STATUS_EVERY)

    def stop(self, gone: bool = False) -> None:
        """
        The service stops.

        :param gone: only this process does: another one is the service
        """
        if self._beat.running:
            self._beat.stop()
        if not gone:
            self.notifier.stopping()

    def reloading(self) -> None:
        """The configuration is read again, until :meth:`ready`."""
        self.notifier.reloading()

    def ready(self) -> None:
        """The service accepts, or has reloaded."""
        self._told = self._status()
        self.notifier.ready(self._told)

    def _tell(self) -> None:
        if self.notifier.watchdog:
            self.notifier.alive()
        status = self._status()
        if status != self._told:
            self._told = status
            self.notifier.status(status)

    def _status(self) -> str:
        shared = self._shared
        return (
            f"links: {len(shared.registry.links)}, addresses: {len(shared.registry.addresses())}, "
            f"connections accepted: {shared.counts.accepted}; listening on "
            + (", ".join(shared.ports.describe()) or "no port yet")
        )


def _listeners(descriptors: list[int], name: str, make: Any) -> list[socket.socket]:
    """:raises ConfigurationError: one of them is of another kind; all are closed"""
    found: list[socket.socket] = []
    problem = ""
    for descriptor in descriptors:
        try:
            found.append(make(descriptor))
        except NotListening as error:
            problem = str(error)
    if problem:
        for one in found:
            one.close()
        raise ConfigurationError(f"what systemd passed as {name} is {problem}")
    return found
