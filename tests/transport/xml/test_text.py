"""XML text: printing like .NET, and a parser that lets nothing dangerous in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.xml import (
    BINDING_QUOTAS,
    ArrayElements,
    Attribute,
    Comment,
    Document,
    Element,
    Name,
    QuotaExceeded,
    ReaderQuotas,
    TextWriter,
    XmlException,
    parse,
    to_indented_xml,
    to_xml,
)
from tests.helpers.binary_vectors import MESSAGE_XML


def test_message_round_trip() -> None:
    """The order message as text, parsed and printed, is the same text."""
    assert to_xml(parse(MESSAGE_XML)) == MESSAGE_XML


@pytest.mark.parametrize(
    "text",
    [
        "<a></a>",
        '<a k="v" p:k="w" xmlns:p="urn:p"></a>',
        '<p:a xmlns:p="urn:p"><b xmlns="urn:b"><c xmlns=""></c></b></p:a>',
        "<a>x<!--c-->y<b></b>z</a>",
        "<!--before--><a></a><!--after-->",
        '<a k="&lt;&gt;&quot;&amp;\'&#xA;">&lt;&gt;&amp;"&#xD;</a>',
        "<a>é中😀</a>",
        '<a xml:space="preserve"> </a>',
    ],
)
def test_text_round_trip(text: str) -> None:
    """What .NET would print parses and prints the same."""
    assert to_xml(parse(text)) == text


@pytest.mark.parametrize(
    ("encoding", "prefix"),
    [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b""), ("utf-16-be", b""),
     ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")],
)  # fmt: skip
def test_encodings(encoding: str, prefix: bytes) -> None:
    """UTF-8 and both orders of UTF-16 are read with and without byte order mark."""
    document = parse(prefix + "<a>é😀</a>".encode(encoding), encoding.replace("16-", "16"))
    assert document.root.text == "é😀"
    assert TextWriter().depth == 0


def test_writer_encodes() -> None:
    """The text writer gives the bytes of an encoding, typed values as text."""
    writer = TextWriter()
    writer.start_element("r", "urn:r")
    writer.element("n", 1.5, "urn:r")
    writer.element("b", b"abcd", "urn:r")
    writer.end_element()
    expected = '<r xmlns="urn:r"><n>1.5</n><b>YWJjZA==</b></r>'
    assert writer.encode("utf-16-le") == expected.encode("utf-16-le")


def test_lone_surrogate() -> None:
    """A lone surrogate can neither be encoded nor parsed."""
    writer = TextWriter()
    writer.element("r", "\ud800")
    with pytest.raises(XmlException):
        writer.encode()
    with pytest.raises(XmlException):
        parse("<r>\ud800</r>")


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "<!DOCTYPE a><a/>",
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/x"><a/>', "<?pi data?><a/>", "<a><?pi?></a>",
        "<a>&x;</a>", "<a>", "<a></b>", "<a/><b/>", "", "text", "<a k='1' k='2'/>", "<p:a/>",
        "<a p:k='1'/>", "<a xmlns:p='u' xmlns:q='u' p:k='1' q:k='2'/>", "<a xmlns:p=''/>",
        "<a xmlns:xml='urn:x'/>", "<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "<:a/>", "<a:/>", "<a:b:c/>",
        "<a>\x01</a>", "<a>\xff</a>\x00", "<?xml version='1.0' encoding='nonsense'?><a/>",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    """DTDs, entities, instructions and what is not well formed are refused."""
    with pytest.raises(XmlException):
        parse(text.encode("utf-8"))


@pytest.mark.parametrize("encoding", ["nonsense", "utf-7", "shift_jis", "\0", ""])
def test_bad_encoding_names(encoding: str) -> None:
    """An encoding that cannot be read is refused, or is as good as none."""
    try:
        assert parse(b"<a>x</a>", encoding).root.text == "x"
    except XmlException:
        pass


@pytest.mark.parametrize(
    ("quotas", "text"),
    [
        (BINDING_QUOTAS, "<a>" * 33 + "</a>" * 33),
        (BINDING_QUOTAS, "<a>" + "x" * 8193 + "</a>"),
        (BINDING_QUOTAS, "<a " + " ".join(f"a{i:04}='x'" for i in range(800)) + "/>"),
        (BINDING_QUOTAS, "<a>" + "".join(f"<a{i:04}/>" for i in range(4000)) + "</a>"),
        (ReaderQuotas(max_nodes=10), "<a>" + "<b/>" * 10 + "</a>"),
    ],
)
def test_quotas(quotas: ReaderQuotas, text: str) -> None:
    """Text has the same limits as binary."""
    parse(text)
    with pytest.raises(QuotaExceeded):
        parse(text, quotas=quotas)


def test_indented() -> None:
    """For people every element with elements in it has lines of its own."""
    tree = Element(
        Name("", "r"),
        (),
        (
            Element(Name("", "a"), (), (1,)),
            Element(Name("", "b"), (), (Element(Name("", "c")),)),
            Comment("x"),
            ArrayElements(Name("", "i"), (Attribute(Name("", "k"), 1),), 0x8C, (1, 2)),
        ),
    )
    assert to_indented_xml(Document((tree,))).split("\n") == [
        "<r>", "  <a>1</a>", "  <b>", "    <c></c>", "  </b>", "  <!--x-->",
        '  <i k="1">1</i>', '  <i k="1">2</i>', "</r>",
    ]  # fmt: skip
    # .NET's copying leaves the attributes of array elements out, and so does the exact form.
    assert to_xml(tree).endswith("<!--x--><i>1</i><i>2</i></r>")


def test_unfinished_text() -> None:
    """A text with an open element is not given out."""
    writer = TextWriter()
    writer.start_element("r")
    with pytest.raises(XmlException, match="'r'"):
        writer.getvalue()


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="<>/ab:='\" &;x!-[]?\n", max_size=60) | st.binary(max_size=60))
def test_arbitrary_input(data: str | bytes) -> None:
    """Any input gives a document or our exception."""
    try:
        to_xml(parse(data))
    except XmlException:
        pass
