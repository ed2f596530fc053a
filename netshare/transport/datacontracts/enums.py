"""
Contracts of enumerations, one or several of whose members (``[Flags]``) are a value.
"""

from __future__ import annotations

import enum
from typing import Any

from netshare.transport.datacontracts.declarations import EnumInfo
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml import XmlCursor, XmlWriter, as_string, encode_name

__all__ = ["EnumContract"]


class EnumContract(TypeContract):
    """
    An enumeration.

    :param cls: Python's class
    :param info: what its decorator was told
    """

    nullable = False

    def __init__(self, cls: type[enum.Enum], info: EnumInfo) -> None:
        super().__init__(encode_name(info.name or cls.__name__), info.namespace)
        self.cls = cls
        self.clr = cls.__name__
        self.flags = issubclass(cls, enum.Flag)
        members = cls.__members__
        #: Of two names for one member the first counts.
        self._names: dict[Any, str] = {}
        for name, m in members.items():
            self._names.setdefault(m, info.members.get(name, name))
        self._members = {info.members.get(name, name): m for name, m in members.items()}
        if len(self._members) != len(members):
            raise InvalidDataContract(f"{cls.__name__}: two members have the same name in XML")
        if self.flags:
            self.default = cls(0)
        else:
            zero = [m for m in cls if m.value == 0]
            self.default = (zero or list(cls))[0] if members else None

    def python_types(self) -> tuple[type, ...]:
        return (self.cls,)

    def names_of(self, value: Any) -> list[str]:
        """:returns: a member's name in XML, of flags the names of several."""
        if not isinstance(value, self.cls):
            raise UnencodableValue(f"{value!r} is no {self.clr}")
        known = self._names.get(value)
        if known is not None:
            return [known]
        names: list[str] = []
        rest: int = value.value
        for name, member in self._members.items():
            bits: int = member.value
            if bits and rest & bits == bits:
                names.append(name)
                rest &= ~bits
        if rest:
            raise UnencodableValue(f"{value!r} has bits that no member of {self.clr} has")
        return names

    def value_of(self, text: str) -> Any:
        """:returns: the member of a name in XML, or several."""
        if not self.flags:
            member = self._members.get(text.strip(" \t\r\n"))
            if member is None:
                raise DeserializationFailed(f"'{text[:60]}' is no member of {self.clr}")
            return member
        value: Any = self.cls(0)
        for name in text.split():
            member = self._members.get(name)
            if member is None:
                raise DeserializationFailed(f"'{name[:60]}' is no member of {self.clr}")
            value |= member
        return value

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        names = self.names_of(value)
        for index, name in enumerate(names):
            if index:
                writer.text(" ")
            writer.text(name)

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        return self.value_of(as_string(cursor.value()))
