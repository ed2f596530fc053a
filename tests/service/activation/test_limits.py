"""What a process may take, and come to."""

from __future__ import annotations

import pytest

from netshare.service.activation.limits import KILL_AFTER, Limits, RecycleAfter
from netshare.worker.child import DRAIN


def test_a_worker_knows_its_time() -> None:
    """What it gives its connections at SIGTERM is less than what it is given."""
    assert Limits().stop == KILL_AFTER > DRAIN


@pytest.mark.parametrize(
    ("after", "any_limit"),
    [
        (RecycleAfter(), False),
        (RecycleAfter(age=1.0), True),
        (RecycleAfter(connections=1), True),
        (RecycleAfter(memory=1), True),
        (RecycleAfter(files=("a",)), True),
    ],
)
def test_whether_there_is_any(after: RecycleAfter, any_limit: bool) -> None:
    """Without a limit there is nothing to look at."""
    assert bool(after) is any_limit
