"""netshare.addresses: one form for what .NET's Uri and WCF's prefix table hold for the same."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netshare.addresses import (
    AddressError,
    HostNameComparisonMode,
    Via,
    _known_authority,
    _known_via,
    parse_base_address,
    parse_via,
)

STRONG = HostNameComparisonMode.STRONG_WILDCARD
EXACT = HostNameComparisonMode.EXACT
WEAK = HostNameComparisonMode.WEAK_WILDCARD

#: Paths, and their segments; checked with System.Uri of Mono 6.8 where .NET has an opinion.
PATHS: list[tuple[str, tuple[str, ...]]] = [
    ("", ()),
    ("/", ()),
    ("//", ()),
    ("/a", ("a",)),
    ("/a/", ("a",)),
    ("//a//b//", ("a", "b")),
    ("/A/b", ("a", "b")),
    ("/a\\b", ("a", "b")),
    ("\\a", ("a",)),
    ("/a%2Fb", ("a", "b")),
    ("/a%2fb", ("a", "b")),
    ("/a%5Cb", ("a", "b")),
    ("/a%5cb", ("a", "b")),
    ("/a%252Fb", ("a%2fb",)),
    ("/a/./b", ("a", "b")),
    ("/a/../b", ("b",)),
    ("/a/%2E%2e/b", ("b",)),
    ("/a/.%2E/b", ("b",)),
    ("/a%2F..%2Fb", ("b",)),
    ("/../../b", ("b",)),
    ("/a/..", ()),
    ("/a//../b", ("a", "b")),
    ("/a/..//b", ("b",)),
    ("/a/...", ("a", "...")),
    ("/a./.b", ("a.", ".b")),
    ("/a/..;/b", ("a", "..;", "b")),
    ("/a b", ("a b",)),
    ("/a%20b", ("a b",)),
    ("/%41", ("a",)),
    ("/%7E", ("~",)),
    ("/ä", ("Ä",)),
    ("/%C3%A4", ("Ä",)),
    ("/%c3%a4", ("Ä",)),
    ("/Ä", ("Ä",)),
    ("/ß", ("ß",)),
    ("/%ff", ("%ff",)),
    ("/%FF", ("%ff",)),
    ("/%", ("%",)),
    ("/%25", ("%",)),
    ("/%2", ("%2",)),
    ("/%zz", ("%zz",)),
]


@pytest.mark.parametrize(("path", "segments"), PATHS)
def test_paths(path: str, segments: tuple[str, ...]) -> None:
    """A path is brought to the segments that WCF's prefix table would compare."""
    assert parse_via(f"net.tcp://h:1{path}") == Via("net.tcp", "h", 1, segments)
    address = parse_base_address(f"net.tcp://h:1{path}")
    assert address.segments == segments
    assert parse_base_address(str(address)) == address


