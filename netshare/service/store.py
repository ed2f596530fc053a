"""
Descriptors that the service manager keeps while the service is away: systemd's descriptor store
(FileDescriptorStoreMax=).

Kept are the listening sockets that the service has opened itself, by the endpoint or the port that
they are for, the list of what is registered, and of each worker that the service has started its
pidfd and its output, by its number. They come back to the next process by these names. Links of
workers are not: what was read from them and not done went with the process.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from netshare.logger import Logger
from netshare.service.notify import LONGEST_NAME, Notifier
from netshare.sockets.inherited import InheritedDescriptors, NotListening, tcp_listener

#: Seconds that the manager may take for what it is told.
_SETTLE = 0.5

_LISTEN, _PORT, _CHILD = "listen=", "port=", "child="

# Lists in memory.
_STATE, _WORKERS = "state", "workers"


class DescriptorStore:
    """
    What is kept, and what an earlier process had kept.

    :param notifier: the manager; with none, nothing is kept
    :param passed: what the manager has passed to this process
    """

    log = Logger()

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

    # ---- workers that the service has started

    def keep_child(self, pid: int, pidfd: int, pipes: Mapping[int, int]) -> None:
        """
        A process, which takes the place of an earlier one of the same number.

        :param pipes: what it writes to, by its number in the process
        """
        self.forget_child(pid, pipes)
        self._notifier.keep(_child_name(pid), pidfd)
        for stream, descriptor in pipes.items():
            self._notifier.keep(_child_name(pid, stream), descriptor)

    def forget_child(self, pid: int, streams: Iterable[int]) -> None:
        """The process has ended."""
        for name in (_child_name(pid), *(_child_name(pid, stream) for stream in streams)):
            self._notifier.forget(name)

    def child(self, pid: int, streams: Iterable[int]) -> tuple[int, dict[int, int]] | None:
        """
        What was kept of a process: its pidfd, and those of its outputs that are open still. They
        are the caller's.

        :returns: None: it has ended
        """
        pidfd = self._one(_child_name(pid))
        if pidfd is None:
            return None
        found = {stream: self._one(_child_name(pid, stream)) for stream in streams}
        return pidfd, {stream: pipe for stream, pipe in found.items() if pipe is not None}

    def drop_children(self) -> None:
        """
        Forget, and close, what was kept of processes that nobody has asked for.
        """
        for name in dict.fromkeys(self._passed.names):
            if name.startswith(_CHILD):
                self._close(self._passed.take(name))
                self._notifier.forget(name)

    # ---- lists in memory

    def state(self) -> int | None:
        """
        The list of what is registered: a file in memory for this process, with what an earlier one
        has written if one has; None where there is no manager to keep it.
        """
        return self._list(_STATE)

    def workers(self) -> int | None:
        """
        The list of workers and their processes, as :meth:`state`.
        """
        return self._list(_WORKERS)

    def _list(self, name: str) -> int | None:
        kept = self._passed.take(name)
        self._close(kept[:-1])
        if kept:
            return kept[-1]
        if not self._notifier:
            return None
        try:
            made = os.memfd_create(f"netshare-{name}")
        except OSError as error:
            self.log.warn("no list is kept in memory: {error}", error=error)
            return None
        self._notifier.forget(name)  # of a process that this one takes over from
        self._notifier.keep(name, made)
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
                self._close(self._passed.take(name))
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

    def _one(self, name: str) -> int | None:
        kept = self._passed.take(name)
        self._close(kept[:-1])
        return kept[-1] if kept else None

    @staticmethod
    def _close(descriptors: Iterable[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)


def _child_name(pid: int, stream: int | None = None) -> str:
    """Of one of its outputs, or of its pidfd."""
    return f"{_CHILD}{pid}" + ("" if stream is None else f"={stream}")


def _listener_name(endpoint: str) -> str:
    # Names have no colon, and nothing but ASCII.
    return _LISTEN + quote(endpoint, safe="=/,")
