"""
Text that others chose, made harmless where people read it: in logs and on terminals.

A via, a client's name, a user's or a process's can hold characters that move a terminal's cursor,
forge a line of a log, or turn the reading direction around.
"""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """
    A text with every character escaped that is not printable: ESC, CR and all other controls,
    marks of the reading direction, what has no width, and line separators.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
