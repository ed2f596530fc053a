"""Limits on what a reader accepts, with .NET's names and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["BINDING_QUOTAS", "BUFFERED_QUOTAS", "INT_MAX", "MAX_QUOTAS", "ReaderQuotas"]

INT_MAX: Final = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class ReaderQuotas:
    """
    ``XmlDictionaryReaderQuotas`` and one limit more.

    The values a new instance has are those that WCF really uses for a buffered message when the
    binding says nothing: depth 128 and, since the message size is limited already, no more.

    :param max_depth: nesting of elements.
    :param max_string_content_length: characters of text in one run inside one element.
    :param max_array_length: elements of one array record, bytes of one byte array.
    :param max_bytes_per_read: bytes of the attributes of one start tag.
    :param max_name_table_char_count: characters of all different names and namespaces together.
    :param max_nodes: nodes of a document, array elements included. .NET has no such limit; a
        byte of input may cost a node, which is some hundred bytes of memory.
    :param max_expansion: characters of the text form. Dictionary strings and arrays let a small
        document stand for a large text (the name of an array's element appears once in binary
        and twice per item in text).
    """

    max_depth: int = 128
    max_string_content_length: int = INT_MAX
    max_array_length: int = INT_MAX
    max_bytes_per_read: int = INT_MAX
    max_name_table_char_count: int = INT_MAX
    max_nodes: int = 2_000_000
    max_expansion: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")


#: What WCF uses for buffered messages when the binding says nothing.
BUFFERED_QUOTAS: Final = ReaderQuotas()
#: What a binding shows as its defaults, and what WCF uses for streamed messages.
BINDING_QUOTAS: Final = ReaderQuotas(32, 8192, 16384, 4096, 16384)
#: ``XmlDictionaryReaderQuotas.Max``: trusted input only.
MAX_QUOTAS: Final = ReaderQuotas(INT_MAX, max_nodes=INT_MAX, max_expansion=INT_MAX)
