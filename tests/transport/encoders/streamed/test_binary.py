"""Streamed messages in binary."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message
from netshare.transport.xml import XmlException
from tests.helpers.streamed import receive

ENVELOPE = encoder_for("binary").encode(Message("urn:a"))[:-2]
#: <x>, and </x></Body></Envelope>.
X, ENDS = b"\x40\x01x", b"\x01\x01\x01"


@pytest.mark.parametrize(
    ("records", "content"),
    [
        (b"\x9e\x03abc", b"abc"),
        (b"\x9e\x03abc\xa0\x03\x00def\xa2\x03\x00\x00\x00ghi", b"abcdefghi"),
        (b"\x98\x04YWJj", b"abc"),
        (b"\x9a\x02\x00YW\x98\x02Jj", b"abc"),
        (b"\xb6\x08Y\x00W\x00J\x00j\x00", b"abc"),
        (b"\x98\x02\r\n\x9e\x03abc\x02\x04note", b"abc"),
        (b"\xa8", b""),
        (b"", b""),
    ],
)
def test_content(records: bytes, content: bytes) -> None:
    """Content can be bytes, characters of base64 and blanks in records of any kind and length."""
    data = ENVELOPE + X + records + ENDS
    for cut in (1, 2, 1000):
        assert receive(encoder_for("binary"), data, cut)[1:] == (content, [("x", "")])


@pytest.mark.parametrize(
    "records",
    [
        b"\x9e\x03abc" + X + b"\x01",
        b"\x98\x04Y?Jj",
        b"\xa2\xff\xff\xff\xff",
        b"\x03" + X + b"\x01\x8b\x01\x01\x00",
        b"\x9f\x03abc\x9e\x03abc",
        b"\x00",
    ],
)
def test_no_content(records: bytes) -> None:
    """Elements beside the content, arrays, and what is no record at all are errors."""
    data = ENVELOPE + X + records + ENDS
    for cut in (1, 1000):
        with pytest.raises(XmlException):
            receive(encoder_for("binary"), data, cut)
