"""netshare.sockets.descriptors: how many this process may still open."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest

from netshare.sockets.descriptors import (
    nearly_the_last,
    raise_descriptor_limit,
    room_for,
    spare,
)


@pytest.fixture
def limit() -> Iterator[int]:
    """The soft limit, a little above what is open; it is as it was in the end."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    soft = highest + 84
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    yield soft
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_is_raised(limit: int) -> None:
    """It becomes the hard one, which needs no permission."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raise_descriptor_limit() == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    assert raise_descriptor_limit() == hard


def test_a_high_number_tells(limit: int) -> None:
    """A number far below the limit means that there is room, a high one that there may be none."""
    assert not nearly_the_last(3, 5)
    assert not nearly_the_last(limit - spare(limit) - 6, 5)
    assert nearly_the_last(limit - spare(limit) - 5, 5)


def test_counting(limit: int) -> None:
    """There is room as long as enough is left for everything else."""
    count = len(os.listdir("/proc/self/fd"))
    assert room_for(limit - spare(limit) - count)
    assert not room_for(limit - spare(limit) - count + 1)


@pytest.mark.parametrize(("limit", "left"), [(120, 15), (1024, 64), (1_000_000, 64)])
def test_a_small_limit_has_room_too(limit: int, left: int) -> None:
    """What is left for others is a part of a small limit, and never all of it."""
    assert spare(limit) == left
