"""Security contexts that a service has issued, and messages that have been seen."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from netshare.transport.security.identity import Identity
from netshare.transport.security.secureconversation.errors import SecurityInvalid, bad_context
from netshare.transport.security.secureconversation.signatures import HmacKey

__all__ = ["ContextStore", "ReplayCache", "SecurityContext"]

#: How many contexts a service keeps; beyond that the oldest one goes, and its client begins anew.
MAX_CONTEXTS: Final = 10_000
#: How many messages are remembered until they expire. Each costs some 150 bytes.
MAX_REMEMBERED: Final = 200_000
#: Keys of one context: the present one, and the one before, which messages under way still have.
MAX_KEYS: Final = 2


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

    def __len__(self) -> int:
        return len(self._contexts)

    def add(self, context: SecurityContext, now: float) -> None:
        """Keep a context until it expires."""
        contexts = self._contexts
        while contexts and (
            len(contexts) >= self._limit or next(iter(contexts.values())).expires <= now
        ):
            contexts.popitem(last=False)
        contexts[context.identifier] = context

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
            del self._contexts[identifier]
            raise SecurityInvalid("a security context that has expired", bad_context())
        return context

    def remove(self, context: SecurityContext) -> None:
        """A context is cancelled."""
        self._contexts.pop(context.identifier, None)


class ReplayCache:
    """
    What must not come twice while it is good.
    """

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._limit = limit
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def check(self, proof: bytes, expires: float, now: float) -> None:
        """
        :param proof: what no two messages have in common, such as a signature
        :param expires: when the message is refused for its age, in seconds since the epoch
        :raises SecurityInvalid: it has been seen, or no more can be remembered
        """
        seen = self._seen
        while seen and next(iter(seen.values())) <= now:
            seen.popitem(last=False)
        if proof in seen:
            raise SecurityInvalid("the message came before: it is a replay")
        if len(seen) >= self._limit:
            raise SecurityInvalid("too many messages come to tell replays from others")
        seen[proof] = expires
