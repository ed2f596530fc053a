"""What a service remembers, in bounded memory."""

from __future__ import annotations

import pytest

from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.security.secureconversation.contexts import (
    ContextStore,
    ReplayCache,
    ReplayCaches,
    SecurityContext,
)
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.signatures import HmacKey

ANN = Identity("ann", IdentityKind.USER_NAME)


def test_expired_contexts_go() -> None:
    """A context is kept until it expires, longer when it is renewed."""
    store = ContextStore()
    one, two = (SecurityContext(name, ANN, 10.0) for name in ("one", "two"))
    for context in (one, two):
        store.add(context, 0.0)
    store.renewed(one, 30.0)
    store.add(SecurityContext("three", ANN, 40.0), 20.0)
    assert len(store) == 2
    assert store.get("one", 20.0) is one
    with pytest.raises(SecurityInvalid):
        store.get("two", 20.0)
    store.remove(one)
    with pytest.raises(SecurityInvalid, match="not known"):
        store.get("one", 20.0)


def test_keys() -> None:
    """The last two keys of a context are good."""
    context = SecurityContext("one", ANN, 10.0)
    for instance in (None, "a", "b"):
        context.add_key(instance, HmacKey(b""))
    assert list(context.keys) == ["a", "b"]


def test_a_full_store() -> None:
    """Who makes contexts without end loses contexts of its own, not those of others."""
    store = ContextStore(limit=3)
    eve = Identity("eve", IdentityKind.USER_NAME)
    honest = SecurityContext("honest", ANN, 10.0)
    store.add(honest, 0.0)
    for number in range(10):
        store.add(SecurityContext(f"eve-{number}", eve, 10.0), 0.0)
    assert len(store) == 3
    assert store.get("honest", 0.0) is honest
    assert store.get("eve-9", 0.0).identity == eve


def test_a_replay() -> None:
    """What has come is known until it is too old to be let in."""
    cache = ReplayCache()
    cache.check(b"a", 10.0, 0.0)
    for _ in range(2):
        with pytest.raises(SecurityInvalid, match="replay"):
            cache.check(b"a", 10.0, 10.0)
    cache.check(b"b", 20.0, 11.0)
    assert len(cache) == 1


def test_replays_are_bounded() -> None:
    """A full cache forgets the oldest, lets newer messages in, and what was forgotten not again."""
    cache = ReplayCache(limit=100)
    for number in range(10_000):
        cache.check(b"%d" % number, float(number), 0.0)
    assert len(cache) == 100
    for number in (0, 5_000, 9_899):
        with pytest.raises(SecurityInvalid, match="older"):
            cache.check(b"%d" % number, float(number), 0.0)
    with pytest.raises(SecurityInvalid, match="replay"):
        cache.check(b"9900", 9_900.0, 0.0)
    cache.check(b"late", 9_950.0, 0.0)


def test_caches_of_identities() -> None:
    """Every identity has a cache of its own, up to a limit."""
    caches = ReplayCaches(limit=1)
    mine = caches.of(ANN)
    assert caches.of(ANN) is mine
    others = caches.of(Identity("bob", IdentityKind.USER_NAME))
    assert others is not mine
    assert caches.of(Identity("eve", IdentityKind.USER_NAME)) is others
