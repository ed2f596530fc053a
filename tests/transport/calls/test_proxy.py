"""Objects whose methods are operations."""

from __future__ import annotations

import pytest

from tests.helpers.world import World


def test_the_operations_of_a_channel(world: World) -> None:
    """They are there under their names, the same object each time, and nothing else is."""
    world.serve()
    operations = world.channel().operations
    assert set(dir(operations)) > {"Count", "Wait", "Relay", "BreakQuietly"}
    assert operations.Count is operations.Count
    assert operations.Count.__name__ == "Count"
    with pytest.raises(AttributeError, match="ITest has no operation Missing"):
        _ = operations.Missing
    assert world.now(operations.Count()) == 1
