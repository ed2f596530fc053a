"""
What a service remembers over a restart: the addresses that were registered.

The list is no permission: an address on it can be registered by the same workers as any other. It
says only for which addresses connections may wait until their workers are back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from netshare.addresses import AddressError, BaseAddress, parse_base_address
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.desk.notebook import Notebook
from netshare.timing import Timer

#: Seconds from a change until it is written, at least: many come together.
DELAY = 0.05

#: Of the time, writing may take this part at most: a long list is written less often.
_SHARE = 0.02


class AddressMemory:
    """
    One address to a line, written as a whole whenever they change.

    :param notebooks: where they are written, each for itself; read is the first that has something
    :param addresses: tells the addresses of now
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        notebooks: Sequence[Notebook],
        addresses: Callable[[], Iterable[BaseAddress]],
    ) -> None:
        self._reactor = reactor
        self._notebooks = list(notebooks)
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
        for notebook in self._notebooks:
            try:
                lines = notebook.read().splitlines()
            except OSError as error:
                self.log.warn("{notebook}: {error}", notebook=str(notebook), error=error)
                continue
            if lines:
                return self._parse(str(notebook), lines)
        return []

    def _parse(self, where: str, lines: list[str]) -> list[BaseAddress]:
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(parse_base_address(line))
            except AddressError as error:
                self.log.warn(
                    "{where}, line {number}: no address: {error}",
                    where=where,
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
        text = "".join(f"{address}\n" for address in self._addresses())
        for notebook in list(self._notebooks):
            try:
                notebook.write(text)
            except OSError as error:
                self.log.warn(
                    "what is registered is not remembered over a restart: {notebook}: {error}",
                    notebook=str(notebook),
                    error=error,
                )
                self._notebooks.remove(notebook)
        self._frozen = not self._notebooks
        now = self._reactor.seconds()
        self._notBefore = now + (now - began) / _SHARE
