"""Tests for :mod:`netshare.transport.channels.mallochint`."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

WORK = """
import resource, sys
from netshare.transport.channels.mallochint import expect_messages

def message():
    parts = [b"x" * 64000 for _ in range(16)]
    whole = b"".join(parts)
    return whole[1:]

size = int(sys.argv[1])
if size:
    expect_messages(size)
for _ in range(3):
    message()
before = resource.getrusage(resource.RUSAGE_SELF)
for _ in range(20):
    message()
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_minflt - before.ru_minflt, after.ru_maxrss)
"""


def run(size: int) -> tuple[int, int]:
    """:returns: page faults of twenty messages, and the most resident memory in KiB"""
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(size)], capture_output=True, text=True, check=True
    )
    faults, resident = map(int, done.stdout.split())
    return faults, resident


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another one")
def test_memory_of_messages_is_kept() -> None:
    """Large messages that were expected do not cost their pages each time, nor other memory."""
    unexpected, resident = run(0)
    small, _ = run(65536)
    expected, resident_then = run(1 << 20)
    largest, resident_largest = run(1 << 40)
    assert unexpected > 20 * 200
    assert small > 20 * 200
    assert expected < unexpected / 10
    assert largest < unexpected / 10
    assert max(resident_then, resident_largest) < resident + 2048
