"""What stands for: nothing was said."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["NOTHING"]


class _Nothing:
    """The default of the type."""

    def __repr__(self) -> str:
        return "<the default of the type>"


NOTHING: Final[Any] = _Nothing()
