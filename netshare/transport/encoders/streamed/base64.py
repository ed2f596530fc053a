"""
What the readers of streamed messages in binary and in text have in common.

Both find the body first, and give the message once it is known what the body begins with. Then
they either collect the rest or let its content out, of which they never hold more than one piece.
"""

from __future__ import annotations

import binascii
from typing import Protocol

from netshare.transport.soap.message import Message
from netshare.transport.xml import XmlException

__all__ = ["Base64Pieces", "BodyReader"]


class BodyReader(Protocol):
    """One reading of one streamed message."""

    @property
    def path(self) -> list[tuple[str, str]]:
        """Names of the elements around the content, as far as known."""

    def headers(self, data: bytes) -> Message | None:
        """:returns: the message once its headers and the name of its body's child are there."""

    def stream(self, data: bytes) -> list[bytes]:
        """:returns: the streamed content that further bytes bring."""

    def end_stream(self) -> list[bytes]:
        """:returns: the rest of the content; :raises XmlException: the document is cut off."""

    def collect(self, data: bytes) -> None:
        """Keep further bytes of the body."""

    def end_body(self, message: Message) -> None:
        """Put the collected body into the message."""


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
