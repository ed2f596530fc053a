"""
How a service behaves, apart from its contracts: instances, concurrency, limits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from netshare.transport.contracts.options import check_counts, check_enum, check_flags

__all__ = [
    "AddressFilterMode",
    "ConcurrencyMode",
    "InstanceContextMode",
    "ServiceBehavior",
    "ServiceThrottle",
    "service_behavior",
]

T = TypeVar("T", bound=type)
BEHAVIOR_NOTE = "__netshare_behavior__"


class InstanceContextMode(Enum):
    """How long an instance of the service class lives."""

    #: As long as a session; without sessions (streamed) as long as a call.
    PER_SESSION = "PerSession"
    PER_CALL = "PerCall"
    #: One for all.
    SINGLE = "Single"


class ConcurrencyMode(Enum):
    """
    Whether an instance, or a session, may be called while an earlier call has not returned. It
    makes a difference for ``async def`` methods, those that return a Deferred, and in threads.
    """

    #: One after the other.
    SINGLE = "Single"
    #: One after the other, but another may come while one waits for a callback.
    REENTRANT = "Reentrant"
    MULTIPLE = "Multiple"


class AddressFilterMode(Enum):
    """How a message's To has to match the endpoint's address; hosts are never compared."""

    EXACT = "Exact"
    PREFIX = "Prefix"
    ANY = "Any"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBehavior:
    """
    WCF's ServiceBehavior, with its names and defaults.
    """

    instance_context_mode: InstanceContextMode = InstanceContextMode.PER_SESSION
    concurrency_mode: ConcurrencyMode = ConcurrencyMode.SINGLE
    #: Tell clients what an unexpected exception was. It may be nothing for their eyes.
    include_exception_detail_in_faults: bool = False
    address_filter_mode: AddressFilterMode = AddressFilterMode.EXACT
    #: Whether headers that must be understood, and are not, make a fault.
    validate_must_understand: bool = True
    #: Call plain methods in threads, where they may block. Otherwise everything is called in the
    #: reactor's thread, where a method that blocks holds up all others.
    threads: bool = False

    def __post_init__(self) -> None:
        check_enum(self, "instance_context_mode", InstanceContextMode)
        check_enum(self, "concurrency_mode", ConcurrencyMode)
        check_enum(self, "address_filter_mode", AddressFilterMode)
        check_flags(
            self, "include_exception_detail_in_faults", "validate_must_understand", "threads"
        )


def service_behavior(**options: Any) -> Callable[[T], T]:
    """
    Say how a service class behaves. (ServiceBehaviorAttribute)

    :param options: those of :class:`ServiceBehavior`
    """
    behavior = ServiceBehavior(**options)

    def decorate(cls: T) -> T:
        setattr(cls, BEHAVIOR_NOTE, behavior)
        return cls

    return decorate


def behavior_of(service: Any) -> ServiceBehavior:
    """:returns: what a service class, or an instance of one, says of itself."""
    found = getattr(service, BEHAVIOR_NOTE, None)
    return found if isinstance(found, ServiceBehavior) else ServiceBehavior()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceThrottle:
    """
    Limits of a whole host. What is over a limit waits. (ServiceThrottlingBehavior)

    :raises ValueError: a limit is not positive
    """

    #: None: 16 for each processor.
    max_concurrent_calls: int | None = None
    #: None: 100 for each processor.
    max_concurrent_sessions: int | None = None
    #: None: the sum of the two others.
    max_concurrent_instances: int | None = None

    def __post_init__(self) -> None:
        check_counts(
            self, "max_concurrent_calls", "max_concurrent_sessions", "max_concurrent_instances"
        )
        for value in (
            self.max_concurrent_calls,
            self.max_concurrent_sessions,
            self.max_concurrent_instances,
        ):
            if value is not None and value <= 0:
                raise ValueError(f"a limit of a throttle must be more than 0, not {value}")

    @property
    def calls(self) -> int:
        """How many calls are under way at most."""
        return self.max_concurrent_calls or 16 * (os.cpu_count() or 1)

    @property
    def sessions(self) -> int:
        """How many sessions there are at most."""
        return self.max_concurrent_sessions or 100 * (os.cpu_count() or 1)

    @property
    def instances(self) -> int:
        """How many instances there are at most."""
        return self.max_concurrent_instances or self.calls + self.sessions