SAME = [
    ("net.tcp://h/x", "net.tcp://h:808/x"),
    ("net.tcp://h/x", "net.tcp://h:/x"),
    ("net.tcp://h/x", "net.tcp://h:00808/x"),
    ("net.tcp://h/x", "NET.TCP://H/X"),
    ("net.tcp://h/x", "net.tcp://h/x?query"),
    ("net.tcp://h/x", "net.tcp://h/x#fragment"),
    ("net.tcp://[::1]:9/x", "net.tcp://[0:0:0:0:0:0:0:1]:9/X"),
    ("net.tcp://[::1]/x", "net.tcp://[::1%3]:808/x"),
    ("net.tcp://[fe80::AB]/x", "net.tcp://[FE80:0::ab]/x"),
    ("net.tcp://[::ffff:127.0.0.1]/", "net.tcp://[::ffff:7f00:1]"),
    ("net.tcp://h/\u03c3", "net.tcp://h/\u03a3"),
    ("net.tcp://h/\u03c3", "net.tcp://h/\u03c2"),
    ("net.tcp://h/straße", "net.tcp://h/STRAßE"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_address(one: str, other: str) -> None:
    """Two spellings of one address are the same via."""
    assert parse_via(one) == parse_via(other)


DIFFERENT = [
    ("net.tcp://h/x", "net.tcp://h:809/x"),
    ("net.tcp://h/x", "net.tcp://g/x"),
    ("net.tcp://h/x", "net.tcp://h./x"),
    ("net.tcp://localhost/x", "net.tcp://127.0.0.1/x"),
    ("net.tcp://h/x", "net.tcp://user@h/x"),
    ("net.tcp://user@h/x", "net.tcp://User@h/x"),
    ("net.tcp://h/x", "http://h:808/x"),
    ("net.tcp://h/a/b", "net.tcp://h/ab"),
    ("net.tcp://h/straße", "net.tcp://h/strasse"),
    ("net.tcp://h/\u0131", "net.tcp://h/i"),  # dotless i
    ("net.tcp://h/\u0130", "net.tcp://h/i"),  # dotted capital I
    ("net.tcp://h/\u017f", "net.tcp://h/s"),  # long s
    ("net.tcp://h/\u212a", "net.tcp://h/k"),  # the Kelvin sign
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_addresses(one: str, other: str) -> None:
    """What .NET keeps apart stays apart."""
    assert parse_via(one) != parse_via(other)


BAD_VIAS = [
    "",
    " ",
    "h/x",
    "/x",
    "net.tcp",
    "net.tcp:",
    "net.tcp:h/x",
    "net.tcp:/h/x",
    "net.tcp:\\\\h\\x",
    "net.tcp://",
    "net.tcp:///x",
    "net.tcp://:808/x",
    "net.tcp://h:0/x",
    "net.tcp://h:65536/x",
    "net.tcp://h:99999999999999999999/x",
    "net.tcp://h:" + "9" * 5000 + "/x",
    "net.tcp://h:-1/x",
    "net.tcp://h:x/x",
    "net.tcp://h:\u0668/x",
    "net.tcp://h:80:80/x",
    "net.tcp://h h/x",
    "net.tcp://h\x00/x",
    "net.tcp://[::1/x",
    "net.tcp://[::1]x/x",
    "net.tcp://[::g]/x",
    "net.tcp://[1::2::3]/x",
    "net.tcp://[]/x",
    "net.tcp://a@b@c/x",
    "1net.tcp://h/x",
]


@pytest.mark.parametrize("text", BAD_VIAS)
def test_bad_vias(text: str) -> None:
    """What is no address is an AddressError that says why, also as a base address."""
    for parse in (parse_via, parse_base_address):
        with pytest.raises(AddressError) as caught:
            parse(text)
        assert len(str(caught.value)) > 15


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("http://h/x", "net.tcp"),
        ("net.pipe://h/x", "net.tcp"),
        ("net.tcp://user@h/x", "user"),
        ("net.tcp://h/x?y", "query"),
        ("net.tcp://h/x#y", "fragment"),
        ("net.tcp://h/" + "é" * 1024, "2048"),
    ],
)
def test_bad_base_addresses(text: str, word: str) -> None:
    """What a via may have and a base address may not is named."""
    with pytest.raises(AddressError, match=word):
        parse_base_address(text)


@pytest.mark.parametrize(
    ("text", "mode", "host", "expected"),
    [
        ("net.tcp://+/a", None, "+", STRONG),
        ("net.tcp://*/a", None, "*", WEAK),
        ("net.tcp://h/a", None, "h", EXACT),
        ("net.tcp://H/a", EXACT, "h", EXACT),
        ("net.tcp://h/a", STRONG, "+", STRONG),
        ("net.tcp://h/a", WEAK, "*", WEAK),
        ("net.tcp://+/a", WEAK, "*", WEAK),
        ("net.tcp://*/a", STRONG, "+", STRONG),
    ],
)
def test_modes(
    text: str, mode: HostNameComparisonMode | None, host: str, expected: HostNameComparisonMode
) -> None:
    """The mode is told, or the host tells; with a wildcard mode the host does not count."""
    address = parse_base_address(text, mode)
    assert (address.host, address.mode) == (host, expected)
    assert parse_base_address(str(address)) == address


@pytest.mark.parametrize("text", ["net.tcp://+/a", "net.tcp://*/a"])
def test_wildcards_are_not_exact(text: str) -> None:
    """A wildcard cannot be compared exactly."""
    with pytest.raises(AddressError, match="exactly"):
        parse_base_address(text, EXACT)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("net.tcp://H:808//App//Orders/", "net.tcp://h/App/Orders"),
        ("NET.TCP://+:9000", "net.tcp://+:9000/"),
        ("net.tcp://h/a\\b", "net.tcp://h/a/b"),
        ("net.tcp://[0::1]:9/X", "net.tcp://[::1]:9/X"),
        ("net.tcp://h/%C3%A4 b", "net.tcp://h/%C3%A4 b"),
    ],
)
def test_shown_as_written(text: str, shown: str) -> None:
    """People see the path as it was written, tidied."""
    assert str(parse_base_address(text)) == shown


