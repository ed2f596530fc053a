"""
Instances of service classes: who gets which, and who waits for whom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from netshare.transport.calls.coroutines import Slots
from netshare.transport.contracts.behavior import (
    ConcurrencyMode,
    InstanceContextMode,
    ServiceBehavior,
    ServiceThrottle,
)

__all__ = ["InstanceContext", "Instances", "Throttles"]


class Throttles:
    """
    The counters to a :class:`~.behavior.ServiceThrottle`.
    """

    def __init__(self, throttle: ServiceThrottle) -> None:
        self.calls = Slots(throttle.calls)
        self.instances = Slots(throttle.instances)
        self._limit = throttle.sessions
        self._sessions = 0
        self._waiting: list[Deferred[None]] = []

    def session_possible(self) -> Deferred[None] | None:
        """
        :returns: None when there may be one more session now, or a Deferred that fires when it is
            time to ask again. Asking takes nothing: a client may give up before its session
            begins.
        """
        if self._sessions < self._limit:
            return None
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def session_begun(self) -> None:
        """There is one more session."""
        self._sessions += 1

    def session_over(self) -> None:
        """There is one less."""
        self._sessions -= 1
        # All of them: whoever has given up meanwhile must not take the place of another.
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)


class InstanceContext:
    """
    An instance, made when it is first needed, and the lock of its calls.

    :param provide: makes the instance
    :param lock: None: calls overlap
    """

    log = Logger()

    def __init__(self, provide: Callable[[], Any], lock: Slots | None) -> None:
        self._provide = provide
        self._lock = lock
        self._made = False
        self._instance: Any = None

    @property
    def instance(self) -> Any:
        """The instance."""
        if not self._made:
            self._instance = self._provide()
            self._made = True
        return self._instance

    def enter(self) -> Deferred[None] | None:
        """:returns: None: a call may begin; or a Deferred that fires when it may."""
        return None if self._lock is None else self._lock.take()

    def leave(self) -> None:
        """The call is over."""
        if self._lock is not None:
            self._lock.give()

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


class Stay:
    """
    One call's stay at an instance.

    A callback object can be kept, and used when its call is over: then there is nothing to leave.
    """

    def __init__(self, instance: InstanceContext) -> None:
        self.instance = instance
        #: Whether the call has ended.
        self.over = False
        self._inside = False

    def enter(self) -> Deferred[None] | None:
        """
        Begin, or go on.

        :returns: None: it is so, or the call is over; or a Deferred that fires when it is
        """
        if self.over:
            return None
        waiting = self.instance.enter()
        if waiting is not None:
            return waiting.addCallback(self._entered)
        self._inside = True
        return None

    def _entered(self, _: object) -> None:
        self._inside = True

    def leave(self) -> None:
        """Let others in for a while."""
        if self._inside:
            self._inside = False
            self.instance.leave()

    def end(self) -> None:
        """The call is over."""
        self.over = True
        self.leave()


class Instances:
    """
    Hands out the instances of a service.

    :param service: a class, or the one instance
    """

    def __init__(self, service: Any, behavior: ServiceBehavior) -> None:
        self._behavior = behavior
        self._serial = behavior.concurrency_mode is not ConcurrencyMode.MULTIPLE
        self._service = service
        self._single: InstanceContext | None = None
        if not isinstance(service, type):
            self._single = InstanceContext(lambda: service, self.lock())
        elif behavior.instance_context_mode is InstanceContextMode.SINGLE:
            self._single = InstanceContext(service, self.lock())

    @property
    def single(self) -> bool:
        """Whether there is one instance for all."""
        return self._single is not None

    def per_session(self, has_session: bool) -> bool:
        """Whether an instance lives as long as a session."""
        mode = self._behavior.instance_context_mode
        return has_session and not self.single and mode is InstanceContextMode.PER_SESSION

    def lock(self) -> Slots | None:
        """A lock as the concurrency mode needs it."""
        return Slots(1) if self._serial else None

    def context(self, lock: Slots | None) -> InstanceContext:
        """
        :param lock: of the session, for contexts that are not everybody's
        """
        if self._single is not None:
            return self._single
        return InstanceContext(self._service, lock)
