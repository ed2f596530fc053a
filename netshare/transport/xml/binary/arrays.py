"""Array records: the items of an array of numbers, one behind the other. ([MC-NBFX] 2.2.3)"""

from __future__ import annotations

import re
from struct import unpack_from
from typing import Final, NamedTuple

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.scanner import CONVERTERS, counted, dictionary_id
from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.values import Single, TimeSpan, Value

__all__ = ["ARRAY", "ArrayCut", "array_at", "array_values"]

#: Stands for the text of a token that is an array; no text begins so.
ARRAY: Final = b"\x00array"

#: An array whose items have no attributes, as .NET writes them: their start tag, and their type.
_START: Final = re.compile(
    f"\\x03([\\x40\\x5e-\\x77]{counted(1, 127)}|[\\x42\\x44-\\x5d]{dictionary_id})\\x01(.)".encode(
        "ascii"
    ),
    re.DOTALL,
)


class ArrayCut(NamedTuple):
    """
    An array that was cut.

    :param kind: the odd record type of its items
    :param raw: the items
    :param length: how many
    """

    kind: int
    raw: bytes
    length: int

    def values(self) -> tuple[Value, ...]:
        """
        :returns: the values of the items
        :raises XmlException: one of them has none
        """
        return array_values(self.kind, self.raw, self.length, 0)


def array_at(data: bytes, at: int) -> tuple[bytes, ArrayCut, int] | None:
    """
    :param at: where an array record begins
    :returns: the start tag of its items, the array, and where it ends; None: it is not a usual one
    """
    start = _START.match(data, at)
    if start is None:
        return None
    kind = start[2][0]
    item = R.ARRAY_ITEMS.get(kind - 1)
    if item is None:
        return None
    try:
        count, begin = R.read_multibyte(data, start.end())
    except (IndexError, OverflowError):
        return None
    end = begin + count * item[0]
    if not count or end > len(data):
        return None
    return start[1], ArrayCut(kind, data[begin:end], count), end


def array_values(kind: int, raw: bytes, count: int, begin: int) -> tuple[Value, ...]:
    """
    :param kind: the odd record type of an array's items
    :param raw: the items
    :param count: how many
    :param begin: where they begin in the data, for errors
    :returns: their values
    :raises XmlException: one of them has none
    """
    size, code = R.ARRAY_ITEMS[kind - 1]
    if kind - 1 == R.FLOAT:
        return tuple(map(Single, unpack_from(f"<{count}f", raw)))
    if kind - 1 == R.TIMESPAN:
        return tuple(map(TimeSpan, unpack_from(f"<{count}q", raw)))
    if code and kind - 1 != R.DATETIME:
        return unpack_from(f"<{count}{code}", raw)
    convert = CONVERTERS[kind]
    mark = bytes((kind,))
    values: list[Value] = []
    for at in range(0, len(raw), size):
        try:
            values.extend(convert(mark + raw[at : at + size]))
        except XmlException as error:
            raise XmlException(error.message, begin + at) from None
    return tuple(values)
