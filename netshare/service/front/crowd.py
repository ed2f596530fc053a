"""
Who of all that are undecided has to go when there are too many.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache
from typing import Generic, TypeVar

E = TypeVar("E")

#: The part of an IPv6 address that one customer has (RFC 6177).
_SITE_BITS = 64


@lru_cache(maxsize=1024)
def client_of(host: str) -> str:
    """
    What stands for one client: an IPv4 address, or the /64 that an IPv6 address is from.
    """
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.strip("[]").partition("%")[0])
    except ValueError:
        return host
    mapped = address.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.IPv6Network((address, _SITE_BITS), strict=False))


class Crowd(Generic[E]):
    """
    Entries of many clients. Everything takes the same time, however many there are.
    """

    def __init__(self) -> None:
        self._client: dict[E, str] = {}
        #: Each client's entries, the oldest first.
        self._entries: dict[str, dict[E, None]] = {}
        #: The clients that have so many entries, in the order in which they got there.
        self._with: dict[int, dict[str, None]] = {}
        self._most = 0

    def __len__(self) -> int:
        return len(self._client)

    def __iter__(self) -> Iterator[E]:
        return iter(self._client)

    def add(self, entry: E, client: str) -> int:
        """
        :returns: how many entries the client has with this one
        """
        entries = self._entries.setdefault(client, {})
        entries[entry] = None
        self._client[entry] = client
        count = len(entries)
        self._move(client, count - 1, count)
        return count

    def discard(self, entry: E) -> None:
        """It is no longer one of them, if it was."""
        client = self._client.pop(entry, None)
        if client is None:
            return
        entries = self._entries[client]
        del entries[entry]
        count = len(entries)
        if not count:
            del self._entries[client]
        self._move(client, count + 1, count)

    def heaviest(self) -> E | None:
        """
        The oldest entry of the client that has the most; None where there is none.
        """
        if not self._most:
            return None
        client = next(iter(self._with[self._most]))
        return next(iter(self._entries[client]))

    def _move(self, client: str, before: int, now: int) -> None:
        if before:
            clients = self._with[before]
            del clients[client]
            if not clients:
                del self._with[before]
        if now:
            self._with.setdefault(now, {})[client] = None
        if now > self._most or self._most not in self._with:
            self._most = now
