"""
A cursor over events: what a contract reads a message with, without a tree in between.

::

    cursor = XmlCursor(read_events(data))
    cursor.root()                            # the root element is current
    cursor.enter()
    while (name := cursor.next()) is not None:
        if name.local == "Id":
            line.id = as_integer(cursor.value())
        elif name.local == "Items":
            cursor.enter()
            …
            cursor.leave()
        # anything else is skipped by the next next()
    cursor.leave()

What is neither entered nor read is skipped. Comments and blank text between elements do not
show. Arrays show as the elements they stand for, unless :meth:`XmlCursor.array` takes them at
once.
"""

from __future__ import annotations

from netshare.transport.xml.conversions import as_boolean
from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.events import END, Event, Start
from netshare.transport.xml.namespaces import XML_NAMESPACE, XSI
from netshare.transport.xml.nodes import (
    ArrayElements,
    Attribute,
    Comment,
    Element,
    Name,
    NamespaceDeclaration,
    join_values,
)
from netshare.transport.xml.tree import build_tree
from netshare.transport.xml.values import Value, lexical

__all__ = ["XmlCursor"]

_NONE: tuple[Attribute | NamespaceDeclaration, ...] = ()


class XmlCursor:
    """
    A position in a document.

    :param events: a whole document, from :func:`netshare.transport.xml.binary.read_events` or
        :func:`netshare.transport.xml.parse_events`.
    """

    __slots__ = ("_array", "_current", "_events", "_index", "_item", "_open", "_prefixes", "name")

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        #: The event after the current element, or after its start.
        self._index = 0
        self._current: Element | Start | None = None
        #: The array that the current element is an item of, and which.
        self._array: ArrayElements | None = None
        self._item = 0
        #: The elements entered, each with the array it was an item of.
        self._open: list[tuple[Element | Start, ArrayElements | None, int]] = []
        #: URI by prefix, of attributes that a prefix was looked for in, by their identity.
        self._prefixes: dict[int, dict[str, str]] = {}
        #: The name of the element that was current last.
        self.name: Name = Name("", "", "")

    @classmethod
    def inside(
        cls, events: list[Event], index: int, outer: tuple[Element | Start, ...]
    ) -> XmlCursor:
        """
        :param events: a whole document.
        :param index: of the event before which to stand.
        :param outer: the elements that are open there, from the root.
        :returns: a cursor whose :meth:`next` gives the element at the index.
        """
        cursor = cls(events)
        cursor._index = index
        cursor._open = [(element, None, 0) for element in outer]
        return cursor

    def copy(self) -> XmlCursor:
        """:returns: a cursor that stands where this one does and goes its own way."""
        other = XmlCursor(self._events)
        other._index, other._current, other.name = self._index, self._current, self.name
        other._array, other._item = self._array, self._item
        other._open = list(self._open)
        other._prefixes = self._prefixes
        return other

    def root(self) -> Name:
        """
        Go to the root element.

        :returns: its name.
        :raises XmlException: there is none.
        """
        name = self.next()
        if name is None:
            raise XmlException("Root element is missing")
        return name

    def next(self, strict: bool = False) -> Name | None:
        """
        Go to the next child element of the element entered last, skipping what is left of the
        current one.

        :param strict: nothing but elements, comments and blank text may stand there

        :returns: its name; ``None`` when there is no further one.
        :raises XmlException: strict, and there is other text
        """
        if type(self._current) is Start:
            self._skip_to_end()
        self._current = None
        array = self._array
        if array is not None:
            self._item += 1
            if self._item < len(array.values):
                values = (array.values[self._item],)
                self._current = Element(array.name, array.attributes, values)
                return self.name
            self._array = None
        if self._open and type(entered := self._open[-1][0]) is Element:
            if strict:
                for child in entered.children:
                    _must_be_blank(child)
            return None
        events, index = self._events, self._index
        while index < len(events):
            event = events[index]
            kind = type(event)
            if kind is Element or kind is Start:
                self._current = event  # type: ignore[assignment]
            elif kind is ArrayElements:
                self._array, self._item = event, 0  # type: ignore[assignment]
                self._current = next(event.elements())  # type: ignore[union-attr]
            elif event is END:
                break
            else:
                if strict:
                    _must_be_blank(event)
                index += 1
                continue
            self._index = index + 1
            self.name = event.name  # type: ignore[union-attr]
            return self.name
        self._index = index
        return None

    def _skip_to_end(self) -> None:
        """Go behind the end of the element that is open at the index."""
        events, index = self._events, self._index
        depth = 1
        while depth:
            event = events[index]
            if event is END:
                depth -= 1
            elif type(event) is Start:
                depth += 1
            index += 1
        self._index = index

    def _need(self) -> Element | Start:
        if self._current is None:
            raise XmlException("Start element expected")
        return self._current

    # -- the current element

    @property
    def attributes(self) -> tuple[Attribute | NamespaceDeclaration, ...]:
        """Attributes and declarations of the current element."""
        return self._current.attributes if self._current is not None else _NONE

    def attribute(self, local: str, namespace: str = "") -> Value | None:
        """:returns: the value of an attribute of the current element; ``None``: not there."""
        for attribute in self.attributes:
            if type(attribute) is Attribute:
                name = attribute.name
                if name.local == local and name.namespace == namespace:
                    return attribute.value
        return None

    @property
    def is_nil(self) -> bool:
        """Whether the current element says ``i:nil="true"``."""
        if not self.attributes:
            return False
        value = self.attribute("nil", XSI)
        return value is not None and as_boolean(value)

    @property
    def xsi_type(self) -> tuple[str, str] | None:
        """(namespace, local name) that the current element's ``i:type`` means, if it has one."""
        if not self.attributes:
            return None
        value = self.attribute("type", XSI)
        return None if value is None else self.resolve(lexical(value))

    def scope(self) -> dict[str, str]:
        """:returns: the namespaces declared where the current element stands, by prefix."""
        found: dict[str, str] = {}
        for element, _, _ in self._open:
            for attribute in element.attributes:
                if type(attribute) is NamespaceDeclaration:
                    found[attribute.prefix] = attribute.uri
        for attribute in self.attributes:
            if type(attribute) is NamespaceDeclaration:
                found[attribute.prefix] = attribute.uri
        return found

    def resolve(self, qualified: str) -> tuple[str, str]:
        """
        :param qualified: a name with or without prefix, as in ``i:type`` or a fault's code.
        :returns: (namespace, local name) where the current element stands.
        :raises XmlException: the prefix is not defined.
        """
        prefix, _, local = qualified.strip(" \t\r\n").rpartition(":")
        for attribute in self.attributes:
            if type(attribute) is NamespaceDeclaration and attribute.prefix == prefix:
                return attribute.uri, local
        for entered, _, _ in reversed(self._open):
            if entered.attributes:
                uri = self._declared(entered.attributes).get(prefix)
                if uri is not None:
                    return uri, local
        if prefix == "xml":
            return XML_NAMESPACE, local
        if prefix:
            raise XmlException(f"The prefix '{prefix}' is not defined")
        return "", local

    def _declared(self, attributes: tuple[Attribute | NamespaceDeclaration, ...]) -> dict[str, str]:
        """:returns: what these attributes declare; looked through once, not for each name inside"""
        # The events keep the attributes, so that no others get their identity.
        prefixes = self._prefixes.get(id(attributes))
        if prefixes is None:
            prefixes = {a.prefix: a.uri for a in attributes if type(a) is NamespaceDeclaration}
            self._prefixes[id(attributes)] = prefixes
        return prefixes

    def value(self) -> Value:
        """
        Take the content of the current element, which must have no child elements.

        :returns: its typed value (see :attr:`.nodes.Element.value`).
        :raises XmlException: there is no current element, or it has child elements.
        """
        current = self._need()
        self._current = None
        if type(current) is Element:
            children = current.children
            return children[0] if children else ""  # type: ignore[return-value]
        begin = self._index
        self._skip_to_end()
        content = self._events[begin : self._index - 1]
        for event in content:
            if type(event) is Start:
                raise XmlException(f"Text was expected, not the element '{event.name.local}'")
        return join_values([e for e in content if type(e) is not Comment])  # type: ignore[misc]

    def array(self) -> ArrayElements | None:
        """
        Take the current element and those after it at once, if they are an array record.

        :returns: the whole array when its first item is current, else ``None`` (and nothing is
            taken).
        """
        array = self._array
        if array is None or self._item or self._current is None:
            return None
        self._current = self._array = None
        return array

    def enter(self) -> None:
        """
        Go into the current element: :meth:`next` gives its children from now on.

        :raises XmlException: there is no current element.
        """
        self._open.append((self._need(), self._array, self._item))
        self._current = self._array = None

    def leave(self) -> None:
        """
        Go behind the element entered last, whatever is left in it.

        :raises XmlException: none was entered.
        """
        if not self._open:
            raise XmlException("No element was entered")
        if type(self._current) is Start:
            self._skip_to_end()
        self._current = None
        entered, self._array, self._item = self._open.pop()
        if type(entered) is Start:
            self._skip_to_end()

    def skip(self) -> None:
        """Pass over the current element, if there is one."""
        if type(self._current) is Start:
            self._skip_to_end()
        self._current = None

    def element(self) -> Element:
        """
        Take the current element as a tree.

        :returns: it. Namespaces declared further out are resolved, but not repeated in it.
        :raises XmlException: there is no current element.
        """
        current = self._need()
        if type(current) is Element:
            self._current = None
            return current
        begin = self._index - 1
        self.skip()
        return build_tree(self._events[begin : self._index]).root


def _must_be_blank(content: object) -> None:
    """
    :raises XmlException: what stands between elements is more than a comment or blank text
    """
    if type(content) is Comment or (isinstance(content, str) and not content.strip(" \t\r\n")):
        return
    shown = content if isinstance(content, str) else type(content).__name__
    raise XmlException(f"Text was encountered where an element was expected: {shown[:60]!r}")
