"""
The vocabulary of [MC-NMF]: record types, modes and encodings.
"""

from __future__ import annotations

from enum import IntEnum

from netshare.framing.sizes import encode_size

#: The longest via that WCF reads, in bytes of UTF-8.
MAX_VIA_SIZE = 2048

#: The longest content type and the longest upgrade name that WCF reads, in bytes.
MAX_CONTENT_TYPE_SIZE = 256


class RecordType(IntEnum):
    """[MC-NMF] 2.2.1: the first byte of every record."""

    VERSION = 0x00
    MODE = 0x01
    VIA = 0x02
    KNOWN_ENCODING = 0x03
    EXTENSIBLE_ENCODING = 0x04
    UNSIZED_ENVELOPE = 0x05
    SIZED_ENVELOPE = 0x06
    END = 0x07
    FAULT = 0x08
    UPGRADE_REQUEST = 0x09
    UPGRADE_RESPONSE = 0x0A
    PREAMBLE_ACK = 0x0B
    PREAMBLE_END = 0x0C


class Mode(IntEnum):
    """
    [MC-NMF] 2.2.3.2: how messages follow the preamble. TCP uses the first two only.
    """

    SINGLETON = 0x01
    DUPLEX = 0x02
    SIMPLEX = 0x03
    SINGLETON_SIZED = 0x04


#: [MC-NMF] 2.2.3.4.1: what the one byte of a KnownEncoding record stands for, as .NET spells it.
KNOWN_ENCODINGS = {
    0x00: "text/xml; charset=utf-8",
    0x01: "text/xml; charset=utf16",
    0x02: "text/xml; charset=unicodeFFFE",
    0x03: "application/soap+xml; charset=utf-8",
    0x04: "application/soap+xml; charset=utf16",
    0x05: "application/soap+xml; charset=unicodeFFFE",
    0x06: "multipart/related",
    0x07: "application/soap+msbin1",
    0x08: "application/soap+msbinsession1",
}

_KNOWN_BYTES = {content_type: byte for byte, content_type in KNOWN_ENCODINGS.items()}

#: The content type of NetTcpBinding in its default, buffered mode.
BINARY_SESSION = KNOWN_ENCODINGS[0x08]

#: The content type of NetTcpBinding in the streamed modes.
BINARY = KNOWN_ENCODINGS[0x07]

#: The names of the two stream upgrades that WCF has.
SSL_TLS_UPGRADE = "application/ssl-tls"
NEGOTIATE_UPGRADE = "application/negotiate"

PREAMBLE_ACK = bytes((RecordType.PREAMBLE_ACK,))
PREAMBLE_END = bytes((RecordType.PREAMBLE_END,))
UPGRADE_RESPONSE = bytes((RecordType.UPGRADE_RESPONSE,))
END = bytes((RecordType.END,))


def text_record(record_type: RecordType, text: str) -> bytes:
    """
    A record whose payload is a size and a text: Via, ExtensibleEncoding, UpgradeRequest, Fault.
    """
    payload = text.encode("utf-8")
    return bytes((record_type,)) + encode_size(len(payload)) + payload


def encoding_record(content_type: str) -> bytes:
    """
    The record that names a content type, the short one where the table has it as .NET spells it.
    """
    known = _KNOWN_BYTES.get(content_type)
    if known is not None:
        return bytes((RecordType.KNOWN_ENCODING, known))
    return text_record(RecordType.EXTENSIBLE_ENCODING, content_type)


def preamble(
    via: str,
    mode: Mode = Mode.DUPLEX,
    content_type: str = BINARY_SESSION,
    upgrade: str | None = None,
) -> bytes:
    """
    What a client sends first: version, mode, via and encoding, then PreambleEnd, or the request
    for an upgrade (PreambleEnd then follows inside the upgraded stream). [MC-NMF] 2.2.4.1.

    :param via: the address, escaped as ``Uri.AbsoluteUri`` is; at most 2048 bytes
    :raises ValueError: the via is too long
    """
    size = len(via.encode("utf-8"))
    if size > MAX_VIA_SIZE:
        raise ValueError(f"the via has {size} bytes; no WCF service reads more than {MAX_VIA_SIZE}")
    return b"".join(
        (
            bytes((RecordType.VERSION, 1, 0, RecordType.MODE, mode)),
            text_record(RecordType.VIA, via),
            encoding_record(content_type),
            text_record(RecordType.UPGRADE_REQUEST, upgrade) if upgrade else PREAMBLE_END,
        )
    )
