"""From arguments to a result."""

from __future__ import annotations

import pytest

from tests.helpers.world import World


def test_wrong_arguments(world: World) -> None:
    """Arguments that are not the operation's, or of another type, never leave the client."""
    world.serve()
    channel = world.channel()
    with pytest.raises(TypeError, match="Wait: missing a required argument: 'name'"):
        world.now(channel.operations.Wait())
    with pytest.raises(Exception, match="name"):
        world.now(channel.operations.Wait(5))
    with pytest.raises(AttributeError, match="ITest has no operation Wiat"):
        channel.operations.Wiat("x")
    assert world.now(channel.operations.Count()) == 1
