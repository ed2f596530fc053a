"""
Serializers: what writes and reads one parameter, as XmlSerializer does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, get_args, get_origin

from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.xml import XmlCursor, XmlException, XmlWriter
from netshare.transport.xmlserializer.declarations import MemberKind, MemberNote, member_note
from netshare.transport.xmlserializer.elements import ElementPlace, write_nil
from netshare.transport.xmlserializer.hints import default_of, hint_of
from netshare.transport.xmlserializer.mappings import Mappings

__all__ = ["XmlSerializer"]


class XmlSerializer:
    """
    Writes and reads elements of one type.

    :param hint: the type, as an annotation; ``Annotated[list[int], xml_array(item="number")]`` says
        more of it
    :param namespace: of types that say none: the contract's
    :param known: types that may stand where another is declared
    :raises InvalidDataContract: the type cannot be in XML
    """

    #: There is no quicker way for simple values.
    read_leaf = None
    #: Whether a header that is None is not there.
    omits_null = True

    def __init__(self, hint: Any, namespace: str, known: Sequence[Any] = ()) -> None:
        self.hint = hint
        self._mappings = Mappings(namespace, known)
        self._note = _note_of(hint)
        self._hint = hint_of(hint, "value")
        if self._note.kind not in (None, MemberKind.ARRAY, MemberKind.ELEMENT) or (
            self._note.kind is MemberKind.ELEMENT and self._hint.is_list
        ):
            raise InvalidDataContract(
                f"{hint!r}: a parameter is an element, or with xml_array() a list in one"
            )
        self._places: dict[tuple[str, str], ElementPlace] = {}
        self._place("value", namespace)

    def __repr__(self) -> str:
        return f"<XmlSerializer of {self.hint}>"

    @property
    def default(self) -> Any:
        """The value when the element is absent."""
        return default_of(self._hint)

    def _place(self, name: str, namespace: str) -> ElementPlace:
        place = self._places.get((name, namespace))
        if place is None:
            place = self._mappings.place(name, namespace, self.hint, self._note, name)
            self._places[name, namespace] = place
        return place

    def write(self, writer: XmlWriter, name: str, namespace: str, value: Any) -> None:
        """
        Write the whole element; nothing for a None that is no nil.

        :param writer: where to
        :param name: of the element
        :param namespace: of the element
        :param value: what to write
        :raises UnencodableValue: the value is not of the type; it names the member
        """
        if value is None and not (self._hint.optional or self._hint.type in (Any, object)):
            raise UnencodableValue("None, and the contract does not say that there may be", name)
        try:
            self._place(name, namespace).write(writer, value)
        except XmlException as error:
            raise UnencodableValue(str(error), name) from error
        except RecursionError:
            raise UnencodableValue(
                "the value is nested too deeply; does it contain itself?", name
            ) from None

    def write_content(self, writer: XmlWriter, value: Any) -> None:
        """
        Write only what is in the element, which has just been begun.

        :param writer: where to
        :param value: what to write
        :raises UnencodableValue: the value is not of the type
        """
        if value is None:
            write_nil(writer)
            return
        try:
            next(iter(self._places.values())).mapping.write(writer, value)
        except XmlException as error:
            raise UnencodableValue(str(error)) from error
        except RecursionError:
            raise UnencodableValue(
                "the value is nested too deeply; does it contain itself?"
            ) from None

    def read(self, cursor: XmlCursor) -> Any:
        """
        Read the current element and go behind it.

        :param cursor: stands on the element
        :returns: the value
        :raises DeserializationFailed: the XML is not of the type; it names the member
        """
        name = cursor.name
        try:
            return self._place(name.local, name.namespace).read(cursor)
        except XmlException as error:
            raise DeserializationFailed(error.message, name.local) from error


def _note_of(hint: Any) -> MemberNote:
    if get_origin(hint) is Annotated:
        for one in get_args(hint)[1:]:
            note = member_note(one) if hasattr(one, "metadata") else None
            if note is not None and note.kind is not None:
                return note
    return MemberNote()
