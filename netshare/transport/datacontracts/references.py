"""
Objects that are written once and referred to: ``IsReference`` contracts (``z:Id``, ``z:Ref``).
"""

from __future__ import annotations

from typing import Any

from netshare.transport.datacontracts.errors import DeserializationFailed
from netshare.transport.datacontracts.scalars import SERIALIZATION
from netshare.transport.xml import XmlWriter

__all__ = ["References"]


class References:
    """The objects of one parameter, result, header or detail, while it is written or read."""

    __slots__ = ("_by_id", "_written")

    def __init__(self) -> None:
        #: By the identity of an object what it is called; the object is kept, so that no other
        #: gets its identity.
        self._written: dict[int, tuple[str, Any]] = {}
        self._by_id: dict[str, Any] = {}

    def refer(self, writer: XmlWriter, value: Any) -> bool:
        """
        Give the element just begun the name of its object.

        :returns: whether the object has been begun elsewhere, and this is all that is written here
        """
        if self.refer_again(writer, value):
            return True
        name = f"i{len(self._written) + 1}"
        self._written[id(value)] = name, value
        writer.attribute("Id", name, SERIALIZATION, "z")
        return False

    def refer_again(self, writer: XmlWriter, value: Any) -> bool:
        """:returns: as :meth:`refer`; an object that is new stays without a name."""
        known = self._written.get(id(value))
        if known is None:
            return False
        writer.attribute("Ref", known[0], SERIALIZATION, "z")
        return True

    def register(self, name: str, value: Any) -> None:
        """
        Note what an object is called that has been begun.

        :raises DeserializationFailed: another is called so
        """
        if name in self._by_id:
            raise DeserializationFailed(f"two objects have the z:Id '{name[:60]}'")
        self._by_id[name] = value

    def find(self, name: str) -> Any:
        """
        :returns: the object that is called so
        :raises DeserializationFailed: none, as far as the document has been read
        """
        try:
            return self._by_id[name]
        except KeyError:
            raise DeserializationFailed(
                f"the XML refers to an object '{name[:60]}' that has not been before (z:Ref)"
            ) from None