def test_the_key() -> None:
    """Spellings of one registration have one key; mode and port are part of it."""
    key = parse_base_address("net.tcp://+:808/App").key
    assert parse_base_address("net.tcp://+//aPP/").key == key
    assert parse_base_address("net.tcp://h/app", STRONG).key == key
    assert parse_base_address("net.tcp://*/app").key != key
    assert parse_base_address("net.tcp://+:809/app").key != key


@given(
    st.text(max_size=60) | st.text(st.sampled_from("net.tcp:/\\[]%2FfEe5C@+*?#1 ä"), max_size=60)
)
@example("net.tcp://[%]/")
@example("net.tcp://[1%\x00]/")
@example("net.tcp://h/\ud800")
@example("net.tcp://\ud800/")
def test_any_text(text: str) -> None:
    """Any text is an address, or an AddressError with a sentence, and never anything else."""
    for candidate in (text, f"net.tcp://{text}", f"net.tcp://h/{text}"):
        via = address = None
        refusals = []
        try:
            via = parse_via(candidate)
        except AddressError as error:
            refusals.append(str(error))
        try:
            address = parse_base_address(candidate)
        except AddressError as error:
            refusals.append(str(error))
        assert all(refusals)
        assert via is None or all(via.segments)
        assert address is None or parse_base_address(str(address)) == address


@given(st.text(st.sampled_from("aB./\\%2Ef~"), max_size=40))
@example("/.")
@example("/a/..")
@example("/...")
@example("/a.b")
def test_usual_paths_are_read_no_differently(path: str) -> None:
    """A path with nothing unusual in it is read in a shorter way, to the same end."""
    usual = parse_via(f"net.tcp://h/{path}").segments
    unusual = parse_via(f"net.tcp://h/{path}/\u00e4").segments  # takes the longer way
    assert unusual == (*usual, "\u00c4")


SEGMENT = st.text(st.sampled_from("aBä.%2F~ -"), min_size=1, max_size=6)


@given(st.lists(SEGMENT, max_size=4), st.data())
def test_escaped_and_unescaped_forms_match(segments: list[str], data: st.DataObject) -> None:
    """However many of its characters are escaped, a path stays the same path."""
    plain = "/".join(segments).replace("%", "%25")
    escaped = ""
    for c in plain:
        if c != "/" and c != "%" and not c.isdigit() and data.draw(st.booleans()):
            escaped += "".join(f"%{byte:02X}" for byte in c.encode())
        else:
            escaped += c
    assert parse_via(f"net.tcp://h/{plain}") == parse_via(f"net.tcp://h/{escaped}")


def test_long_vias_are_not_remembered() -> None:
    """Clients choose them, and thousands of them would fill the memory."""
    remembered = _known_via.cache_info().currsize, _known_authority.cache_info().currsize
    deep, wide = f"net.tcp://h{'/v' * 1000}", f"net.tcp://{'h' * 1000}/v"
    assert parse_via(deep).segments == ("v",) * 1000
    assert parse_via(wide).host == "h" * 1000
    assert _known_via.cache_info().currsize == remembered[0]
    assert _known_authority.cache_info().currsize <= remembered[1] + 1
