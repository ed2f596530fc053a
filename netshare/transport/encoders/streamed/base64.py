"""
Base64 that comes in pieces.
"""

from __future__ import annotations

import binascii

from netshare.transport.xml import XmlException

__all__ = ["Base64Pieces"]


class Base64Pieces:
    """Characters of base64, in pieces of any length."""

    def __init__(self) -> None:
        self._rest = ""
        self._padded = False

    def feed(self, text: str) -> bytes:
        """:returns: the bytes of all whole groups of four characters."""
        text = self._rest + "".join(text.split())
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        if self._padded and text:
            raise XmlException("The streamed content is no base64: it goes on after its end")
        self._padded = text[:whole].endswith("=")
        try:
            return binascii.a2b_base64(text[:whole], strict_mode=True)
        except (binascii.Error, ValueError) as error:
            raise XmlException(f"The streamed content is no base64: {error}") from None

    def finish(self) -> None:
        """:raises XmlException: a group of four is not complete."""
        if self._rest:
            raise XmlException("The streamed content is no base64: its end is missing")
