"""
Members that a class does not have, kept and written again (``IExtensibleDataObject``).
"""

from __future__ import annotations

from typing import Final

from netshare.transport.xml import (
    Attribute,
    Element,
    NamespaceDeclaration,
    QualifiedName,
    XmlCursor,
)

__all__ = ["UNKNOWN", "kept"]

#: The attribute of an object that holds the members its class does not have: each with the
#: attribute behind which it stood.
UNKNOWN: Final = "__unknown_members__"


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
