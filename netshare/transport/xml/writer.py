"""
What a writer of XML is, whatever it writes to: one interface for binary and text.

As .NET's writers do, it declares a namespace where it is first used and not again inside, and
writes the declarations after the attributes of their start tag.
"""

from __future__ import annotations

from typing import Final

from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.namespaces import XML_NAMESPACE, XMLNS_NAMESPACE
from netshare.transport.xml.nodes import (
    ArrayElements,
    Attribute,
    Comment,
    Document,
    Element,
    Name,
    NamespaceDeclaration,
    Node,
)
from netshare.transport.xml.values import Value, lexical

__all__ = ["WriterScope", "XmlWriter"]

_BLANK: Final = " \t\r\n"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class WriterScope(dict[str, str]):
    """The URI of each prefix in force, and the element records already known to be right here."""

    __slots__ = ("known",)

    def __init__(self, namespaces: dict[str, str]) -> None:
        super().__init__(namespaces)
        self.known: dict[Name, bytes] = {}


class XmlWriter:
    """
    Elements in document order. Subclasses say how things look.

    A writer that has raised must not be used further.
    """

    __slots__ = ("_declared", "_outer", "_scope", "_tag_open", "inline_names")

    def __init__(self) -> None:
        #: Whether names are to be written out rather than by their ids in a dictionary, as .NET
        #: does with names that its program has as plain strings. Means nothing in text.
        self.inline_names = False
        #: URI by prefix, here.
        self._scope = WriterScope({"": ""})
        self._outer: list[WriterScope] = []
        #: Declarations of the start tag that is still open: URI by prefix, and whether to write it
        #: out. The scope is the tag's own once there is one.
        self._declared: dict[str, tuple[str, bool]] = {}
        self._tag_open = False

    @property
    def depth(self) -> int:
        """How many elements are open."""
        return len(self._outer)

    @property
    def scopes(self) -> list[WriterScope]:
        """The namespaces in force outside of each open element, and here."""
        return [*self._outer, self._scope]

    @property
    def scope(self) -> WriterScope:
        """The namespaces in force here."""
        return self._scope

    # -- what subclasses do

    def _write_start(self, prefix: str, local: str) -> None:
        raise NotImplementedError

    def _write_attribute(self, prefix: str, local: str, value: Value) -> None:
        raise NotImplementedError

    def _write_xmlns(self, prefix: str, uri: str) -> None:
        raise NotImplementedError

    def _write_tag_end(self) -> None:
        """The start tag is complete (its declarations have been written)."""

    def _write_end(self) -> None:
        raise NotImplementedError

    def _write_text(self, value: Value) -> None:
        raise NotImplementedError

    def _write_comment(self, text: str) -> None:
        raise NotImplementedError

    # -- what everybody calls

    def start_element(self, local: str, namespace: str = "", prefix: str = "") -> None:
        """
        Begin an element.

        :param local: its local name.
        :param namespace: its namespace; declared here unless *prefix* means it already.
        :param prefix: its prefix.
        :raises XmlException: that cannot be named so.
        """
        if not local:
            raise XmlException("The empty string is not a valid local name")
        if self._tag_open:
            self._close_tag()
        self._outer.append(self._scope)
        self._tag_open = True
        if self._scope.get(prefix) != namespace:
            self._bind(prefix, namespace)
        self._write_start(prefix, local)

    def attribute(self, local: str, value: Value, namespace: str = "", prefix: str = "") -> None:
        """
        Add an attribute to the element just begun.

        :param local: its local name.
        :param value: its typed value.
        :param namespace: its namespace, which needs a prefix.
        :param prefix: its prefix.
        :raises XmlException: not in a start tag, or no possible attribute.
        """
        if not self._tag_open:
            raise XmlException("An attribute can only follow the start of an element")
        if not local or (not prefix and local == "xmlns"):
            raise XmlException(f"{local!r} is not a valid local name of an attribute")
        if bool(prefix) != bool(namespace):
            raise XmlException("An attribute has a prefix if it has a namespace")
        if prefix == "xml" and local == "space" and lexical(value) not in ("preserve", "default"):
            raise XmlException(f"{lexical(value)!r} is not a valid xml:space value")
        if prefix and self._scope.get(prefix) != namespace:
            self._bind(prefix, namespace)
        self._write_attribute(prefix, local, value)

    def declare(self, prefix: str, uri: str) -> None:
        """
        Declare a namespace in the element just begun, unless it is in force already.

        :param prefix: empty for the default namespace.
        :param uri: empty only for the default namespace.
        :raises XmlException: not in a start tag, or no possible declaration.
        """
        if not self._tag_open:
            raise XmlException("A namespace can only be declared in the start of an element")
        if self._scope.get(prefix) != uri:
            self._bind(prefix, uri)

    def prefix_of(self, uri: str) -> str | None:
        """
        :returns: the prefix that means *uri* here, the one declared last; ``None``: there is none.
        """
        found = None
        for prefix, bound in self._scope.items():
            if bound == uri:
                found = prefix
        return found

    def declare_any(self, uri: str) -> str:
        """
        Make sure that some prefix means *uri*, as ``WriteXmlnsAttribute`` without a prefix does:
        one that is in force already, else the first letter that is free, else d1p1 and so on.

        :param uri: the namespace, not empty.
        :returns: the prefix.
        :raises XmlException: not in a start tag.
        """
        prefix = self.prefix_of(uri)
        if prefix is None:
            prefix = self.free_prefix()
            self.declare(prefix, uri)
        return prefix

    def free_prefix(self) -> str:
        """:returns: the prefix that .NET's writers would make up here."""
        for letter in _LETTERS:
            if letter not in self._scope:
                return letter
        number = 1
        while (prefix := f"d{self.depth}p{number}") in self._scope:
            number += 1
        return prefix

    def start(self, local: str, namespace: str) -> None:
        """
        Begin an element with the prefix that its namespace has here, without one if it has none,
        as ``WriteStartElement`` without a prefix does; parameters as :meth:`start_element`.
        """
        prefix = self.prefix_of(namespace)
        self.start_element(local, namespace, "" if prefix is None else prefix)

    def _bind(self, prefix: str, uri: str) -> None:
        if prefix[:3].lower() == "xml":
            if (prefix, uri) in (("xml", XML_NAMESPACE), ("xmlns", XMLNS_NAMESPACE)):
                return
            raise XmlException(f"The prefix '{prefix}' is reserved")
        if prefix in self._declared:
            bound = self._declared[prefix][0]
            raise XmlException(f"The prefix '{prefix}' is bound to '{bound}' here")
        if prefix and not uri:
            raise XmlException("The empty namespace requires an empty prefix")
        if uri in (XML_NAMESPACE, XMLNS_NAMESPACE):
            raise XmlException(f"The namespace '{uri}' has its own prefix only")
        if not self._declared:
            self._scope = WriterScope(self._scope)
        self._scope[prefix] = uri
        self._declared[prefix] = (uri, self.inline_names)

    def _close_tag(self) -> None:
        if self._declared:
            inline = self.inline_names
            for prefix, (uri, inline_names) in self._declared.items():
                self.inline_names = inline_names
                self._write_xmlns(prefix, uri)
            self.inline_names = inline
            self._declared.clear()
        self._tag_open = False
        self._write_tag_end()

    def text(self, value: Value) -> None:
        """
        Add typed text to the open element.

        :param value: the value; ``bytes`` become base64.
        :raises XmlException: outside of the root, or not a value that can be written.
        """
        if self._tag_open:
            self._close_tag()
        if not self._outer and lexical(value).strip(_BLANK):
            raise XmlException("Text cannot be written outside the root element")
        self._write_text(value)

    def end_element(self) -> None:
        """
        End the open element.

        :raises XmlException: none is open.
        """
        if not self._outer:
            raise XmlException("No element is open")
        if self._tag_open:
            self._close_tag()
        self._write_end()
        self._scope = self._outer.pop()

    def element(self, local: str, value: Value, namespace: str = "", prefix: str = "") -> None:
        """Write an element with one value; parameters as of the methods this puts together."""
        self.start_element(local, namespace, prefix)
        self.text(value)
        self.end_element()

    def comment(self, text: str) -> None:
        """
        Add a comment.

        :raises XmlException: it contains what a comment cannot.
        """
        if "--" in text or text.endswith("-"):
            raise XmlException("XML comments cannot contain '--' or end with '-'")
        if self._tag_open:
            self._close_tag()
        self._write_comment(text)

    def array(self, array: ArrayElements) -> None:
        """Write the elements of an array."""
        for element in array.elements():
            self.node(element)

    # -- trees

    def document(self, document: Document) -> None:
        """Write all nodes of a document."""
        for node in document.nodes:
            self.node(node)

    def node(self, node: Node) -> None:
        """
        Write a node and what it contains.

        :param node: of any kind; elements as deep as they like.
        """
        stack = [iter((node,))]
        while stack:
            for item in stack[-1]:
                kind = type(item)
                if kind is Element:
                    self._start_node(item)  # type: ignore[arg-type]
                    stack.append(iter(item.children))  # type: ignore[union-attr]
                    break
                if kind is ArrayElements:
                    self.array(item)  # type: ignore[arg-type]
                elif kind is Comment:
                    self.comment(item.text)  # type: ignore[union-attr]
                else:
                    self.text(item)  # type: ignore[arg-type]
            else:
                stack.pop()
                if stack:
                    self.end_element()

    def _start_node(self, node: Element | ArrayElements) -> None:
        name = node.name
        self.start_element(name.local, name.namespace, name.prefix)
        for attribute in node.attributes:
            if type(attribute) is Attribute:
                name = attribute.name
                self.attribute(name.local, attribute.value, name.namespace, name.prefix)
            elif type(attribute) is NamespaceDeclaration:
                self.declare(attribute.prefix, attribute.uri)
