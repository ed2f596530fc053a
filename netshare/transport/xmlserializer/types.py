"""
Types that have one text, and what they all have in common.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final

from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.scalars import Scalar
from netshare.transport.xml import (
    DateTime,
    DateTimeKind,
    Value,
    XmlCursor,
    XmlException,
    XmlWriter,
    as_datetime,
    as_string,
    encode_name,
    lexical,
)
from netshare.transport.xml.timespan import TICKS_PER_DAY
from netshare.transport.xmlserializer.declarations import EnumNote

__all__ = ["EnumMapping", "ListTextMapping", "ScalarMapping", "TextMapping", "TypeMapping"]

_BLANK: Final = " \t\r\n"


class TypeMapping:
    """
    How values of a type stand in an element.

    :param name: of the type
    :param namespace: of the type
    """

    #: Whether there is a null of it without its being said.
    reference = True

    def __init__(self, name: str, namespace: str) -> None:
        self.name = name
        self.namespace = namespace

    def takes(self, value: Any) -> bool:
        """:returns: whether a value that is not None is of this type, where several could be"""
        raise NotImplementedError

    def write(self, writer: XmlWriter, value: Any) -> None:
        """
        Write a value that is not None into the element just begun.

        :raises UnencodableValue: it is not of the type
        """
        raise NotImplementedError

    def read(self, cursor: XmlCursor) -> Any:
        """
        Read the current element, which is not nil, and go behind it.

        :raises DeserializationFailed: it is not of the type
        :raises XmlException: or not well formed for it
        """
        raise NotImplementedError


class TextMapping(TypeMapping):
    """A type whose values are one text, which can stand in an attribute as well."""

    def text(self, value: Any) -> Value:
        """:returns: what is written; :raises UnencodableValue: the value is not of the type"""
        raise NotImplementedError

    def parse(self, text: Value) -> Any:
        """:returns: the value; :raises XmlException: the text is none of the type"""
        raise NotImplementedError

    def write(self, writer: XmlWriter, value: Any) -> None:
        text = self.text(value)
        if text != "":
            writer.text(text)

    def read(self, cursor: XmlCursor) -> Any:
        return self.parse(cursor.value())


def _date(value: Any) -> Value:
    return lexical(value)[:10]


def _time(value: Any) -> Value:
    return lexical(value)[11:]


def _parse_time(text: Value) -> DateTime:
    # In the middle of a month, since its offset may move it into another day.
    given = as_datetime("0001-01-15T" + as_string(text).strip(_BLANK)[:40])
    return DateTime(given.ticks % TICKS_PER_DAY, DateTimeKind(given.kind))


def _hex(value: Any) -> Value:
    return str(value.hex().upper())


def _parse_hex(text: Value) -> bytes:
    try:
        return bytes.fromhex(as_string(text).strip(_BLANK))
    except ValueError:
        raise XmlException(f"'{as_string(text)[:60]}' is no hexBinary") from None


#: Other texts of a scalar: its CLR name, what writes it, and what reads it.
_DATA_TYPES: Final[dict[str, tuple[str, Callable[[Any], Value], Callable[[Value], Any]]]] = {
    "date": ("DateTime", _date, as_datetime),
    "time": ("DateTime", _time, _parse_time),
    "hexBinary": ("Byte[]", _hex, _parse_hex),
}


class ScalarMapping(TextMapping):
    """
    A simple type of .NET's.

    :param scalar: the type
    :param data_type: how it is written, if not as it is written ordinarily
    """

    def __init__(self, scalar: Scalar, data_type: str = "") -> None:
        super().__init__(data_type or scalar.name, scalar.namespace)
        self.scalar = scalar
        self.reference = scalar.nullable
        self._to_text: Callable[[Any], Value] | None = None
        self._from_text = scalar.from_wire
        if data_type and data_type != scalar.name:
            known = _DATA_TYPES.get(data_type)
            if known is None or known[0] != scalar.clr:
                raise InvalidDataContract(f"data_type='{data_type}' is for no {scalar.clr}")
            _, self._to_text, self._from_text = known

    def takes(self, value: Any) -> bool:
        try:
            self.scalar.to_wire(value)
        except UnencodableValue:
            return False
        return True

    def text(self, value: Any) -> Value:
        wire = self.scalar.to_wire(value)
        if self._to_text is not None:
            return self._to_text(wire)
        # As .NET does: all but bytes are characters, whatever they are.
        return wire if type(wire) is bytes else lexical(wire)

    def parse(self, text: Value) -> Any:
        return self._from_text(text)


class EnumMapping(TextMapping):
    """
    An enumeration.

    :param cls: Python's class
    :param note: what is said of it
    :param namespace: of the type, if nothing is said
    """

    reference = False

    def __init__(self, cls: type[enum.Enum], note: EnumNote, namespace: str) -> None:
        super().__init__(
            encode_name(note.name or cls.__name__),
            namespace if note.namespace is None else note.namespace,
        )
        self.cls = cls
        self.flags = issubclass(cls, enum.Flag)
        self._members = {note.members.get(n, n): one for n, one in cls.__members__.items()}
        self._names: dict[Any, str] = {}
        for name, one in self._members.items():
            self._names.setdefault(one, name)
        if len(self._members) != len(cls.__members__):
            raise InvalidDataContract(f"{cls.__name__}: two members have the same name in XML")

    def takes(self, value: Any) -> bool:
        return isinstance(value, self.cls)

    def text(self, value: Any) -> Value:
        if not isinstance(value, self.cls):
            raise UnencodableValue(f"{value!r} is no {self.cls.__name__}")
        name = self._names.get(value)
        if name is not None:
            return name
        names, rest = [], value.value
        for name, one in self._members.items():
            if one.value and rest & one.value == one.value:
                names.append(name)
                rest &= ~one.value
        if rest:
            raise UnencodableValue(f"{value!r} has bits that no member of it has")
        return " ".join(names)

    def parse(self, text: Value) -> Any:
        names = as_string(text).split() if self.flags else [as_string(text).strip(_BLANK)]
        value: Any = self.cls(0) if self.flags else None
        for name in names:
            one = self._members.get(name)
            if one is None:
                raise DeserializationFailed(f"'{name[:60]}' is no member of {self.cls.__name__}")
            value = value | one if self.flags else one
        return value


class ListTextMapping(TextMapping):
    """
    A list in one text, with blanks between the items: an attribute can be one.

    :param item: of the items
    """

    def __init__(self, item: TextMapping) -> None:
        super().__init__(f"ArrayOf{item.name[:1].upper()}{item.name[1:]}", item.namespace)
        self.item = item

    def takes(self, value: Any) -> bool:
        return isinstance(value, list | tuple)

    def text(self, value: Any) -> Value:
        if not isinstance(value, list | tuple):
            raise UnencodableValue(f"{type(value).__name__} is no list")
        texts = [lexical(self.item.text(one)) for one in value]
        for one in texts:
            if not one or len(one.split()) != 1:
                raise UnencodableValue(f"{one!r} is several in a list with blanks between")
        return " ".join(texts)

    def parse(self, text: Value) -> Any:
        return [self.item.parse(one) for one in as_string(text).split()]
