"""A session whose messages are signed: what comes is verified before anything else sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from netshare.transport.calls.context import OperationContext
from netshare.transport.channels.errors import CommunicationError, MessageSecurityError
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.security import IdentityKind, MessageCredentialType, TcpClientCredentialType
from netshare.transport.security.secureconversation.signatures import HmacKey
from netshare.transport.security.secureconversation.trust import Issued
from tests.helpers.certificates import Authority
from tests.helpers.crediting import RSA, Crediting, message_binding
from tests.helpers.world import Counting, World

pytest.importorskip("lxml", reason="needs lxml")


@pytest.fixture
def crediting(world: World, tmp_path: Path) -> Crediting:
    """A service that wants credentials in messages."""
    return Crediting(world, Authority(tmp_path))


@pytest.fixture
def identities(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Who the callers of Count were."""
    seen: list[Any] = []

    def count(self: Counting) -> int:
        seen.append(OperationContext.current().identity)
        return len(seen)

    monkeypatch.setattr(Counting, "Count", count)
    return seen


def test_names(world: World, crediting: Crediting, identities: list[Any]) -> None:
    """A service knows who calls, whichever client it is, and can call back."""
    crediting.serve()
    ann, bob = crediting.channel(), crediting.channel("bob", "hidden")
    for channel in (ann, bob, ann):
        world.now(channel.operations.Count())
    assert [one.name for one in identities] == ["ann", "bob", "ann"]
    assert {one.kind for one in identities} == {IdentityKind.USER_NAME}
    assert world.now(ann.operations.Relay("what?")) == "re: what?"


def test_certificates(world: World, crediting: Crediting, identities: list[Any]) -> None:
    """A certificate of the authority's is let in, a stranger's is not."""
    kind = MessageCredentialType.CERTIFICATE
    crediting.serve(kind)
    mine = crediting.authority.issue("client", "ann@example.com", key_type=RSA)
    strangers = Authority(crediting.authority.folder, "strangers")
    other = strangers.issue("stranger", "ann@example.com", key_type=RSA)
    refused = crediting.channel(binding=message_binding(kind), certificate=other.pem)
    with pytest.raises(MessageSecurityError, match="refused"):
        world.now(refused.operations.Count())
    channel = crediting.channel(binding=message_binding(kind), certificate=mine.pem)
    world.now(channel.operations.Count())
    assert [one.kind for one in identities] == [IdentityKind.CERTIFICATE]


@pytest.mark.parametrize("validator", [lambda name, password: False, lambda name, password: 1 / 0])
def test_a_validator_refuses(
    world: World, crediting: Crediting, validator: Callable[[str, str], object]
) -> None:
    """What the validator does not let in reaches no method, and nothing is remembered of it."""
    security = crediting.serve(validator=validator)
    for _ in range(2):
        with pytest.raises(MessageSecurityError, match="Is the credential"):
            world.now(crediting.channel().operations.Count())
    assert Counting.made == []
    assert (len(security._contexts), security._issued._caches) == (0, {})


def test_a_slow_validator(world: World, crediting: Crediting) -> None:
    """A validator may take its time, which others do not wait for; for ever it may not."""
    asked: dict[str, Deferred[None]] = {}

    def validate(name: str, password: str) -> Deferred[None]:
        asked[name] = Deferred()
        return asked[name]

    crediting.serve(validator=validate)
    ann, bob, eve = (world.start(crediting.channel(one).operations.Count()) for one in "abe")
    assert list(asked) == ["a", "b", "e"]
    asked["b"].callback(None)
    world.flow()
    assert (ann, bob) == ([], [1])
    asked["a"].callback(None)
    world.flow()
    assert ann == [1]
    world.reactor.advance(31.0)
    world.flow()
    eve[0].trap(MessageSecurityError)


