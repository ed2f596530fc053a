"""Text for people: tables, widths, ages."""

from __future__ import annotations

import sys

import pytest

from netshare.cli.terminal import (
    Column,
    age,
    clean,
    for_terminal,
    local_time,
    plural,
    shorten,
    table,
    width,
    wrap,
)

# 2026-05-04T12:00:00Z
NOW = 1777896000.0


@pytest.mark.parametrize(
    ("text", "limit", "middle", "expected"),
    [
        ("short", 5, False, "short"),
        ("longer", 5, False, "long…"),
        ("abcdefghij", 7, True, "abc…hij"),
        ("abcdefghij", 6, True, "abc…ij"),
        ("日本語", 5, False, "日本…"),
        ("日本語", 4, False, "日…"),
        ("anything", 1, False, "…"),
        ("anything", 0, False, ""),
    ],
)
def test_shorten(text: str, limit: int, middle: bool, expected: str) -> None:
    """A text that does not fit loses its end, or its middle, and says so with an ellipsis."""
    assert shorten(text, limit, middle) == expected
    assert width(shorten(text, limit, middle)) <= limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("net.tcp://+/Grüße", "net.tcp://+/Grüße"),
        ("a\x1b[2Jb\nc", "a\\x1b[2Jb\\nc"),
        ("a\u202eb", "a\\u202eb"),
        (17, "17"),
    ],
)
def test_clean(text: object, expected: str) -> None:
    """Control characters in what others chose are shown, not obeyed."""
    assert clean(text) == expected


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1)])
def test_width(text: str, columns: int) -> None:
    """Wide characters take two columns, combining ones none."""
    assert width(text) == columns


def test_table_aligns() -> None:
    """Texts stand to the left, numbers to the right, and no line ends in blanks."""
    assert table([Column("NAME"), Column("N", right=True), Column("X")], [["a", "12", ""]]) == [
        "NAME   N  X",
        "a     12",
    ]


@pytest.mark.parametrize("limit", [40, 24, 18])
def test_table_keeps_to_the_limit(limit: int) -> None:
    """Columns that may be shortened are, the last one first, until the table fits."""
    columns = [Column("FIRST", least=6), Column("FIXED"), Column("LAST", least=3)]
    lines = table(columns, [["a" * 20, "fixed", "b" * 20]], limit)
    assert all(width(line) <= limit for line in lines)
    assert "fixed" in lines[1]


def test_table_never_shortens_fixed_columns() -> None:
    """A table that cannot fit stays too wide rather than lose what must be whole."""
    assert table([Column("A")], [["0123456789"]], 4)[1] == "0123456789"


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-05-04T12:00:00+00:00", "0 s"),
        ("2026-05-04T11:58:01+00:00", "119 s"),
        ("2026-05-04T11:58:00+00:00", "2 min"),
        ("2026-05-04T10:00:00+00:00", "2 h"),
        ("2026-05-02T12:00:00+00:00", "2 d"),
        ("2026-05-04T12:00:09+00:00", "0 s"),
        ("2026-05-04T14:00:00+02:00", "0 s"),
        ("yesterday", "-"),
        (None, "-"),
    ],
)
def test_age(since: str | None, expected: str) -> None:
    """An age has one unit, is never negative, and is a dash where there is no time."""
    assert age(since, NOW) == expected


def test_local_time_of_nothing() -> None:
    """A time that cannot be read is a dash."""
    assert local_time("soon") == local_time(None) == "-"


def test_plural() -> None:
    """One thing, more things, in digits that can be read."""
    assert plural(1, "address", "addresses") == "1 address"
    assert plural(0, "time") == "0 times"
    assert plural(12345, "address", "addresses") == "12,345 addresses"


def test_wrap() -> None:
    """Sentences break between words, addresses stay whole, later lines are indented."""
    text = "served by net.tcp://a-b.example/with-hyphens and others"
    assert wrap(text, None) == [text]
    assert wrap(text, 30, 4) == [
        "served by",
        "    net.tcp://a-b.example/with-hyphens",
        "    and others",
    ]


def test_xml_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal no control character comes through, elsewhere everything is as it is."""
    text = "<a>\x9b31m\x7f\u202eé\n\t</a>"
    assert for_terminal(text) == text
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert for_terminal(text) == "<a>&#x9B;31m&#x7F;&#x202E;é\n\t</a>"
