"""
What the attributes of an element say: that it is null, or of which type it is.
"""

from __future__ import annotations

from typing import NamedTuple

from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.xml import XSI, Attribute, as_boolean, lexical
from netshare.transport.xml.binary.names import Scope

__all__ = ["Said", "said_by"]


class Said(NamedTuple):
    """
    What the attributes of an element say.

    :param scope: the namespaces in force inside of it
    :param nil: whether it is null
    :param named: the namespace and name of the type that it is of; None: the one declared
    """

    scope: Scope
    nil: bool = False
    named: tuple[str, str] | None = None


def said_by(scope: Scope, header: bytes, attributes: bytes) -> Said:
    """
    :param scope: the namespaces in force around the element
    :param header: its start tag
    :param attributes: and its attributes
    :returns: what they say
    :raises Unusual: it is something else, or they were not met before
    """
    if not attributes:
        return Said(scope)
    met = scope.tags.get(header + attributes)
    if met is None:
        raise Unusual
    _, run, inner, _ = met
    said = [one for one in run if type(one) is Attribute]
    if not said:
        return Said(inner)
    name, value = said[0].name[1:], said[0].value
    if len(said) != 1 or name not in (("nil", XSI), ("type", XSI)):
        raise Unusual
    if name[0] == "nil":
        if not as_boolean(value):
            raise Unusual
        return Said(inner, nil=True)
    prefix, _, local = lexical(value).strip(" \t\r\n").rpartition(":")
    namespace = inner.namespaces.get(prefix, None if prefix else "")
    if namespace is None:
        raise Unusual
    return Said(inner, named=(namespace, local))
