"""What an operation knows of its call."""

from __future__ import annotations

import pytest

from netshare.transport.calls.context import OperationContext
from netshare.transport.soap import MessageHeader
from tests.helpers.world import World


def test_headers_and_the_session(world: World) -> None:
    """An operation sees headers and session, and its own headers go out with the reply."""
    world.serve()
    channel, replies = world.channel(), []
    calls = channel.using(headers=[MessageHeader("In", "urn:h", "here")], replies=replies)
    session, text = world.now(calls.Headers()).split()
    assert session.startswith("uuid:")
    assert text == "here"
    assert replies[0].header("Out", "urn:h").text == "there"


def test_there_is_no_context_outside_of_a_call() -> None:
    """Asking for the current call where none is served is an error."""
    with pytest.raises(RuntimeError, match="no operation"):
        OperationContext.current()
