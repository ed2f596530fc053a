"""What a sharing service answers to the command, for its tests."""

from __future__ import annotations

from typing import Any

# 2026-05-04T12:00:00Z
NOW = 1777896000.0


def worker(address: str, mode: str = "StrongWildcard", **more: Any) -> dict[str, Any]:
    """A row of a worker, as the service tells it."""
    return {
        "address": address,
        "hostNameComparisonMode": mode,
        "kind": "worker",
        "pid": 4711,
        "user": "orders",
        "commandLine": "/usr/bin/python3 -m orders.service --verbose --with many --more options",
        "since": "2026-05-04T11:57:00+00:00",
        "given": 1234,
        "outstanding": 0,
        "waiting": 0,
        "state": "ready",
        **more,
    }


RELAY = {
    "address": "net.tcp://*/old",
    "hostNameComparisonMode": "WeakWildcard",
    "kind": "relay",
    "state": "ready",
    "to": "tcp:127.0.0.1:9000",
}
DOWN = {
    "address": "net.tcp://*/down",
    "hostNameComparisonMode": "WeakWildcard",
    "kind": "worker",
    "state": "down",
}
