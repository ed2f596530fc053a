"""
The variable-length size of [MC-NMF] 2.2.2: seven bits a byte, least significant group first.

A size takes one to five bytes. The specification allows 32 bits; .NET stops at ``0x7FFFFFFF``
(product note 2), and so do we. Longer forms of the same number (``81 00``) are accepted, as
.NET accepts them, but never written.
"""

from __future__ import annotations

#: The largest size that .NET's decoder takes.
MAX_SIZE = 0x7FFFFFFF

#: What :func:`decode_size` returns for bytes that stop in the middle of a size.
NEED_MORE = -1

#: What :func:`decode_size` returns for a size above :data:`MAX_SIZE`.
TOO_LARGE = -2


def encode_size(size: int) -> bytes:
    """
    Write a size in its shortest form.

    :param size: 0 to :data:`MAX_SIZE`
    :raises ValueError: the size is outside that range
    """
    if 0 <= size < 0x80:
        return bytes((size,))
    if not 0 <= size <= MAX_SIZE:
        raise ValueError(f"a framing size lies between 0 and {MAX_SIZE:#x}, not {size}")
    encoded = bytearray()
    while size >= 0x80:
        encoded.append(size & 0x7F | 0x80)
        size >>= 7
    encoded.append(size)
    return bytes(encoded)


def decode_size(data: bytes | bytearray | memoryview, at: int = 0) -> tuple[int, int]:
    """
    Read the size that begins at an offset.

    :returns: the size and the offset behind it; :data:`NEED_MORE` or :data:`TOO_LARGE` in place
        of the size where there is none, with the offset of the size's first byte
    """
    size = shift = 0
    for index in range(at, min(at + 5, len(data))):
        byte = data[index]
        if shift == 28 and byte & 0xF8:
            return TOO_LARGE, at
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size, index + 1
        shift += 7
    return NEED_MORE, at
