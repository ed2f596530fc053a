"""
Descriptors that the service manager keeps while the service is away: systemd's descriptor store
(FileDescriptorStoreMax=).

Kept are the listening sockets that the service has opened itself, by the endpoint or the port that
they are for, and the list of what is registered. They come back to the next process by these names.
Links of workers are not: what was read from them and not done went with the process.
"""

from __future__ import annotations

import os
import socket
from urllib.parse import quote

from netshare.printable import CleanLogger
from netshare.service.notify import LONGEST_NAME, Notifier
from netshare.sockets.inherited import InheritedDescriptors, NotListening, tcp_listener

#: Seconds that the manager may take for what it is told.
_SETTLE = 0.5

_LISTEN, _PORT, _STATE = "listen=", "port=", "state"


class DescriptorStore:
    """
    What is kept, and what an earlier process had kept.

    :param notifier: the manager; with none, nothing is kept
    :param passed: what the manager has passed to this process
    """

    log = CleanLogger()

    def __init__(
        self, notifier: Notifier | None = None, passed: InheritedDescriptors | None = None
    ) -> None:
        self._notifier = notifier or Notifier()
        self._passed = passed or InheritedDescriptors()

    # ---- sockets of named endpoints

    def keep_listener(self, endpoint: str, descriptor: int) -> None:
        """
        :param endpoint: as the administrator wrote it
        """
        name = _listener_name(endpoint)
        if len(name) <= LONGEST_NAME:
            self._notifier.keep(name, descriptor)

    def forget_listener(self, endpoint: str) -> None:
        """The endpoint is listened on no more."""
        self._notifier.forget(_listener_name(endpoint))

    def listeners(self, endpoint: str) -> list[socket.socket]:
        """
        The sockets that were kept for an endpoint, which are the caller's.
        """
        return self._sockets(_listener_name(endpoint))

    # ---- sockets of ports that registrations have asked for

    def keep_port(self, number: int, descriptor: int) -> None:
        """One of the sockets of a port."""
        self._notifier.keep(f"{_PORT}{number}", descriptor)

    def forget_port(self, number: int) -> None:
        """The port is listened on no more."""
        self._notifier.forget(f"{_PORT}{number}")

    def ports(self) -> dict[int, list[socket.socket]]:
        """
        The sockets that were kept, by port; they are the caller's.
        """
        names = [name for name in dict.fromkeys(self._passed.names) if name.startswith(_PORT)]
        found = {name.removeprefix(_PORT): self._sockets(name) for name in names}
        return {int(number): some for number, some in found.items() if some}

    # ---- the list of what is registered

    def state(self) -> int | None:
        """
        A file in memory for this process, with what an earlier one has written if one has; None
        where there is no manager to keep it.
        """
        kept = self._passed.take(_STATE)
        for descriptor in kept[:-1]:
            os.close(descriptor)
        if kept:
            return kept[-1]
        if not self._notifier:
            return None
        try:
            made = os.memfd_create("netshare-state")
        except OSError as error:
            self.log.warn("no list is kept in memory: {error}", error=error)
            return None
        self._notifier.forget(_STATE)  # of a process that this one takes over from
        self._notifier.keep(_STATE, made)
        return made

    def settle(self) -> bool:
        """
        Wait until the manager has closed what was forgotten, which would be in the way of sockets
        at the same address.

        :returns: whether it has
        """
        return self._notifier.settle(_SETTLE)

    # ---- after another configuration

    def drop_rest(self, endpoints: list[str]) -> None:
        """
        Forget, and close, the kept sockets of all endpoints but these.
        """
        wanted = {_listener_name(endpoint) for endpoint in endpoints}
        for name in dict.fromkeys(self._passed.names):
            if name.startswith(_LISTEN) and name not in wanted:
                for descriptor in self._passed.take(name):
                    os.close(descriptor)
                self._notifier.forget(name)

    def _sockets(self, name: str) -> list[socket.socket]:
        found = []
        for descriptor in self._passed.take(name):
            try:
                found.append(tcp_listener(descriptor))
            except NotListening as error:
                self.log.warn("what was kept as {name} is {error}", name=name, error=error)
                self._notifier.forget(name)
        return found


def _listener_name(endpoint: str) -> str:
    # Names have no colon, and nothing but ASCII.
    return _LISTEN + quote(endpoint, safe="=/,")
