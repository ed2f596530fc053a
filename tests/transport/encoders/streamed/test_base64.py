"""Base64 that comes in pieces."""

from __future__ import annotations

import base64

import pytest

from netshare.transport.encoders.streamed.base64 import Base64Pieces
from netshare.transport.xml import XmlException


def decode(text: str, cut: int) -> bytes:
    """The bytes of a text that comes in pieces of *cut* characters."""
    pieces = Base64Pieces()
    out = b"".join(pieces.feed(text[at : at + cut]) for at in range(0, len(text), cut))
    pieces.finish()
    return out


@pytest.mark.parametrize("size", range(8))
@pytest.mark.parametrize("cut", [1, 2, 3, 5, 100])
def test_any_pieces(size: int, cut: int) -> None:
    """However the characters are cut, the bytes are those that were encoded, blanks or not."""
    content = bytes(range(size))
    text = base64.b64encode(content).decode()
    for given in (text, "\r\n ".join(text)):
        assert decode(given, cut) == content


@pytest.mark.parametrize("text", ["AA==AAAA", "A?AA", "====", "AAA=A"])
def test_no_base64(text: str) -> None:
    """What is no base64 is refused, also when that shows only in the next piece."""
    for cut in (1, 4, 100):
        with pytest.raises(XmlException, match="no base64"):
            decode(text, cut)


def test_its_end_is_missing() -> None:
    """A group of four that is not complete is noticed at the end."""
    pieces = Base64Pieces()
    pieces.feed("AAA")
    with pytest.raises(XmlException, match="its end is missing"):
        pieces.finish()
