"""What a stranger's text, names and declarations cost: no more than their length."""

from __future__ import annotations

import gzip
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from netshare.addresses import AddressError, parse_base_address, parse_via
from netshare.transport.datacontracts import scalars
from netshare.transport.encoders.compression import decompress
from netshare.transport.xml import (
    Attribute,
    Element,
    Name,
    NamespaceDeclaration,
    TextWriter,
    XmlCursor,
    XmlException,
    XmlWriter,
    conversions,
    decode_name,
    encode_name,
    moments,
    parse_events,
    timespan,
)
from netshare.transport.xml.binary import BinaryWriter, encode, read_events

CONVERSIONS = [
    *(getattr(conversions, name) for name in conversions.__all__ if name.startswith("as_")),
    *(scalar.from_wire for scalar in scalars.SCALARS.values()),
]
#: Beginnings and endings between which there can be as many characters as one likes.
SHAPES = [
    ("", "1", "x"),
    ("", "1", ""),
    ("-", "1", "e"),
    ("1.", "1", "x"),
    (".", "1", "e99999"),
    ("1e", "1", "x"),
    ("", "0", "1"),
    ("P", "1", ""),
    ("P", "1", "D"),
    ("PT", "1", "Sx"),
    ("PT1.", "1", "x"),
    ("2020-01-01T00:00:00.", "1", "x"),
    ("2020-01-01T00:00:00.", "0", "Z"),
    ("", "a", ""),
    ("{", "a", "}"),
    ("urn:uuid:", "0", ""),
    ("", "0-", ""),
    ("", "A", "?"),
    ("", "A ", "="),
    ("", "=", ""),
    ("", " ", "x"),
    ("x", " ", ""),
    ("", "é", ""),
    ("net.tcp://", "a", "/p"),
    ("net.tcp://", "a@", "/p"),
    ("net.tcp://h/", "../", ""),
    ("net.tcp://h/", "%2F", "x"),
    ("net.tcp://[", "1", "]/"),
    ("net.tcp://h:", "9", "/"),
    ("a", "_x0041", ""),
    ("a", "_x0041_", ""),
]
#: A second for each is a hundred times what it takes; the patterns that were quadratic took 27
#: seconds for 40,000.
LENGTH, SECONDS = 100_000, 1.0


def taken(work: Callable[[], Any]) -> float:
    """The processor time of some work, refused or done."""
    begun = time.thread_time()
    try:
        work()
    except (XmlException, AddressError):
        pass
    return time.thread_time() - begun


@pytest.mark.parametrize(("begin", "middle", "end"), SHAPES)
def test_any_text(begin: str, middle: str, end: str) -> None:
    """Every conversion answers for a text of any length and shape, in time."""
    text = begin + middle * (LENGTH // len(middle)) + end
    for convert in (*CONVERSIONS, parse_via, parse_base_address, decode_name, encode_name):
        assert taken(partial(convert, text)) < SECONDS, convert


class Watched:
    """A pattern that notes how much it is given to look at."""

    def __init__(self, pattern: re.Pattern[str], seen: list[int]) -> None:
        self.pattern = pattern
        self.seen = seen

    def fullmatch(self, text: str, begin: int = 0) -> re.Match[str] | None:
        self.seen.append(len(text))
        return self.pattern.fullmatch(text, begin)


def test_length_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pattern is ever asked about more characters than a value of the type can have."""
    seen: list[int] = []
    watched = 0
    for module in (conversions, moments, timespan):
        for name, value in vars(module).copy().items():
            if isinstance(value, re.Pattern):
                monkeypatch.setattr(module, name, Watched(value, seen))
                watched += 1
    assert watched == 6
    for begin, middle, end in SHAPES:
        for count in (1, 20, 50, 100, 3000, 6000):
            for convert in CONVERSIONS:
                taken(partial(convert, begin + middle * count + end))
    assert len(seen) > 500
    assert max(seen) <= 2048


def steps(work: Callable[[], object], names: tuple[str, ...]) -> int:
    """How many lines of these functions some work runs."""
    count = 0

    def line(frame: Any, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: Any, event: str, _: object) -> Any:
        return line if frame.f_code.co_name in names else None

    sys.settrace(call)
    try:
        work()
    finally:
        sys.settrace(None)
    return count


def declarations(count: int) -> tuple[NamespaceDeclaration, ...]:
    return tuple(NamespaceDeclaration(f"p{n}", f"urn:{n}") for n in range(count))


def test_prefixes_that_are_looked_up() -> None:
    """Types by name, in an element with many declarations, do not look through them each time."""

    def work(count: int) -> int:
        kind = Attribute(Name("i", "type", "urn:i"), f"p{count - 1}:T")
        children = tuple(Element(Name("", "x"), (kind,), (1,)) for _ in range(count))
        around = (NamespaceDeclaration("i", "urn:i"), *declarations(count))
        events = read_events(encode(Element(Name("", "r"), around, children)))
        cursor = XmlCursor(events)

        def read() -> None:
            cursor.root()
            cursor.enter()
            while cursor.next() is not None:
                value = cursor.attribute("type", "urn:i")
                assert cursor.resolve(str(value)) == (f"urn:{count - 1}", "T")

        return steps(read, ("resolve", "_declared", "<dictcomp>"))

    assert work(400) < 2.2 * work(200)


@pytest.mark.parametrize("writer", [BinaryWriter, TextWriter])
def test_declarations_of_one_tag(writer: Callable[[], XmlWriter]) -> None:
    """A start tag of many declarations costs as many steps, not the square."""

    def work(count: int) -> None:
        made = writer()
        made.node(Element(Name("", "r"), declarations(count)))

    few = steps(lambda: work(200), ("declare", "_bind", "_close_tag"))
    assert steps(lambda: work(400), ("declare", "_bind", "_close_tag")) < 2.2 * few
    assert taken(lambda: work(20_000)) < SECONDS


def test_many_members_of_gzip() -> None:
    """Thousands of compressed messages in one are not copied for each of them."""
    data = gzip.compress(b"") * 80_000
    assert taken(lambda: decompress("gzip", data, 100)) < 4 * SECONDS


@pytest.mark.parametrize("depth", [1, 100])
def test_deep_and_wide_text(depth: int) -> None:
    """Text is read in time, whatever stands in it."""
    for piece in ("<a b='1'/>", "&#x41;", "<!--c-->", "x ", "<a:b xmlns:a='u'/>"):
        text = "<r>" * depth + piece * 20_000 + "</r>" * depth
        assert taken(partial(parse_events, text)) < 2 * SECONDS, piece
