"""
The logger of everything here.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger as TwistedLogger
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from netshare.printable import printable

__all__ = ["Logger"]


class Logger(TwistedLogger):
    """
    Twisted's, whose events hold printable texts only, whatever was put in: texts and exceptions
    among the values are made :func:`printable`, and so is the message of a failure.
    """

    def emit(self, level: LogLevel, format: str | None = None, **kwargs: Any) -> None:
        for name, value in kwargs.items():
            if isinstance(value, Failure):
                kwargs[name] = _clean(value)
                continue
            if isinstance(value, BaseException):
                value = str(value)
            if isinstance(value, str) and not value.isprintable():
                kwargs[name] = printable(value)
        super().emit(level, format, **kwargs)


class _Message(Exception):
    """
    What an exception says. Its type is told by the failure that has it.
    """


def _clean(failure: Failure) -> Failure:
    """A failure that says the same, in printable text."""
    try:
        text = str(failure.value)
    except Exception:
        return failure  # which whoever formats it has to deal with as well
    if all(line.isprintable() for line in text.split("\n")):
        return failure
    clean = Failure.__new__(Failure)
    clean.__dict__.update(failure.__dict__)
    clean.value = _Message("\n".join(printable(line) for line in text.split("\n")))
    return clean
