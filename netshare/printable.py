"""
Text that others chose, made harmless where people read it: in logs and on terminals.

A via, a client's name, a user's or a process's can hold characters that move a terminal's cursor,
forge a line of a log, or turn the reading direction around.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger, LogLevel

__all__ = ["CleanLogger", "printable"]


def printable(text: str) -> str:
    """
    A text with every character escaped that is not printable: ESC, CR and all other controls,
    marks of the reading direction, what has no width, and line separators.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class CleanLogger(Logger):
    """
    A logger whose events hold printable texts only, whatever was put in: texts and exceptions among
    the values are made :func:`printable`.
    """

    def emit(self, level: LogLevel, format: str | None = None, **kwargs: Any) -> None:
        for name, value in kwargs.items():
            if isinstance(value, BaseException):
                value = str(value)
            if isinstance(value, str) and not value.isprintable():
                kwargs[name] = printable(value)
        super().emit(level, format, **kwargs)
