"""
Character encodings of messages that are text, and how content types name them.
"""

from __future__ import annotations

import codecs
from typing import Final

__all__ = ["CHARSETS", "MARKS", "UTF8", "Charset", "parse_content_type"]


class Charset:
    """
    A character encoding of messages as text.

    :param name: as .NET writes it into content types.
    :param codec: Python's name, without byte order mark.
    :param declaration: what goes in front of each message: mark and XML declaration.
    """

    __slots__ = ("codec", "declaration", "name")

    def __init__(self, name: str, codec: str, mark: bytes = b"", declared: str = "") -> None:
        self.name = name
        self.codec = codec
        text = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        self.declaration = mark + text.encode(codec)


UTF8: Final = Charset("utf-8", "utf-8")
_UTF16LE: Final = Charset("utf-16LE", "utf-16-le", codecs.BOM_UTF16_LE, "utf-16")
_UTF16BE: Final = Charset("utf-16BE", "utf-16-be", codecs.BOM_UTF16_BE, "utf-16BE")
#: The spellings that are understood: .NET's, those of [MC-NMF]'s known encodings, and IANA's.
CHARSETS: Final = {
    "utf-8": UTF8,
    "utf8": UTF8,
    "utf-16": _UTF16LE,
    "utf16": _UTF16LE,
    "utf-16le": _UTF16LE,
    "unicode": _UTF16LE,
    "utf-16be": _UTF16BE,
    "unicodefffe": _UTF16BE,
}
#: By byte order mark.
MARKS: Final = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF16_LE, _UTF16LE),
    (codecs.BOM_UTF16_BE, _UTF16BE),
)


def parse_content_type(content_type: str) -> tuple[str, str]:
    """
    :param content_type: e.g. ``text/xml; charset="utf-8"``.
    :returns: media type in small letters, and charset in small letters (``utf-8`` if not given).
    """
    media, *parameters = content_type.split(";")
    charset = "utf-8"
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip("\"'").lower()
    return media.strip().lower(), charset
