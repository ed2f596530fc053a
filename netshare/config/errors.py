"""
What is wrong with a configuration, collected: all of it is said at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ConfigurationError(Exception):
    """
    The configuration does not make sense.

    :ivar problems: one sentence each, which says where and what to write instead
    :ivar key: the key of a table that is wrong, if it is one
    """

    def __init__(self, *problems: str, key: str = "") -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.key = key


class Problems:
    """
    Collects errors, so that one does not hide the next.
    """

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def noting(self, place: Callable[[str], str]) -> Iterator[None]:
        """
        In the block a :class:`ConfigurationError` ends the block only.

        :param place: says where a key stands
        """
        try:
            yield
        except ConfigurationError as error:
            where = place(error.key)
            self.found += [f"{where}: {one}" if where else one for one in error.problems]

    def check(self) -> None:
        """
        :raises ConfigurationError: there was one, or several
        """
        if self.found:
            raise ConfigurationError(*self.found)
