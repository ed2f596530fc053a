"""netshare.framing.records: what is written."""

from __future__ import annotations

import pytest

from netshare.framing.records import (
    KNOWN_ENCODINGS,
    encoding_record,
    preamble,
)


def test_a_via_that_nobody_would_read_is_not_written() -> None:
    """Writing a via of 2049 bytes is a ValueError that says the limit."""
    with pytest.raises(ValueError, match="2048"):
        preamble("é" * 1024 + "a")


def test_records() -> None:
    """Encodings take the short record where .NET's table has them."""
    for byte, content_type in KNOWN_ENCODINGS.items():
        assert encoding_record(content_type) == bytes((3, byte))
    assert encoding_record("text/xml; charset=utf-16") == b"\x04\x18text/xml; charset=utf-16"
