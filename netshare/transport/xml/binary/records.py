"""The record types of [MC-NBFX] 2.2, as numbers. Odd text records also close the element."""

from __future__ import annotations

from typing import Final

__all__ = ["ARRAY_ITEMS", "multibyte", "read_multibyte"]

END_ELEMENT: Final = 0x01
COMMENT: Final = 0x02
ARRAY: Final = 0x03
SHORT_ATTRIBUTE: Final = 0x04
ATTRIBUTE: Final = 0x05
SHORT_DICTIONARY_ATTRIBUTE: Final = 0x06
DICTIONARY_ATTRIBUTE: Final = 0x07
SHORT_XMLNS: Final = 0x08
XMLNS: Final = 0x09
SHORT_DICTIONARY_XMLNS: Final = 0x0A
DICTIONARY_XMLNS: Final = 0x0B
PREFIX_DICTIONARY_ATTRIBUTE_A: Final = 0x0C
PREFIX_ATTRIBUTE_A: Final = 0x26
MAX_ATTRIBUTE: Final = 0x3F
SHORT_ELEMENT: Final = 0x40
ELEMENT: Final = 0x41
SHORT_DICTIONARY_ELEMENT: Final = 0x42
DICTIONARY_ELEMENT: Final = 0x43
PREFIX_DICTIONARY_ELEMENT_A: Final = 0x44
PREFIX_ELEMENT_A: Final = 0x5E
MAX_ELEMENT: Final = 0x77
ZERO: Final = 0x80
ONE: Final = 0x82
FALSE: Final = 0x84
TRUE: Final = 0x86
INT8: Final = 0x88
INT16: Final = 0x8A
INT32: Final = 0x8C
INT64: Final = 0x8E
FLOAT: Final = 0x90
DOUBLE: Final = 0x92
DECIMAL: Final = 0x94
DATETIME: Final = 0x96
CHARS8: Final = 0x98
CHARS16: Final = 0x9A
CHARS32: Final = 0x9C
BYTES8: Final = 0x9E
BYTES16: Final = 0xA0
BYTES32: Final = 0xA2
START_LIST: Final = 0xA4
END_LIST: Final = 0xA6
EMPTY: Final = 0xA8
DICTIONARY: Final = 0xAA
UNIQUE_ID: Final = 0xAC
TIMESPAN: Final = 0xAE
GUID: Final = 0xB0
UINT64: Final = 0xB2
BOOL: Final = 0xB4
UNICODE_CHARS8: Final = 0xB6
UNICODE_CHARS16: Final = 0xB8
UNICODE_CHARS32: Final = 0xBA
QNAME_DICTIONARY: Final = 0xBC

#: Even record type of an array's items: their size in bytes, their struct code if any.
ARRAY_ITEMS: Final[dict[int, tuple[int, str]]] = {
    BOOL: (1, "?"),
    INT16: (2, "h"),
    INT32: (4, "i"),
    INT64: (8, "q"),
    FLOAT: (4, "f"),
    DOUBLE: (8, "d"),
    DECIMAL: (16, ""),
    DATETIME: (8, "q"),
    TIMESPAN: (8, "q"),
    GUID: (16, ""),
}


def multibyte(value: int) -> bytes:
    """
    :param value: 0 to 2^31 - 1.
    :returns: the MultiByteInt31 of [MC-NBFX] 2.1.2.
    """
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_multibyte(data: bytes, pos: int) -> tuple[int, int]:
    """
    :param data: the bytes.
    :param pos: where it begins.
    :returns: the value and the position after it. Longer forms than needed are accepted, as .NET
        does.
    :raises IndexError: the data ends in it.
    :raises OverflowError: more than 31 bits.
    """
    value = data[pos]
    pos += 1
    if value < 0x80:
        return value, pos
    value &= 0x7F
    for shift in (7, 14, 21):
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, pos
    byte = data[pos]
    if byte > 0x07:
        raise OverflowError
    return value | byte << 28, pos + 1
