"""
Questions with descriptors that are asked in one turn, and leave together.

Each by itself wakes the other process, which then reads, and answers, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

__all__ = ["Gathered", "Gathering", "NotCarried", "Question"]

#: How many leave together at most, and how many bytes are enough for one go.
MOST_GATHERED, ENOUGH_GATHERED = 64, 65536


class NotCarried(Exception):
    """
    A descriptor cannot leave now, and why.
    """


class Gathering(Protocol):
    """When what is asked together is sent together."""

    @property
    def inside(self) -> bool:
        """Whether more may follow."""

    def atEnd(self, call: Callable[[], None]) -> None:
        """Call this when no more follows."""


class Question(NamedTuple):
    """A question that has a descriptor."""

    tag: bytes
    box: bytes
    descriptor: int


class Gathered:
    """
    Those of one link.

    :param carry: sends some, and gives how many have left; raises :class:`NotCarried` where the
        first would have to wait
    :param refused: told of each that does not leave
    """

    def __init__(
        self,
        carry: Callable[[Sequence[Question]], int],
        refused: Callable[[Question, NotCarried], None],
    ) -> None:
        self._carry = carry
        self._refused = refused
        self._waiting: list[Question] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, question: Question, gathering: Gathering) -> None:
        """One more, which leaves with the others."""
        if not self._waiting:
            gathering.atEnd(self.send)
        self._waiting.append(question)
        self._bytes += len(question.box)
        # Each descriptor takes a byte of the first box with it.
        most = min(MOST_GATHERED, len(self._waiting[0].box))
        if len(self._waiting) >= most or self._bytes >= ENOUGH_GATHERED:
            self.send()

    def send(self) -> None:
        """Send what was gathered."""
        if not self._waiting:
            return
        waiting = self._waiting
        self.clear()
        error = NotCarried("it does not read its link, or the system carries no more")
        try:
            left = self._carry(waiting)
        except NotCarried as why:
            left, error = 0, why
        for question in waiting[left:]:
            self._refused(question, error)

    def clear(self) -> None:
        """Forget them."""
        self._waiting = []
        self._bytes = 0
