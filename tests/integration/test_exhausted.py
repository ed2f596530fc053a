"""The kernel carries no more descriptors for the service's user: clients wait, on both lanes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: A user whom the kernel does not exempt.
USER = 65534


@pytest.mark.parametrize("lane", ["fast", "plain"])
def test_too_many_descriptors_under_way(lane: str) -> None:
    """The worker keeps its link and its address, and serves when others have read theirs."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.integration.exhausting", lane, str(USER)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    lines = [os.strerror(errno.ETOOMANYREFS), "at rest", "ended: 0", "served: 5", "link: the same"]
    assert ended.stdout.splitlines() == lines
