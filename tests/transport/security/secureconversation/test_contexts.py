"""What a service remembers, in bounded memory."""

from __future__ import annotations

import pytest

from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.security.secureconversation.contexts import (
    ContextStore,
    ReplayCache,
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


def test_replays_are_bounded() -> None:
    """What has expired is forgotten; beyond the bound nothing more is let in."""
    cache = ReplayCache(limit=2)
    cache.check(b"a", 10.0, 0.0)
    cache.check(b"b", 20.0, 0.0)
    with pytest.raises(SecurityInvalid, match="too many"):
        cache.check(b"c", 30.0, 5.0)
    cache.check(b"c", 30.0, 15.0)
    with pytest.raises(SecurityInvalid, match="replay"):
        cache.check(b"b", 20.0, 15.0)
    cache.check(b"a", 50.0, 25.0)
