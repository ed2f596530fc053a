"""A client's security context, from before its first message to after its last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs

from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.channels.errors import (
    CommunicationObjectAbortedError,
    MessageSecurityError,
)
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.security import ServiceCredentials, TcpClientCredentialType
from tests.helpers.certificates import Authority
from tests.helpers.crediting import Crediting
from tests.helpers.world import World

pytest.importorskip("lxml", reason="needs lxml")


@pytest.fixture
def crediting(world: World, tmp_path: Path) -> Crediting:
    """A service that wants credentials in messages."""
    return Crediting(world, Authority(tmp_path))


def test_a_context_lives_as_long_as_its_channel(world: World, crediting: Crediting) -> None:
    """Closing a channel cancels its context; both sessions have one socket."""
    security = crediting.serve()
    channel = crediting.channel()
    world.now(channel.operations.Count())
    assert len(security._contexts) == 1
    with capturedLogs() as logs:
        world.now(channel.close())
    assert [event for event in logs if event["log_level"].name == "warn"] == []
    assert len(security._contexts) == 0
    assert len(world.wires) == 1
    assert not channel._context._timer


def test_renewing(world: World, crediting: Crediting) -> None:
    """A context that comes to its end gets a new key, and the channel goes on."""
    security = crediting.serve(context_lifetime=100.0)
    channel = crediting.channel()
    for turn in range(1, 8):
        assert world.now(channel.operations.Count()) == turn
        world.reactor.advance(81.0)
        world.flow()
    assert len(security._contexts) == 1
    world.now(channel.close())
    assert len(security._contexts) == 0


def test_renewing_fails(world: World, crediting: Crediting) -> None:
    """The channel's next call says so; what cannot be renewed is not tried for ever."""
    security = crediting.serve(context_lifetime=100.0)
    channel = crediting.channel()
    world.now(channel.operations.Count())
    security._contexts._contexts.clear()
    for _ in range(40):
        world.reactor.advance(5.0)
        world.flow()
    assert channel._context._timer is None
    with pytest.raises(MessageSecurityError, match="not valid"):
        world.now(channel.operations.Count())
    assert channel.state is CommunicationState.FAULTED
    again = crediting.channel()
    assert world.now(again.operations.Count()) == 1


def test_aborting(world: World, crediting: Crediting) -> None:
    """A channel that is aborted renews nothing, and asks for nothing."""
    crediting.serve()
    channel = crediting.channel()
    world.now(channel.operations.Count())
    channel.abort()
    assert channel._context._timer is None
    opening = crediting.channel()
    calling: list[Any] = []
    opening.operations.Count().addBoth(calling.append)
    opening.abort()
    world.flow()
    calling[0].trap(CommunicationObjectAbortedError)


def test_a_service_without_message_security(world: World, crediting: Crediting) -> None:
    """A service that takes messages without credentials is not taken for one that checks them."""
    certificate = crediting.authority.issue("service", "127.0.0.1").pem
    world.serve(
        binding=NetTcpBinding(client_credential_type=TcpClientCredentialType.NONE),
        credentials=ServiceCredentials(certificate=certificate),
    )
    with pytest.raises(MessageSecurityError, match="refused the security"):
        world.now(crediting.channel().operations.Count())


def test_a_reply_without_security(
    world: World, crediting: Crediting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply without a timestamp ends the channel."""
    security = crediting.serve()
    channel = crediting.channel()
    world.now(channel.operations.Count())
    monkeypatch.setattr(security, "secure", lambda message: None)
    with pytest.raises(MessageSecurityError, match="0 Security headers"):
        world.now(channel.operations.Count())
    assert channel.state is CommunicationState.FAULTED
