"""What the tests of the transport start from."""

from __future__ import annotations

import pytest

from tests.helpers.world import World


@pytest.fixture
def world() -> World:
    """A reactor in memory, with hosts and clients."""
    return World()
