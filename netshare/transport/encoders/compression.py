"""
Compressed messages: the content types of WCF's binary encoding with ``CompressionFormat``.

A small input can become a large one, so everything here has a ceiling.
"""

from __future__ import annotations

import zlib
from typing import Final

from netshare.transport.xml import QuotaExceeded, XmlException

__all__ = ["Compression", "Decompressor", "compress", "compressor", "decompress"]

#: By the suffix of the content type: zlib's window bits.
Compression: Final = {"gzip": 31, "deflate": -15}
#: How much is made at a time.
_PIECE: Final = 65536
#: How much is looked at at a time: what is behind the end of a gzip member, and there may be
#: thousands of them, is copied for each.
_SLICE: Final = 4096


def compressor(kind: str) -> zlib._Compress:
    """
    :param kind: ``gzip`` or ``deflate``.
    :returns: a new compressing object.
    """
    return zlib.compressobj(wbits=Compression[kind])


def compress(kind: str, data: bytes) -> bytes:
    """:returns: a compressed message; :param kind: ``gzip`` or ``deflate``."""
    made = compressor(kind)
    return made.compress(data) + made.flush()


class Decompressor:
    """
    Expands a compressed message as it comes in.

    :param kind: ``gzip`` or ``deflate``.
    :param limit: bytes that may come out altogether.
    """

    def __init__(self, kind: str, limit: int) -> None:
        self._bits = Compression[kind]
        self._limit = limit
        self._made = 0
        self._object = zlib.decompressobj(self._bits)

    def feed(self, data: bytes) -> bytes:
        """
        :param data: the next bytes.
        :returns: what they stand for.
        :raises QuotaExceeded: more than the limit has come out.
        :raises XmlException: that is no compressed data.
        """
        out: list[bytes] = []
        for at in range(0, len(data), _SLICE):
            self._expand(data[at : at + _SLICE], out)
        return b"".join(out)

    def _expand(self, data: bytes, out: list[bytes]) -> None:
        while data:
            if self._object.eof:
                if self._bits < 0:
                    raise XmlException("There is more after the compressed message")
                # As .NET's GZipStream: one gzip member may follow another.
                self._object = zlib.decompressobj(self._bits)
            room = self._limit - self._made + 1
            try:
                piece = self._object.decompress(data, min(room, _PIECE))
            except zlib.error as error:
                raise XmlException(f"The message cannot be decompressed: {error}") from None
            self._made += len(piece)
            if self._made > self._limit:
                raise QuotaExceeded(f"The message expands to more than {self._limit} bytes")
            out.append(piece)
            data = self._object.unused_data if self._object.eof else self._object.unconsumed_tail

    def finish(self) -> bytes:
        """
        :returns: what was still missing.
        :raises XmlException: the compressed data is cut off.
        :raises QuotaExceeded: more than the limit has come out.
        """
        rest = b"" if self._object.eof else self._object.flush()
        self._made += len(rest)
        if self._made > self._limit:
            raise QuotaExceeded(f"The message expands to more than {self._limit} bytes")
        if not self._object.eof:
            raise XmlException("The compressed message is cut off")
        return rest


def decompress(kind: str, data: bytes, limit: int) -> bytes:
    """
    :param kind: ``gzip`` or ``deflate``.
    :param data: a whole compressed message.
    :param limit: bytes that it may become.
    :returns: the message.
    :raises QuotaExceeded: it becomes more.
    :raises XmlException: that is no compressed data.
    """
    expanding = Decompressor(kind, limit)
    return expanding.feed(data) + expanding.finish()
