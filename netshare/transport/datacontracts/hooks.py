"""
Methods that are called before an object is written, and when it has been read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

__all__ = ["DESERIALIZED", "SERIALIZING", "hooks_of", "on_deserialized", "on_serializing"]

F = TypeVar("F", bound=Callable[..., object])
#: What :func:`on_serializing` and :func:`on_deserialized` leave on a method.
_HOOK: Final = "__netshare_hook__"
SERIALIZING: Final = "serializing"
DESERIALIZED: Final = "deserialized"


def on_serializing(method: F) -> F:
    """
    Call a method of a data contract, without arguments, before an object is written
    (``[OnSerializing]``).

    :param method: what it raises is the sender's ``UnencodableValue``
    """
    setattr(method, _HOOK, SERIALIZING)
    return method


def on_deserialized(method: F) -> F:
    """
    Call a method of a data contract, without arguments, when an object has been read, which no
    constructor made (``[OnDeserialized]``).

    :param method: what it raises is the receiver's ``DeserializationFailed``
    """
    setattr(method, _HOOK, DESERIALIZED)
    return method


def hooks_of(cls: type[Any], kind: str) -> list[Callable[[Any], object]]:
    """:returns: the methods to call, those of the base class first."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if getattr(value, _HOOK, None) == kind:
                found[f"{base.__qualname__}.{name}"] = value
    return list(found.values())