def test_a_client_leaves_while_it_is_validated(world: World, crediting: Crediting) -> None:
    """A decision that comes too late harms nothing."""
    asked: list[Deferred[None]] = []

    def validate(name: str, password: str) -> Deferred[None]:
        asked.append(Deferred())
        return asked[-1]

    crediting.serve(validator=validate)
    channel = crediting.channel()
    calling = world.start(channel.operations.Count())
    channel.abort()
    world.flow()
    assert calling[0].value
    asked[0].callback(None)
    world.flow()
    assert world.start(crediting.channel().operations.Count()) == []


def plain(crediting: Crediting) -> Any:
    """A channel over TLS whose messages have no Security header."""
    return crediting.channel(
        binding=NetTcpBinding(client_credential_type=TcpClientCredentialType.NONE)
    )


def test_a_message_without_security(world: World, crediting: Crediting) -> None:
    """An unsigned message is InvalidSecurity, and the session is over; no method sees it."""
    crediting.serve()
    channel = plain(crediting)
    with pytest.raises(FaultError) as refused:
        world.now(channel.operations.Count())
    assert refused.value.code.subcode is not None
    assert refused.value.code.subcode.name == "InvalidSecurity"
    with pytest.raises(CommunicationError):
        world.now(channel.operations.Count())
    one_way = plain(crediting)
    world.now(one_way.operations.BreakQuietly())
    with pytest.raises(CommunicationError):
        world.now(one_way.operations.Count())
    assert Counting.made == []


def wrong_key(victim: Any, mine: Any) -> None:
    mine._key = HmacKey(b"x" * 32)


def unknown_context(victim: Any, mine: Any) -> None:
    mine._token = Issued("urn:uuid:unknown", None, b"", 0.0, 1e9)


def anothers_context(victim: Any, mine: Any) -> None:
    mine._token = victim._token


def anothers_key_too(victim: Any, mine: Any) -> None:
    mine._token, mine._key = victim._token, victim._key


def before_its_turn(victim: Any, mine: Any) -> None:
    now = mine._now
    mine._now = lambda: now() + 301.0


def after_its_time(victim: Any, mine: Any) -> None:
    mine._now = lambda: -601.0


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (wrong_key, "signature is wrong"),
        (unknown_context, "not known"),
        (anothers_context, "signature is wrong"),
        (anothers_key_too, "another client than the session's"),
        (before_its_turn, "from the future"),
        (after_its_time, "too old"),
    ],
)
def test_attacks(
    world: World,
    crediting: Crediting,
    attack: Callable[[Any, Any], None],
    reason: str,
) -> None:
    """What does not hold is refused, for a reason that the log alone says; others go on."""
    crediting.serve()
    victim, channel = crediting.channel("bob", "hidden"), crediting.channel()
    for one in (victim, channel):
        world.now(one.operations.Count())
    attack(victim._context.security, channel._context.security)
    with capturedLogs() as told, pytest.raises(MessageSecurityError) as refused:
        world.now(channel.operations.Count())
    assert reason not in str(refused.value)
    assert any(reason in one.get("reason", "") for one in told)
    assert world.now(victim.operations.Count()) == 2


def test_a_replay(world: World, crediting: Crediting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same message a second time, from whichever session, is refused."""
    crediting.serve()
    channel = crediting.channel()
    world.now(channel.operations.Count())
    link = channel._link
    sent: list[bytes] = []
    send = link.channel.send
    link.channel.send = lambda *pieces: (sent.append(b"".join(pieces)), send(*pieces))[1]
    assert world.now(channel.operations.Count()) == 2
    send(sent[0])
    world.flow()
    assert Counting.made[0].count == 2
    with pytest.raises(CommunicationError):
        world.now(channel.operations.Count())


def test_contexts_expire(world: World, crediting: Crediting) -> None:
    """A client that does not renew its context is told that it has expired."""
    crediting.serve(context_lifetime=100.0)
    channel = crediting.channel()
    world.now(channel.operations.Count())
    channel._context.stop()
    world.reactor.advance(101.0)
    with pytest.raises(MessageSecurityError, match="expired"):
        world.now(channel.operations.Count())
