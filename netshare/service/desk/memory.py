"""
What a service remembers over a restart: the addresses that were registered.

The list is no permission: an address on it can be registered by the same workers as any other. It
says only for which addresses connections may wait until their workers are back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from netshare.addresses import AddressError, BaseAddress, parse_base_address
from netshare.printable import CleanLogger
from netshare.timing import Timer

#: Seconds from a change until it is written, at least: many come together.
DELAY = 0.05

#: Of the time, writing may take this part at most: a long list is written less often.
_SHARE = 0.02

#: How much of a file is read: 250,000 addresses of a usual length.
_LONGEST = 32 * 1024 * 1024


class AddressMemory:
    """
    A file with one address to a line, which is replaced as a whole whenever they change.

    :param path: the file; its directory has to exist and be writable
    :param addresses: tells the addresses of now
    """

    log = CleanLogger()

    def __init__(
        self, reactor: Any, path: Path, addresses: Callable[[], Iterable[BaseAddress]]
    ) -> None:
        self._reactor = reactor
        self._path = path
        self._addresses = addresses
        self._timer = Timer(reactor, self.write)
        self._due = False
        self._notBefore = 0.0
        self._frozen = False

    def read(self) -> list[BaseAddress]:
        """
        The addresses that were written last, perhaps by an earlier process. A line that is no
        address is left out, and logged.
        """
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                lines = file.read(_LONGEST).splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            self.log.warn("{path}: {error}", path=str(self._path), error=error)
            return []
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(parse_base_address(line))
            except AddressError as error:
                self.log.warn(
                    "{path}, line {number}: no address: {error}",
                    path=str(self._path),
                    number=number,
                    error=error,
                )
                break  # not a file of ours, or the end of one that was cut off
        return found

    def changed(self) -> None:
        """
        The addresses have changed; they are written soon.
        """
        if not self._due and not self._frozen:
            self._due = True
            self._timer.start(max(DELAY, self._notBefore - self._reactor.seconds()))

    def freeze(self) -> None:
        """
        Write what is there now, and nothing after it: the service stops, and its workers leave
        only for that.
        """
        if not self._frozen:
            self.write()
            self._frozen = True

    def write(self) -> None:
        """
        Write the addresses of now.
        """
        self._timer.stop()
        self._due = False
        if self._frozen:
            return
        began = self._reactor.seconds()
        beside = self._path.with_name(self._path.name + ".new")
        try:
            descriptor = os.open(
                beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600
            )
            with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.writelines(f"{address}\n" for address in self._addresses())
            os.replace(beside, self._path)
        except OSError as error:
            self.log.warn(
                "what is registered is not remembered over a restart: {error}", error=error
            )
            self._frozen = True
        now = self._reactor.seconds()
        self._notBefore = now + (now - began) / _SHARE
