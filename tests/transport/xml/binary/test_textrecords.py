"""Text records one by one."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from netshare.transport.xml import (
    XmlException,
    build_tree,
    to_xml,
)
from netshare.transport.xml.binary import read_document, read_events
from tests.helpers.reading import DOC, carefully

_A300 = bytes(range(250)) + bytes(50)


@pytest.mark.parametrize(
    ("records", "values"),
    [
        # What .NET writes: whole groups of three, and what remains.
        ("a02c01" + _A300.hex() + "9f0207f8", [_A300 + b"\x07\xf8"]),
        ("a02c01" + _A300.hex() + "9f0107", [_A300 + b"\x07"]),
        ("a22c010000" + _A300.hex() + "9f0207f8", [_A300 + b"\x07\xf8"]),
        ("a02c01" + _A300.hex() + "9e0207f8 01", [_A300 + b"\x07\xf8"]),
        ("a02c01" + _A300.hex() + "9f00", [_A300]),
        # What does not end with a group is base64 of its own.
        ("a02b01" + _A300[1:].hex() + "9f0207f8", [_A300[1:], b"\x07\xf8"]),
        # Somebody else's ways.
        ("a02c01" + _A300.hex() + "01", [_A300]),
        ("a12c01" + _A300.hex(), [_A300]),
        ("a02c01" + _A300.hex() + "a10100ff", [_A300, b"\xff"]),
        ("a02c01" + _A300.hex() + "990161", [_A300, "a"]),
        ("a02c01" + _A300.hex() + "9e0161 9f0162", [_A300 + b"a", b"b"]),
    ],
)
def test_long_bytes(records: str, values: list[Any]) -> None:
    """Bytes that .NET writes in two records are one value; as text nothing is different."""
    data = bytes.fromhex((DOC + records).replace(" ", ""))
    for events in (read_events(data), carefully(data)):
        root = build_tree(events).root
        assert list(root.children) == values
        text = "".join(b64encode(v).decode() if isinstance(v, bytes) else v for v in values)
        assert to_xml(read_document(data)) == f"<doc>{text}</doc>"


@pytest.mark.parametrize("rest", ["", "9f", "9f02", "9f0207", "9e0207f8", "a1", "8000"])
def test_long_bytes_that_end_early(rest: str) -> None:
    """Whatever is missing behind long bytes, it is an unexpected end, or another complaint."""
    with pytest.raises(XmlException):
        read_events(bytes.fromhex(DOC + "a02c01" + _A300.hex() + rest))
    with pytest.raises(XmlException):
        read_events(bytes.fromhex(DOC + "a02c01" + _A300[:-1].hex()))
