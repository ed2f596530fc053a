"""Behaviors and throttles of services."""

from __future__ import annotations

import os
from typing import Any

import pytest

from netshare.transport.contracts import (
    ConcurrencyMode,
    ServiceBehavior,
    ServiceThrottle,
    service_behavior,
)
from netshare.transport.contracts.behavior import behavior_of


def test_behavior_of_a_class() -> None:
    """A class and its instances have the behavior that was said of them, others WCF's."""

    @service_behavior(threads=True, concurrency_mode=ConcurrencyMode.MULTIPLE)
    class Service:
        pass

    wanted = ServiceBehavior(threads=True, concurrency_mode=ConcurrencyMode.MULTIPLE)
    assert behavior_of(Service) == behavior_of(Service()) == wanted
    assert behavior_of(object()) == ServiceBehavior()


def test_throttle() -> None:
    """Limits that are not given follow the number of processors."""
    cpus = os.cpu_count() or 1
    throttle = ServiceThrottle()
    assert (throttle.calls, throttle.sessions) == (16 * cpus, 100 * cpus)
    assert throttle.instances == 116 * cpus
    assert ServiceThrottle(max_concurrent_calls=2, max_concurrent_sessions=3).instances == 5


@pytest.mark.parametrize("limit", ["calls", "sessions", "instances"])
def test_limits_are_positive(limit: str) -> None:
    """A limit of nothing would stop the service and is refused."""
    options: dict[str, Any] = {f"max_concurrent_{limit}": 0}
    with pytest.raises(ValueError, match="more than 0"):
        ServiceThrottle(**options)
