"""
What the constructor of a data contract gives a field that nothing is said of: .NET's default.

It follows from the field's annotation, which is resolved when the first object is made. What a type
variable stands for is known even later: after ``Result[int]()`` has made its object.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final, TypeAlias

if sys.version_info >= (3, 14):
    import annotationlib

__all__ = [
    "DEFAULT",
    "DefaultsFinder",
    "fill_defaults",
    "find_defaults_with",
    "give_defaults",
    "own_annotations",
]


class _Default:
    """Stands for: the default of the member's type."""

    def __repr__(self) -> str:
        return "<default>"


DEFAULT: Final[Any] = _Default()


#: From a class, or a generic one with its arguments, to what makes the defaults of its fields.
DefaultsFinder: TypeAlias = Callable[[Any], Mapping[str, Callable[[], Any]]]
_find_defaults: DefaultsFinder


def find_defaults_with(finder: DefaultsFinder) -> None:
    """
    Name what finds the defaults of a class's fields. It has to resolve annotations, which this
    module, below all that does so, cannot.

    :param finder: called with a class when its first object is made
    """
    global _find_defaults
    _find_defaults = finder


def own_annotations(cls: type[Any]) -> list[str]:
    """:returns: the names a class has annotations for, whatever stands in these."""
    if sys.version_info >= (3, 14):
        return list(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    return list(inspect.get_annotations(cls))


def give_defaults(cls: type[Any]) -> None:
    """Give every field a default, so that they can stand in any order."""
    for name in own_annotations(cls):
        if name not in cls.__dict__:
            setattr(cls, name, field(default=DEFAULT))


def fill_defaults(cls: type[Any]) -> None:
    """Make the constructor put the types' defaults where nothing else was given."""
    names = [f.name for f in dataclasses.fields(cls) if f.default is DEFAULT]
    if not names:
        return
    original = cls.__init__
    generic = bool(getattr(cls, "__parameters__", ()))

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        defaults = None
        missing = []
        for name in names:
            if getattr(self, name) is DEFAULT:
                if defaults is None:
                    defaults = _find_defaults(cls)
                object.__setattr__(self, name, defaults[name]())
                missing.append(name)
        if generic and missing and type(self) is cls:
            object.__setattr__(self, _MISSING, missing)

    __init__.__wrapped__ = original  # type: ignore[attr-defined]
    cls.__init__ = __init__
    if generic and "__slots__" not in cls.__dict__:
        cls.__orig_class__ = property(_made_as, _make_as)


#: Attributes of an object of a generic class: what it was made as, and fields with defaults.
_MADE_AS: Final = "__made_as__"
_MISSING: Final = "__missing_fields__"


def _made_as(self: Any) -> Any:
    try:
        return self.__dict__[_MADE_AS]
    except KeyError:
        raise AttributeError("__orig_class__") from None


def _make_as(self: Any, made_as: Any) -> None:
    """
    Note what an object was made as: ``Result[int]()`` sets ``__orig_class__`` when the
    constructor is through, and only now the type variables' defaults can be told.
    """
    self.__dict__[_MADE_AS] = made_as
    missing = self.__dict__.pop(_MISSING, ())
    if missing:
        defaults = _find_defaults(made_as)
        for name in missing:
            object.__setattr__(self, name, defaults[name]())
