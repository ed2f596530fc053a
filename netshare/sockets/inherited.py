"""
Descriptors that a service manager, such as systemd, has passed when it started this process.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, MutableMapping
from typing import Any

from twisted.internet.endpoints import serverFromString

_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class NotListening(ValueError):
    """
    A descriptor is no socket that listens, or of another kind; the message says what it is.
    """


class InheritedDescriptors:
    """
    Descriptors by name. A name may stand for several, and a descriptor is taken once: then it is
    the taker's.

    :param named: names and descriptors, which this object now owns
    """

    def __init__(self, named: Iterable[tuple[str, int]] = ()) -> None:
        self._named = list(named)
        for pair in self._named[:]:
            try:
                os.set_inheritable(pair[1], False)
            except OSError:  # it is said to be there, and is not
                self._named.remove(pair)

    @classmethod
    def of_process(cls, environ: MutableMapping[str, str]) -> InheritedDescriptors:
        """
        Those of this process; its children are to know nothing of them.

        :param environ: where the service manager has named them, which it does no longer
        """
        # Twisted has taken their number out of the environment, and answers by index.
        names = [name for name in environ.pop("LISTEN_FDNAMES", "").split(":") if name]
        passed = []
        for index, name in enumerate(names):
            try:
                endpoint: Any = serverFromString(None, f"systemd:domain=INET:index={index}")
            except IndexError:
                break  # they were for another process
            passed.append((name, endpoint.fileno))
        return cls(passed)

    @property
    def names(self) -> list[str]:
        """Of those that were not taken."""
        return [name for name, _ in self._named]

    def take(self, name: str) -> list[int]:
        """
        All of one name; from now on they are the caller's.
        """
        taken = [descriptor for one, descriptor in self._named if one == name]
        self._named = [pair for pair in self._named if pair[0] != name]
        return taken

    def close(self) -> None:
        """
        Close what was not taken.
        """
        for _, descriptor in self._named:
            os.close(descriptor)
        self._named.clear()


def tcp_listener(descriptor: int) -> socket.socket:
    """
    :param descriptor: it belongs to what is returned; after an error it is closed
    :raises NotListening: it is no listening socket of TCP
    """
    return _listener(descriptor, _FAMILIES, "no listening TCP socket (ListenStream=)")


def unix_listener(descriptor: int) -> socket.socket:
    """
    :param descriptor: it belongs to what is returned; after an error it is closed
    :raises NotListening: it is no listening UNIX socket with a path
    """
    what = "no listening UNIX socket with a path (ListenStream=/…)"
    listening = _listener(descriptor, (socket.AF_UNIX,), what)
    name = listening.getsockname()
    if not isinstance(name, str) or not name.startswith("/"):
        listening.close()
        raise NotListening(what)
    return listening


def _listener(descriptor: int, families: Iterable[int], otherwise: str) -> socket.socket:
    try:
        listening = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise NotListening(otherwise) from None
    if (
        listening.family not in families
        or listening.type != socket.SOCK_STREAM
        or not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    ):
        listening.close()
        raise NotListening(otherwise)
    listening.setblocking(False)
    return listening
