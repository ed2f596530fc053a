"""
Instances of service classes: who gets which, and who waits for whom.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred

from netshare.logger import Logger
from netshare.transport.calls.slots import Slots
from netshare.transport.contracts.behavior import (
    ConcurrencyMode,
    InstanceContextMode,
    ServiceBehavior,
    ServiceThrottle,
)

__all__ = ["InstanceContext", "Instances", "Throttles", "client_of"]


#: One session of so many is not for a client that has all the others.
_SHARES: Final = 8


def client_of(peer: Any) -> str | None:
    """
    :param peer: the address of a connection's other side
    :returns: whom it counts for: its host; None: it has none, and is alone on its machine
    """
    host: str | None = getattr(peer, "host", None)
    return host


class Throttles:
    """
    The counters to a :class:`~.behavior.ServiceThrottle`. Sessions are shared fairly: when they are
    all taken, the client that has fewest is next, and one client cannot have quite all of them.
    """

    def __init__(self, throttle: ServiceThrottle) -> None:
        self.calls = Slots(throttle.calls)
        self.instances = Slots(throttle.instances)
        self._limit = throttle.sessions
        self._limit_of_one = self._limit - self._limit // _SHARES
        self._sessions = 0
        #: How many sessions which client has.
        self._of_clients: Counter[str | None] = Counter()
        self._waiting: list[tuple[str | None, Deferred[None]]] = []

    def session_possible(self, client: str | None) -> Deferred[None] | None:
        """
        :param client: who wants it, see :func:`client_of`
        :returns: None when there may be one more session now, or a Deferred that fires when it is
            time to ask again. Asking takes nothing: a client may give up before its session
            begins.
        """
        limit_of_one = self._limit if client is None else self._limit_of_one
        if self._sessions < self._limit and self._of_clients[client] < limit_of_one:
            return None
        waiting: Deferred[None] = Deferred()
        self._waiting.append((client, waiting))
        return waiting

    def session_begun(self, client: str | None) -> None:
        """There is one more session."""
        self._sessions += 1
        self._of_clients[client] += 1

    def session_over(self, client: str | None) -> None:
        """There is one less."""
        self._sessions -= 1
        self._of_clients[client] -= 1
        if not self._of_clients[client]:
            del self._of_clients[client]
        # All of them: one that has given up meanwhile must not take the place of another.
        waiting, self._waiting = self._waiting, []
        waiting.sort(key=lambda one: self._of_clients[one[0]])
        for _, one in waiting:
            one.callback(None)


class InstanceContext:
    """
    An instance, made when it is first needed, and the lock of its calls.

    :param provide: makes the instance
    :param lock: None: calls overlap
    """

    log = Logger()

    def __init__(self, provide: Callable[[], Any], lock: Slots | None) -> None:
        self.lock = lock
        self._provide = provide
        self._made = False
        self._instance: Any = None

    @property
    def instance(self) -> Any:
        """The instance."""
        if not self._made:
            self._instance = self._provide()
            self._made = True
        return self._instance

    def dispose(self) -> None:
        """Tell the instance that it is not needed any more."""
        if not self._made:
            return
        dispose = getattr(self._instance, "dispose", None)
        self._instance, self._made = None, False
        if callable(dispose):
            try:
                dispose()
            except Exception:
                self.log.failure("dispose of a service instance failed")


class Instances:
    """
    Hands out the instances of a service.

    :param service: a class, or the one instance
    """

    def __init__(self, service: Any, behavior: ServiceBehavior) -> None:
        self._serial = behavior.concurrency_mode is not ConcurrencyMode.MULTIPLE
        self._service = service
        self._per_session = behavior.instance_context_mode is InstanceContextMode.PER_SESSION
        #: The one for all calls; None: there are several.
        self.single: InstanceContext | None = None
        if not isinstance(service, type):
            self.single = InstanceContext(lambda: service, self.lock())
        elif behavior.instance_context_mode is InstanceContextMode.SINGLE:
            self.single = InstanceContext(service, self.lock())

    def per_session(self, has_session: bool) -> bool:
        """Whether an instance lives as long as a session, and not as long as a call."""
        return has_session and self._per_session and self.single is None

    def lock(self) -> Slots | None:
        """A lock as the concurrency mode needs it."""
        return Slots(1) if self._serial else None

    def context(self, lock: Slots | None) -> InstanceContext:
        """
        A new instance.

        :param lock: of the session that it is for
        """
        return InstanceContext(self._service, lock)
