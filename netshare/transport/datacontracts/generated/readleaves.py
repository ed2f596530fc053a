"""
Elements of one text: their values, from the records of the usual kinds, as source.

A record is the whole text of an element, with the bit that ends the element. All records of one or
two bytes have their values made beforehand; those of the kinds that WCF writes are converted in
place, and any other by the contract's own means, as the ordinary reader does it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from functools import cache
from struct import Struct
from typing import Any, Final

from netshare.transport.datacontracts.enums import EnumContract
from netshare.transport.datacontracts.errors import DeserializationFailed
from netshare.transport.datacontracts.generated.source import Source, Unusual
from netshare.transport.datacontracts.offsets import DateTimeOffset
from netshare.transport.datacontracts.simple import ScalarContract
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.xml import MAX_TICKS, XmlException, as_datetime, as_integer, as_string
from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.encode import encode_text
from netshare.transport.xml.binary.scanner import CONVERTERS, SMALL

__all__ = ["offset_of", "read_leaf", "value_of"]

#: The record of a Guid's text.
_GUID: Final = re.compile(rb"\x99\x24[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")

#: By the name of the type: the record's type, and what its value is.
_USUAL: Final[dict[str, tuple[int, str]]] = {
    "string": (R.CHARS8 | 1, 'str(t[2:], "utf-8")'),
    "anyURI": (R.CHARS8 | 1, 'str(t[2:], "utf-8")'),
    "int": (R.INT32 | 1, "convert_int32(t)[0]"),
    "long": (R.INT32 | 1, "convert_int32(t)[0]"),
    "double": (R.DOUBLE | 1, "convert_double(t)[0]"),
    "decimal": (R.DECIMAL | 1, "convert_decimal(t)[0]"),
    "dateTime": (R.DATETIME | 1, "convert_datetime(t)[0]"),
}
#: Names in generated source.
_NAMES: Final[dict[str, Any]] = {
    "convert_int32": Struct("<xi").unpack,
    "convert_double": Struct("<xd").unpack,
    "convert_decimal": CONVERTERS[R.DECIMAL | 1],
    "convert_datetime": CONVERTERS[R.DATETIME | 1],
}


def value_of(contract: TypeContract) -> Callable[[bytes], Any]:
    """
    :param contract: of a leaf
    :returns: what makes the value of any record, by the contract's own means; it raises what these
        raise, and LookupError
    """
    from_wire = _from_wire(contract)

    def convert(text: bytes) -> Any:
        return from_wire(_wire(text))

    if contract.bare.name != "guid" or not isinstance(contract.bare, ScalarContract):
        return convert
    matches, identifier = _GUID.fullmatch, uuid.UUID

    def convert_guid(text: bytes) -> Any:
        if matches(text):
            return identifier(int=int(text[2:].replace(b"-", b""), 16))
        return convert(text)

    return convert_guid


def _from_wire(contract: TypeContract) -> Callable[[Any], Any]:
    bare = contract.bare
    if isinstance(bare, EnumContract):
        value_of_name = bare.value_of
        return lambda value: value_of_name(as_string(value))
    assert isinstance(bare, ScalarContract)
    return bare.scalar.from_wire


@cache
def _small(from_wire: Callable[[Any], Any]) -> dict[bytes, Any]:
    """:returns: the values of all records of one or two bytes, of those that have one"""
    values: dict[bytes, Any] = {}
    for record, children in SMALL.items():
        try:
            values[record] = from_wire(children[0] if children else "")
        except (XmlException, DeserializationFailed):
            continue
    return values


def read_leaf(source: Source, contract: TypeContract, value: str) -> None:
    """
    Add what makes the value of the record ``t``.

    :param source: to add to
    :param contract: the type
    :param value: what to call the value
    """
    bare = contract.bare
    other = source.constant("value_of", value_of(contract)) + "(t)"
    if isinstance(bare, EnumContract):
        source.line(f"{value} = {source.constant('members', _members(bare))}.get(t)")
        with source.block(f"if {value} is None:"):
            source.line(f"{value} = {other}")
        return
    assert isinstance(bare, ScalarContract)
    for name, constant in _NAMES.items():
        source.constant(name, constant)
    if bare.name in _USUAL:
        record, made = _USUAL[bare.name]
        other = f"{made} if t[0] == {record} else {other}"
    if bare.scalar.nullable or bare.name == "guid":  # which are seldom so short
        source.line(f"{value} = {other}")
        return
    source.line(f"{value} = {source.constant('small', _small(bare.scalar.from_wire))}.get(t)")
    with source.block(f"if {value} is None:"):
        source.line(f"{value} = {other}")


def _members(contract: EnumContract) -> dict[bytes, Any]:
    """:returns: the members by the records of their names"""
    members: dict[bytes, Any] = {}
    for member in contract.cls.__members__.values():
        names = contract.names_of(member)
        if len(names) == 1:
            members[encode_text(names[0], 1)] = contract.value_of(names[0])
    return members


def offset_of(moment: bytes, minutes: bytes) -> DateTimeOffset:
    """
    :param moment: the record in the first element of a DateTimeOffset
    :param minutes: and in the second
    :raises Unusual: there is none
    """
    ticks, offset = as_datetime(_wire(moment)).ticks, as_integer(_wire(minutes), "short")
    made = DateTimeOffset(ticks, offset)
    if abs(offset) > 840 or not 0 <= made.local_ticks <= MAX_TICKS:
        raise Unusual
    return made


def _wire(text: bytes) -> Any:
    children = SMALL.get(text)
    if children is None:
        children = CONVERTERS[text[0]](text)
    return children[0] if children else ""
