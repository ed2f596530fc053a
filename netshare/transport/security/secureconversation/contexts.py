"""Security contexts that a service has issued, and messages that have been seen."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final

from netshare.transport.security.identity import Identity
from netshare.transport.security.secureconversation.errors import SecurityInvalid, bad_context
from netshare.transport.security.secureconversation.signatures import HmacKey

__all__ = ["ContextStore", "ReplayCache", "ReplayCaches", "SecurityContext"]

#: How many contexts a service keeps; beyond that the oldest one goes of the identity that has most,
#: and its client begins anew.
MAX_CONTEXTS: Final = 10_000
#: How many messages of a context are remembered. Each costs some 150 bytes.
MAX_REMEMBERED: Final = 2048
#: How many requests for contexts are remembered of each identity, and of how many identities.
MAX_ISSUED: Final = 20_000
MAX_IDENTITIES: Final = 10_000
#: Keys of one context: the present one, and the one before, which messages under way still have.
MAX_KEYS: Final = 2


class ReplayCache:
    """
    What must not come twice, in bounded memory and constant time.

    When it is full the oldest is forgotten, and from then on what was made before that is refused,
    since it may be a repetition. So nothing comes in twice, and a sender of many messages is never
    held up, as long as they come about in the order in which they were made. Each sender has a
    cache of its own: no sender's messages push out another's.

    :param limit: how many are remembered
    """

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._limit = limit
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        self._forgotten = -math.inf

    def __len__(self) -> int:
        return len(self._seen)

    def check(self, proof: bytes, created: float, too_old: float) -> None:
        """
        :param proof: what no two messages have in common
        :param created: when the message says that it was made, in seconds since the epoch
        :param too_old: messages made before this are refused anyway, and need not be remembered
        :raises SecurityInvalid: it has been seen, or may have been
        """
        seen = self._seen
        while seen and next(iter(seen.values())) < too_old:
            seen.popitem(last=False)
        if proof in seen:
            raise SecurityInvalid("the message came before: it is a replay")
        if created <= self._forgotten:
            raise SecurityInvalid("the message is older than those that are remembered")
        seen[proof] = created
        if len(seen) > self._limit:
            _, oldest = seen.popitem(last=False)
            self._forgotten = max(self._forgotten, oldest)


class ReplayCaches:
    """
    A cache for each identity; those beyond a limit have one together.

    :param limit: how many identities have one of their own
    """

    def __init__(self, limit: int = MAX_IDENTITIES) -> None:
        self._limit = limit
        self._caches: dict[Identity, ReplayCache] = {}
        self._others = ReplayCache(MAX_ISSUED)

    def of(self, identity: Identity) -> ReplayCache:
        """:returns: the cache of an identity"""
        found = self._caches.get(identity)
        if found is None:
            if len(self._caches) >= self._limit:
                return self._others
            found = self._caches[identity] = ReplayCache(MAX_ISSUED)
        return found


@dataclass(slots=True, eq=False)
class SecurityContext:
    """
    What a client and a service have agreed upon.

    :param identity: the client
    :param expires: in seconds since the epoch
    :param keys: by instance, the newest last
    """

    identifier: str
    identity: Identity
    expires: float
    keys: OrderedDict[str | None, HmacKey] = field(default_factory=OrderedDict)
    #: Its messages that have come.
    messages: ReplayCache = field(default_factory=ReplayCache)

    def add_key(self, instance: str | None, key: HmacKey) -> None:
        """A new key is good, and the one before it."""
        self.keys[instance] = key
        while len(self.keys) > MAX_KEYS:
            self.keys.popitem(last=False)


class ContextStore:
    """
    The contexts of one service, in bounded memory.
    """

    def __init__(self, limit: int = MAX_CONTEXTS) -> None:
        self._limit = limit
        self._contexts: OrderedDict[str, SecurityContext] = OrderedDict()
        #: How many each identity has.
        self._counts: Counter[Identity] = Counter()

    def __len__(self) -> int:
        return len(self._contexts)

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._contexts

    def add(self, context: SecurityContext, now: float) -> None:
        """Keep a context until it expires."""
        contexts = self._contexts
        while contexts and next(iter(contexts.values())).expires <= now:
            self.remove(next(iter(contexts.values())))
        if len(contexts) >= self._limit:
            (most, _), *_ = self._counts.most_common(1)
            self.remove(next(one for one in contexts.values() if one.identity == most))
        contexts[context.identifier] = context
        self._counts[context.identity] += 1

    def renewed(self, context: SecurityContext, expires: float) -> None:
        """A context expires later than it would have."""
        context.expires = expires
        if context.identifier in self._contexts:
            self._contexts.move_to_end(context.identifier)

    def get(self, identifier: str, now: float) -> SecurityContext:
        """
        :raises SecurityInvalid: there is none, or it has expired
        """
        context = self._contexts.get(identifier)
        if context is None:
            raise SecurityInvalid("a security context that is not known", bad_context())
        if context.expires <= now:
            self.remove(context)
            raise SecurityInvalid("a security context that has expired", bad_context())
        return context

    def remove(self, context: SecurityContext) -> None:
        """A context is good for nothing more."""
        if self._contexts.pop(context.identifier, None) is not None:
            self._counts[context.identity] -= 1
            if not self._counts[context.identity]:
                del self._counts[context.identity]
