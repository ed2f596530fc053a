"""A streamed request, and what becomes of its reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs

from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.channels.errors import (
    CommunicationObjectAbortedError,
    EndpointNotFoundError,
    MessageSecurityError,
)
from netshare.transport.channels.errors import TimeoutError as TransportTimeout
from netshare.transport.contracts.binding import TransferMode
from netshare.transport.security import MessageCredentialType
from tests.helpers.certificates import Authority
from tests.helpers.crediting import RSA, STREAMED, Crediting, message_binding
from tests.helpers.world import World, binding
from tests.peers.contracts import IStreams
from tests.peers.services import Streams, pattern


class Named(Streams):
    """Says who calls."""

    def Echo(self, text: str | None) -> str | None:
        identity = OperationContext.current().identity
        return None if identity is None else f"{identity.name}: {text}"


@pytest.fixture
def crediting(world: World, tmp_path: Path) -> Crediting:
    """A service that wants credentials in messages."""
    pytest.importorskip("lxml", reason="needs lxml")
    return Crediting(world, Authority(tmp_path))


def test_no_reply_in_time(world: World) -> None:
    """It is given up, and the error says which setting it was."""

    class Slow(Streams):
        async def Echo(self, text: str | None) -> Any:
            await Deferred()

    of_binding = binding(transfer_mode=TransferMode.STREAMED, send_timeout=3.0)
    world.serve(IStreams, Slow, binding=of_binding)
    channel = world.channel(contract=IStreams, binding=of_binding)
    result = world.start(channel.operations.Echo("x"))
    world.reactor.advance(3.0)
    world.flow()
    with pytest.raises(TransportTimeout, match="no reply to Echo within 3"):
        result[0].raiseException()


@pytest.mark.parametrize("arguments", [("x",), ("one", "too many")])
def test_a_channel_whose_call_has_failed_can_be_closed(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Where nothing was reached, or nothing was sent, there is nothing to wait for."""
    of_binding = binding(transfer_mode=TransferMode.STREAMED)
    refused = fail(EndpointNotFoundError("nobody listens"))
    channel = world.channel(contract=IStreams, binding=of_binding)
    monkeypatch.setattr(channel._setup.pool, "open_channel", lambda *given, **more: refused)
    with pytest.raises((EndpointNotFoundError, TypeError)):
        world.now(channel.operations.Echo(*arguments))
    assert world.now(channel.close()) is None
    assert channel._calls == set()


# ---- with credentials in messages


def test_credentials(world: World, crediting: Crediting) -> None:
    """A context of the channel's is in all of its streamed calls, and ends with it."""
    security = crediting.serve(streams=Named)
    with capturedLogs() as logs:
        channel = crediting.streaming()
        assert world.now(channel.operations.Echo("x")) == "ann: x"
        assert world.now(channel.operations.Upload(pattern(100_000))) == 100_000
        stream = world.now(channel.operations.Download(200_000))
        assert world.now(stream.read()) == pattern(200_000)
        assert len(security._contexts) == 1
        world.now(channel.close())
    assert len(security._contexts) == 0
    assert [event for event in logs if event["log_level"].name in ("warn", "error")] == []


def test_certificates(world: World, crediting: Crediting) -> None:
    """The same with a certificate."""
    kind = MessageCredentialType.CERTIFICATE
    crediting.serve(kind, streams=Named)
    mine = crediting.authority.issue("client", "ann@example.com", key_type=RSA)
    channel = crediting.streaming(binding=message_binding(kind, **STREAMED), certificate=mine.pem)
    name = mine.certificate.subject.rfc4514_string()
    assert world.now(channel.operations.Echo("x")) == f"{name}: x"


def test_a_wrong_password(world: World, crediting: Crediting) -> None:
    """It opens no channel, and reaches no method."""
    security = crediting.serve(streams=Named)
    channel = crediting.streaming(password="wrong")
    with pytest.raises(MessageSecurityError, match="the credential right"):
        world.now(channel.operations.Echo("x"))
    assert channel.state is CommunicationState.FAULTED
    assert len(security._contexts) == 0


def test_a_message_without_security(world: World, crediting: Crediting) -> None:
    """A client that shows nothing is told so in WCF's words, and its stream is passed over."""
    crediting.serve(streams=Named)
    channel = crediting.streaming()
    world.now(channel.open())
    channel._context.sign = lambda message: None
    with capturedLogs() as logs, pytest.raises(MessageSecurityError, match="refused the security"):
        world.now(channel.operations.Upload(pattern(300_000)))
    assert channel.state is CommunicationState.FAULTED
    assert any("0 Security headers" in str(event.get("reason")) for event in logs)


def test_a_context_that_is_forgotten(world: World, crediting: Crediting) -> None:
    """As after a restart of the service: the channel says so and is over, a new one works."""
    security = crediting.serve(streams=Named)
    channel = crediting.streaming()
    world.now(channel.operations.Echo("x"))
    security._contexts._contexts.clear()
    for _ in range(2):
        with pytest.raises(MessageSecurityError, match="not valid"):
            world.now(channel.operations.Echo("x"))
    assert channel._context._timer is None
    assert world.now(crediting.streaming().operations.Echo("x")) == "ann: x"


def test_renewing(world: World, crediting: Crediting) -> None:
    """A context that comes to its end gets a new key, and the channel goes on."""
    security = crediting.serve(streams=Named, context_lifetime=100.0)
    channel = crediting.streaming()
    for _ in range(7):
        assert world.now(channel.operations.Echo("x")) == "ann: x"
        world.reactor.advance(81.0)
        world.flow()
    assert len(security._contexts) == 1


def test_a_replay(world: World, crediting: Crediting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that comes a second time is refused."""
    crediting.serve(streams=Named)
    channel = crediting.streaming()
    world.now(channel.open())
    signed: list[Any] = []
    sign = channel._context.sign

    def again(message: Any) -> None:
        if not signed:
            sign(message)
            signed.append((message.headers, message.message_id))
        else:
            message.headers, message.message_id = signed[0]

    monkeypatch.setattr(channel._context, "sign", again)
    world.now(channel.operations.Echo("x"))
    with pytest.raises(MessageSecurityError, match="refused the security"):
        world.now(channel.operations.Echo("x"))


def test_a_reply_without_security(
    world: World, crediting: Crediting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it reaches the caller."""
    security = crediting.serve(streams=Named)
    channel = crediting.streaming()
    world.now(channel.open())
    monkeypatch.setattr(security, "secure", lambda message: None)
    with pytest.raises(MessageSecurityError, match="0 Security headers"):
        world.now(channel.operations.Download(100_000))
    assert channel.state is CommunicationState.FAULTED


def test_a_channel_that_is_aborted_while_it_opens(world: World, crediting: Crediting) -> None:
    """It asks for nothing more."""
    crediting.serve(streams=Named)
    channel = crediting.streaming()
    calling: list[Any] = []
    channel.operations.Echo("x").addBoth(calling.append)
    channel.abort()
    world.flow()
    calling[0].trap(CommunicationObjectAbortedError)
    assert channel._context._timer is None
