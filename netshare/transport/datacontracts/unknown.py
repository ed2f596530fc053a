"""
Members that a class does not have, kept and written again (``IExtensibleDataObject``).
"""

from __future__ import annotations

from typing import Final

from netshare.logger import Logger
from netshare.transport.xml import (
    Attribute,
    Element,
    Name,
    NamespaceDeclaration,
    QualifiedName,
    XmlCursor,
)

__all__ = ["UNKNOWN", "UnknownNames", "kept"]

#: The attribute of an object that holds the members its class does not have: each with the
#: attribute behind which it stood.
UNKNOWN: Final = "__unknown_members__"


#: Names that one class or message tells, so that a stranger cannot fill the log.
_MOST: Final = 64


class UnknownNames:
    """
    Tells in the log, at the level *debug*, what was passed over, each name once: what a newer
    version of a contract has added is no error, but so is not a forgotten namespace.

    :param what: the beginning of the line, such as ``Order has no member``
    """

    __slots__ = ("_told", "_what")

    log = Logger()

    def __init__(self, what: str) -> None:
        self._what = what
        self._told: set[tuple[str, str]] = set()

    def tell(self, name: Name) -> None:
        """Tell of an element that nothing is declared for."""
        key = name.local[:100], name.namespace[:300]
        if key not in self._told and len(self._told) < _MOST:
            self._told.add(key)
            self.log.debug(
                "{what} {local!r} of the namespace {namespace!r}; its value is passed over",
                what=self._what,
                local=key[0],
                namespace=key[1],
            )


def kept(cursor: XmlCursor) -> Element:
    """
    :returns: the current element, to be written elsewhere: with the declarations from further
        out that its type names need
    """
    needed: dict[str, str] = {}
    named = cursor.xsi_type
    if named is not None and named[0]:
        for attribute in cursor.attributes:
            if type(attribute) is Attribute and attribute.name.local == "type":
                value = attribute.value
                text = f"{value.prefix}:" if isinstance(value, QualifiedName) else str(value)
                needed[text.partition(":")[0]] = named[0]
    element = cursor.element()
    declared = {a.prefix for a in element.attributes if type(a) is NamespaceDeclaration}
    more = tuple(
        NamespaceDeclaration(prefix, uri)
        for prefix, uri in needed.items()
        if prefix not in declared
    )
    return element._replace(attributes=element.attributes + more)
