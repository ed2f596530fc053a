"""
Passing over elements that a class has no member for, as the ordinary reader does: what is in them
has to be XML all the same.
"""

from __future__ import annotations

from netshare.transport.datacontracts.generated.readleaves import wire_of
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.xml.binary.arrays import ARRAY
from netshare.transport.xml.binary.names import NameMemory, Scope
from netshare.transport.xml.binary.scanned import Token

__all__ = ["skip"]


def skip(
    tokens: list[Token], i: int, scope: Scope, memory: NameMemory, left: int
) -> tuple[int, int]:
    """
    :param tokens: of the document
    :param i: the index of a start tag
    :param scope: the namespaces in force there
    :param memory: what the session knows
    :param left: how many elements may be open
    :returns: the index behind the element, and how many around it end there
    :raises Unusual: not all of it was met before, or is usual
    """
    scopes: list[Scope] = []
    while True:
        header, attributes, text, other = tokens[i]
        i += 1
        if not header:
            if other[0] != 1:
                raise Unusual
            ends = len(other)
            if ends >= len(scopes):
                return i, ends - len(scopes)
            scope = scopes[-ends]
            del scopes[-ends:]
            continue
        # Whatever is not known raises, and the ordinary reader gets to know it.
        inner = scope.tags[header + attributes][2] if attributes else scope
        if not attributes and header not in scope.names:
            raise Unusual
        if not text:
            scopes.append(scope)
            scope = inner
            if len(scopes) >= left:
                raise Unusual
            continue
        if text == ARRAY:
            other.values()
        elif text not in memory.texts:
            wire_of(text)
        if not scopes:
            return i, 0
