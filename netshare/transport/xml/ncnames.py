"""
Names of elements and attributes without a colon (NCName), and how .NET writes others.

.NET encodes what no name may have as ``_xHHHH_`` (``XmlConvert.EncodeLocalName``), where a name
comes from a program: ``a b`` is ``a_x0020_b`` on the wire. Names that are valid stay as they are.
"""

from __future__ import annotations

import functools
import re
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate

__all__ = ["decode_name", "encode_name", "is_ncname"]

_ASCII_FIRST: Final = re.compile(r"[A-Za-z_]")
_ASCII: Final = re.compile(r"[A-Za-z0-9_.-]")
#: What an encoded character looks like.
_ENCODED: Final = re.compile(r"_[xX]([0-9A-Fa-f]{8}|[0-9A-Fa-f]{4})_")


@functools.lru_cache(4096)
def _is_allowed(character: str, first: bool) -> bool:
    """:returns: whether a name may have, or begin with, a character [XML 1.0, 4th edition]."""
    if character.isascii():
        return (_ASCII_FIRST if first else _ASCII).match(character) is not None
    # Expat has the tables of that edition, as .NET has.
    parser = ParserCreate("utf-8")
    try:
        parser.Parse(f"<{'' if first else 'a'}{character}/>".encode(), True)
    except (ExpatError, UnicodeEncodeError):
        return False
    return True


def is_ncname(name: str) -> bool:
    """:returns: whether an element can be called so."""
    return bool(name) and all(_is_allowed(one, at == 0) for at, one in enumerate(name))


@functools.lru_cache(4096)
def encode_name(name: str) -> str:
    """
    :param name: what a program calls something; not empty
    :returns: what it is called in XML: the same if it can be, else with ``_xHHHH_`` for what
        cannot
    """
    if is_ncname(name):
        return name
    encoded = ""
    for at, one in enumerate(name):
        if one == "_" and _ENCODED.match(name, at) is not None:
            encoded += "_x005F_"
        elif _is_allowed(one, at == 0):
            encoded += one
        else:
            encoded += f"_x{ord(one):04X}_" if ord(one) <= 0xFFFF else f"_x{ord(one):08X}_"
    return encoded


def decode_name(name: str) -> str:
    """:returns: what a program calls something that is called so in XML."""
    return _ENCODED.sub(_decoded, name)


def _decoded(match: re.Match[str]) -> str:
    code = int(match.group(1), 16)
    return chr(code) if code <= 0x10FFFF else match.group()
