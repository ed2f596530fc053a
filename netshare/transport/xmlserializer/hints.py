"""
What annotations of members mean, and the values that members have when nothing gives them one.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import functools
import types
from dataclasses import dataclass
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from netshare.transport.datacontracts.errors import InvalidDataContract
from netshare.transport.datacontracts.scalars import Scalar, scalar_of_hint

__all__ = ["NOTHING", "Hint", "default_of", "fill_defaults", "hint_of", "hints_of", "zero_of_enum"]


class _Nothing:
    """The default of the type."""

    def __repr__(self) -> str:
        return "<the default of the type>"


#: Stands for: nothing was said.
NOTHING: Final[Any] = _Nothing()
_LISTS: Final = (list, collections.abc.Sequence)


@dataclass(frozen=True, slots=True)
class Hint:
    """
    An annotation, taken apart.

    :param type: the class; of a scalar of .NET, that
    :param optional: whether it says that there may be None
    :param item: of a list: what is in it
    """

    type: Any
    optional: bool = False
    item: Any = None

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return self.type is list


def hint_of(annotation: Any, where: str) -> Hint:
    """
    :param annotation: of a member or a parameter
    :param where: what it is, for the error
    :raises InvalidDataContract: it means nothing here
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        for one in arguments[1:]:
            if isinstance(one, Scalar):
                return Hint(one)
        return hint_of(arguments[0], where)
    if origin in (Union, types.UnionType):
        others = [one for one in arguments if one is not type(None)]
        if len(others) == 1:
            return dataclasses.replace(hint_of(others[0], where), optional=True)
        return Hint(Any, optional=len(others) < len(arguments))
    if origin in _LISTS:
        return Hint(list, item=arguments[0])
    if origin is dict:
        return Hint(dict)
    scalar = scalar_of_hint(annotation)
    if scalar is not None:
        return Hint(scalar)
    if annotation is Any or isinstance(annotation, type):
        return Hint(annotation)
    raise InvalidDataContract(f"{where}: XmlSerializer has no type like {annotation!r}")


@functools.cache
def hints_of(cls: type) -> dict[str, Any]:
    """
    :returns: the annotations of a class, by name
    :raises InvalidDataContract: a name in them is not defined
    """
    try:
        return get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise InvalidDataContract(f"{cls.__name__}: {error}") from None


def zero_of_enum(cls: type[enum.Enum]) -> Any:
    """:returns: the member that .NET's zero is"""
    if issubclass(cls, enum.Flag):
        return cls(0)
    members = list(cls)
    return next((one for one in members if one.value == 0), members[0] if members else None)


def default_of(hint: Hint) -> Any:
    """:returns: the value of a member that is not there; a new list each time"""
    if hint.optional:
        return None
    if isinstance(hint.type, Scalar):
        return hint.type.default
    if hint.is_list:
        return []
    if isinstance(hint.type, type) and issubclass(hint.type, enum.Enum):
        return zero_of_enum(hint.type)
    return None


def fill_defaults(cls: type[Any]) -> None:
    """Make the constructor give members the defaults of their types where nothing else is said."""
    names = [one.name for one in dataclasses.fields(cls) if one.default is NOTHING]
    original = cls.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for name in names:
            if getattr(self, name) is NOTHING:
                annotation = hints_of(cls)[name]  # type: ignore[arg-type]
                setattr(self, name, default_of(hint_of(annotation, f"{cls.__name__}.{name}")))

    cls.__init__ = __init__
