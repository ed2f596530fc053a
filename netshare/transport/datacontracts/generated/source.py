"""
Source that is made, compiled and kept.

Readers and writers are made alike: lines are added to a :class:`Source`, each object that they
mention is given a name by :meth:`Source.constant`, :meth:`Source.compile` makes the function. In
its tracebacks the lines are shown, as those of any other file, while the function is kept.

Keeping is the matter of a :class:`Store`: one for the writers of the process, bounded, so that a
program that makes generic classes without end has no more of them than another.
"""

from __future__ import annotations

import builtins
import itertools
import linecache
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from netshare.transport.datacontracts.types import TypeContract

__all__ = ["Source", "Store", "Unusual"]

M = TypeVar("M")

#: How many contracts have functions: far more than a program's own, far fewer than a flood's.
MAX_KEPT: Final = 512
_numbers = itertools.count(1)


class Unusual(Exception):
    """Something the generated way does not do; nothing has been done, and the ordinary way does."""


class Source:
    """
    The source of one function.

    :param what: what it does, for tracebacks, e.g. ``writer of Order``
    """

    def __init__(self, what: str) -> None:
        #: What tracebacks call the file.
        self.filename = f"<netshare: {what} {next(_numbers)}>"
        self._lines: list[str] = []
        self._depth = 0
        self._names: dict[str, Any] = {"__builtins__": builtins}

    def line(self, text: str) -> None:
        """Add a line."""
        self._lines.append("    " * self._depth + text + "\n")

    def reserve(self) -> Callable[[str], None]:
        """:returns: what puts in a line here, when what is behind it is known"""
        at, indent = len(self._lines), "    " * self._depth
        self._lines.append("")

        def put_in(text: str) -> None:
            self._lines[at] = f"{indent}{text}\n"

        return put_in

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add a line, and what is added inside as its block."""
        self.line(head)
        self._depth += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.line("pass")
        self._depth -= 1

    def constant(self, name: str, value: Any) -> str:
        """
        :param name: what the function is to call an object
        :param value: the object
        :returns: the name, with a number if another object has it
        """
        made, number = name, 1
        while made in self._names and self._names[made] is not value:
            number += 1
            made = f"{name}{number}"
        self._names[made] = value
        return made

    @property
    def text(self) -> str:
        """What has been added."""
        return "".join(self._lines)

    def compile(self, name: str) -> Callable[..., Any]:
        """
        Compile the source, and show it to tracebacks.

        :param name: of the function it defines
        :returns: the function
        """
        text = self.text
        exec(compile(text, self.filename, "exec"), self._names)
        lines = text.splitlines(keepends=True)
        linecache.cache[self.filename] = (len(text), None, lines, self.filename)
        made: Callable[..., Any] = self._names[name]
        return made

    def function(self, name: str) -> Callable[..., Any]:
        """:returns: another function of the source, which has been compiled"""
        made: Callable[..., Any] = self._names[name]
        return made

    def forget(self) -> None:
        """Show the source to tracebacks no longer."""
        linecache.cache.pop(self.filename, None)


class Store(Generic[M]):
    """
    What was made for contracts, those that were used last.

    :param make: makes it: the source, compiled, and what is kept; raises nothing
    :param size: for how many contracts
    """

    def __init__(
        self, make: Callable[[TypeContract], tuple[Source, M]], size: int = MAX_KEPT
    ) -> None:
        self._make = make
        self._size = size
        self._kept: dict[TypeContract, tuple[Source, M]] = {}
        # Clients and services may live in several threads.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """For how many contracts there is something."""
        return len(self._kept)

    def of(self, contract: TypeContract) -> M:
        """:returns: what was made for a contract, made now if need be."""
        with self._lock:
            found = self._kept.pop(contract, None)
            if found is None:
                found = self._make(contract)
                while len(self._kept) >= self._size:
                    self._kept.pop(next(iter(self._kept)))[0].forget()
            self._kept[contract] = found
            return found[1]

    def source_of(self, contract: TypeContract) -> str | None:
        """:returns: the source for a contract, if there is one, to look at."""
        found = self._kept.get(contract)
        return None if found is None else found[0].text
