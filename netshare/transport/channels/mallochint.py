"""
Large messages and the C library's memory.
"""

from __future__ import annotations

__all__ = ["expect_messages"]

#: Messages of so many bytes need nothing: their memory is not given back after each.
_SMALL = 65536
#: Several messages of a size are in memory at once, in parts and whole ...
_TIMES = 4
#: ... but so many bytes are enough.
_MOST = 16 * 1024 * 1024

_expected = 0


def expect_messages(size: int) -> None:
    """
    Let the process keep the memory of large messages for the next ones.

    Memory that is freed at the end of the heap goes back to the system when it is more than twice
    the largest block that was ever freed, as after each large message; getting it again, page by
    page, takes longer than everything else that is done with the message. glibc takes the
    measure from what it sees, so it is shown a block, whose pages are never touched. Other C
    libraries do not mind.

    :param size: of the largest message that may come, in bytes
    """
    global _expected
    wanted = min(size * _TIMES, _MOST)
    if size > _SMALL and wanted > _expected:
        _expected = wanted
        bytes(wanted)
