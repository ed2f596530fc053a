"""
Headers of a message that are none of WS-Addressing.
"""

from __future__ import annotations

from collections.abc import Callable

from netshare.transport.soap.versions import SoapVersion
from netshare.transport.xml import (
    Attribute,
    Element,
    Event,
    Start,
    Value,
    XmlCursor,
    XmlException,
    XmlWriter,
    as_boolean,
    encode_name,
    lexical,
)

__all__ = ["BodyWriter", "MessageHeader"]

#: Writes a piece of XML: the content of a body, of a header, of a fault's detail.
BodyWriter = Callable[[XmlWriter], None]


class MessageHeader:
    """
    A header, to be sent or received.

    :param name: its local name; what no name in XML can have is encoded, as .NET does it.
    :param namespace: its namespace.
    :param value: its content: a text value, or an element whose attributes and children become
        this header's.
    :param must_understand: whether a receiver that does not know it has to refuse the message.
    :param actor: whom it is for (SOAP 1.2: role); empty for the last receiver.
    :param relay: whether a node that does not understand it is to pass it on (SOAP 1.2 only).
    :param prefix: the prefix to write it with; empty for a default namespace declaration, as
        ``MessageHeader.CreateHeader`` does (a message contract's headers have ``h``).
    :param write: writes the content, instead of *value*.
    """

    __slots__ = (
        "_events",
        "_index",
        "_outer",
        "_value",
        "actor",
        "must_understand",
        "name",
        "namespace",
        "prefix",
        "relay",
        "write_content",
    )

    def __init__(
        self,
        name: str,
        namespace: str,
        value: Value | Element | None = None,
        must_understand: bool = False,
        actor: str = "",
        relay: bool = False,
        prefix: str = "",
        write: BodyWriter | None = None,
    ) -> None:
        self.name = encode_name(name)
        self.namespace = namespace
        self.must_understand = must_understand
        self.actor = actor
        self.relay = relay
        self.prefix = prefix
        self.write_content = write
        self._value = value
        self._events: list[Event] | None = None
        self._index = 0
        self._outer: tuple[Element | Start, ...] = ()

    def __repr__(self) -> str:
        return f"<MessageHeader {{{self.namespace}}}{self.name}>"

    @classmethod
    def received(
        cls,
        events: list[Event],
        index: int,
        outer: tuple[Element | Start, ...],
        soap: SoapVersion,
    ) -> MessageHeader:
        """
        :param events: the message.
        :param index: of the header's element.
        :param outer: envelope and header block.
        :param soap: the version of the envelope.
        :returns: the header there.
        :raises XmlException: its attributes are not what SOAP says.
        """
        element = events[index]
        assert isinstance(element, Element | Start)
        name = element.name
        header = cls(name.local, name.namespace, prefix=name.prefix)
        header._events, header._index, header._outer = events, index, outer
        for attribute in element.attributes:
            if type(attribute) is Attribute and attribute.name.namespace == soap.namespace:
                local = attribute.name.local
                if local == "mustUnderstand":
                    header.must_understand = as_boolean(attribute.value)
                elif local == soap.actor_attribute:
                    header.actor = lexical(attribute.value)
                elif local == "relay":
                    header.relay = as_boolean(attribute.value)
        return header

    def cursor(self) -> XmlCursor:
        """
        :returns: of a received header a new cursor on it, for a serializer to read.
        :raises XmlException: the header was not received.
        """
        if self._events is None:
            raise XmlException(f"The header '{self.name}' was not received")
        cursor = XmlCursor.inside(self._events, self._index, self._outer)
        cursor.next()
        return cursor

    def element(self) -> Element:
        """:returns: a received header as a tree; :raises XmlException: as :meth:`cursor`."""
        return self.cursor().element()

    def block(self) -> Element:
        """
        :returns: of a received header all of the message's, those of WS-Addressing included, as
            they came
        :raises XmlException: as :meth:`cursor`
        """
        if self._events is None:
            raise XmlException(f"The header '{self.name}' was not received")
        index = next(at for at, event in enumerate(self._events) if event is self._outer[-1])
        cursor = XmlCursor.inside(self._events, index, self._outer[:-1])
        cursor.next()
        return cursor.element()

    @property
    def value(self) -> Value:
        """
        The header's text as a typed value.

        :raises XmlException: it contains elements.
        """
        if self._events is not None:
            return self.cursor().value()
        if self._value is None or isinstance(self._value, Element):
            return self._value.value if self._value is not None else ""
        return self._value

    @property
    def text(self) -> str:
        """The header's text; :raises XmlException: it contains elements."""
        return lexical(self.value)

    def write(self, writer: XmlWriter, soap: SoapVersion) -> None:
        """
        Write the header; a received one is written as it came.

        :param writer: stands in the header block.
        :param soap: the version of the envelope.
        """
        if self._events is not None:
            writer.node(self.element())
            return
        inline, writer.inline_names = writer.inline_names, True
        writer.start_element(self.name, self.namespace, self.prefix if self.namespace else "")
        # Not inline, although .NET has these as strings: they are in the static dictionary.
        writer.inline_names = inline
        if self.must_understand:
            writer.attribute("mustUnderstand", "1", soap.namespace, "s")
        if self.actor:
            writer.attribute(soap.actor_attribute, self.actor, soap.namespace, "s")
        if self.relay and soap is SoapVersion.SOAP12:
            writer.attribute("relay", "1", soap.namespace, "s")
        if self.write_content is not None:
            self.write_content(writer)
        elif isinstance(self._value, Element):
            _write_inside(writer, self._value)
        elif self._value is not None and self._value != "":
            writer.text(self._value)
        writer.end_element()


def _write_inside(writer: XmlWriter, element: Element) -> None:
    """Write attributes and children of an element into the one that is open."""
    for attribute in element.attributes:
        if type(attribute) is Attribute:
            name = attribute.name
            writer.attribute(name.local, attribute.value, name.namespace, name.prefix)
        else:
            writer.declare(attribute.prefix, attribute.uri)  # type: ignore[union-attr]
    for child in element.children:
        writer.node(child)
