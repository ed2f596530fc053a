"""What goes wrong with XML in any encoding, as one family of exceptions."""

from __future__ import annotations

__all__ = ["BAD_FORMAT", "QuotaExceeded", "SessionInvalid", "XmlException"]

#: .NET's general complaint about bytes that are no binary XML.
BAD_FORMAT = "The input source is not correctly formatted"


class XmlException(Exception):
    """
    The XML cannot be read, or cannot be written.

    :param message: what is wrong.
    :param offset: byte offset into the document at which it was noticed, ``None`` when there is
        none (writing, conversions).
    """

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset

    def __str__(self) -> str:
        if self.offset is None:
            return self.message
        return f"{self.message} (at byte {self.offset})"


class QuotaExceeded(XmlException):
    """The XML is well formed as far as it was read, but asks for more than a quota allows."""


class SessionInvalid(XmlException):
    """A string table of the session could not be read; nothing more can be read with it."""
