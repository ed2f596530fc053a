"""netshare.transport.xml.writer: what binary and text writers have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netshare.transport.xml import (
    XML_NAMESPACE,
    Element,
    Name,
    XmlException,
    XmlWriter,
    parse,
)
from netshare.transport.xml.binary import BinaryWriter, read_document
from netshare.transport.xml.text import TextWriter

Write = Callable[[XmlWriter], None]


def text(write: Write) -> str:
    """What a writer of text makes of it."""
    writer = TextWriter()
    write(writer)
    return writer.getvalue()


@pytest.fixture(params=[TextWriter, BinaryWriter])
def writer(request: pytest.FixtureRequest) -> XmlWriter:
    """A writer of each kind."""
    made: XmlWriter = request.param()
    return made


def test_a_namespace_is_declared_once() -> None:
    """It is declared where it is first used, not inside, and anew beside."""

    def write(writer: XmlWriter) -> None:
        writer.start_element("a")
        for _ in range(2):
            writer.start_element("b", "urn:x", "p")
            writer.element("c", "1", "urn:x", "p")
            writer.end_element()
        writer.end_element()

    inner = '<p:b xmlns:p="urn:x"><p:c>1</p:c></p:b>'
    assert text(write) == f"<a>{inner}{inner}</a>"


def test_declarations_come_after_attributes() -> None:
    """As .NET's writers have it, whatever was said first."""

    def write(writer: XmlWriter) -> None:
        writer.start_element("a", "urn:d")
        writer.declare("q", "urn:q")
        writer.attribute("b", "1")
        writer.attribute("c", "2", "urn:p", "p")
        writer.end_element()

    expected = '<a b="1" p:c="2" xmlns="urn:d" xmlns:q="urn:q" xmlns:p="urn:p"/>'
    assert text(write).replace(" />", "/>").replace("></a>", "/>") == expected


@pytest.mark.parametrize(
    ("taken", "expected"),
    [("", "a"), ("a", "b"), ("abcdefghijklmnopqrstuvwxyz", "d1p1")],
)
def test_prefixes_that_are_made_up(taken: str, expected: str) -> None:
    """The first letter that is free, then .NET's d1p1; one that is in force is used again."""
    writer = TextWriter()
    writer.start_element("root")
    for letter in taken:
        writer.declare(letter, f"urn:{letter}")
    assert writer.declare_any("urn:new") == expected
    assert writer.declare_any("urn:new") == expected
    assert writer.prefix_of("urn:new") == expected
    assert writer.prefix_of("urn:other") is None


def test_start_finds_the_prefix() -> None:
    """Without a prefix an element has the one that its namespace has here, or none."""

    def write(writer: XmlWriter) -> None:
        writer.start_element("a", "urn:x", "p")
        writer.start("b", "urn:x")
        writer.end_element()
        writer.start("c", "urn:y")
        writer.end_element()
        writer.end_element()

    written = text(write)
    assert "<p:b" in written
    assert '<c xmlns="urn:y"' in written


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda w: w.start_element(""), "not a valid local name"),
        (lambda w: w.attribute("a", "1"), "only follow the start"),
        (lambda w: w.declare("p", "urn:x"), "only be declared in the start"),
        (lambda w: w.end_element(), "No element is open"),
        (lambda w: w.text("x"), "outside the root"),
        (lambda w: (w.start_element("a"), w.attribute("xmlns", "1")), "not a valid local name"),
        (lambda w: (w.start_element("a"), w.attribute("b", "1", "urn:x")), "has a prefix if"),
        (lambda w: (w.start_element("a"), w.declare("p", "")), "requires an empty prefix"),
        (lambda w: (w.start_element("a"), w.declare("xmlish", "urn:x")), "reserved"),
        (lambda w: (w.start_element("a"), w.declare("p", XML_NAMESPACE)), "its own prefix only"),
        (
            lambda w: (w.start_element("a", "urn:x", "p"), w.declare("p", "urn:y")),
            "is bound to 'urn:x' here",
        ),
        (
            lambda w: (w.start_element("a"), w.attribute("space", "x", XML_NAMESPACE, "xml")),
            "xml:space",
        ),
        (lambda w: w.comment("a--b"), "cannot contain"),
    ],
)
def test_what_cannot_be_written(
    writer: XmlWriter, write: Callable[[XmlWriter], object], sentence: str
) -> None:
    """Each mistake is a sentence, the same for both kinds of writers."""
    with pytest.raises(XmlException, match=sentence):
        write(writer)


def test_depth_and_scopes(writer: XmlWriter) -> None:
    """Outside of an element its declarations are no longer in force."""
    writer.start_element("a", "urn:a", "p")
    writer.start_element("b", "urn:b", "q")
    assert (writer.depth, len(writer.scopes)) == (2, 3)
    assert writer.prefix_of("urn:b") == "q"
    writer.end_element()
    assert (writer.depth, writer.prefix_of("urn:b"), writer.prefix_of("urn:a")) == (1, None, "p")


@pytest.mark.parametrize(
    "document",
    [
        "<a/>",
        '<a xmlns="urn:d" b="1"><c>text</c>between<!--note--><d/></a>',
        '<p:a xmlns:p="urn:p" p:b="1"><p:c xmlns:p="urn:other"/></p:a>',
        "<a>" * 100 + "deep" + "</a>" * 100,
    ],
)
def test_trees(document: str) -> None:
    """A tree that was read is written as it was, however deep, and the same in binary."""
    tree = parse(document)
    written = text(lambda writer: writer.document(tree))
    assert len(written) >= len(document)
    assert text(lambda writer: writer.document(parse(written))) == written
    binary = BinaryWriter()
    binary.document(tree)
    again = read_document(binary.getvalue())
    assert text(lambda writer: writer.document(again)) == written


def test_an_element_of_the_program() -> None:
    """An element needs no declarations of its own."""
    element = Element(Name("p", "a", "urn:x"), (), ("text",))
    assert text(lambda writer: writer.node(element)) == '<p:a xmlns:p="urn:x">text</p:a>'
