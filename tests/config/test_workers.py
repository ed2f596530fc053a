"""One worker that the service starts, as a table of the file or as an option."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.config import ConfigurationError
from netshare.config.workers import worker_from_table, worker_from_text
from netshare.service.activation.limits import Limits, OnDemand, RecycleAfter
from netshare.service.activation.pool import PoolLimits

TABLE = {"address": "net.tcp://+/a", "factory": "a:b"}


def test_as_it_is_by_default() -> None:
    """Nothing is recycled by itself, and the limits are those of the manual."""
    spec = worker_from_table(TABLE)
    assert (spec.limits, spec.recycleAfter) == (Limits(), RecycleAfter())
    assert (spec.maxFailures, spec.failureWindow, spec.processes) == (5, 300.0, 1)


def test_all_of_it() -> None:
    """Times are WCF's, memory has a unit."""
    spec = worker_from_table(
        {
            **TABLE,
            "startupTimeout": "Infinite",
            "drainTimeout": "00:05:00",
            "unresponsiveTimeout": "Infinite",
            "maxFailures": 0,
            "failureWindow": 60,
            "recycleAge": "1.05:00:00",
            "recycleConnections": 10_000,
            "recycleMemory": "500M",
            "recycleFiles": ["orders.py"],
            "preamble": "consume",
            "connectionIdleTimeout": "0:10:00",
        }
    )
    assert spec.connectionIdleTimeout == 600.0
    assert spec.limits == Limits(start=None, drain=300.0, unresponsive=None)
    assert spec.recycleAfter == RecycleAfter(29 * 3600.0, 10_000, 500 * 1024**2, ("orders.py",))
    assert (spec.maxFailures, spec.failureWindow) == (0, 60.0)


def test_a_unit() -> None:
    """It is named as systemd names it; a template may run more than once."""
    spec = worker_from_table({"address": "net.tcp://+/a", "unit": "orders.service"})
    assert (spec.unit, spec.target, spec.command) == ("orders.service", None, None)
    table = {"address": "net.tcp://+/a", "unit": "orders@%i.service", "processes": 2}
    assert worker_from_table(table).unit == "orders@%i.service"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"unit": "orders"}, "such as 'orders@%i.service'"),
        ({"unit": "--help.service"}, "such as 'orders@%i.service'"),
        ({"unit": "a b.service"}, "such as 'orders@%i.service'"),
        ({"unit": 3}, "such as 'orders@%i.service'"),
        ({"unit": "a.service", "user": "alice"}, "user is for the unit to say"),
        ({"unit": "a@%i.service", "preamble": "consume"}, "preamble is for the unit to say"),
        ({"unit": "a.service", "processes": 2}, "name a template"),
        ({"unit": "a.service", "recycleAge": 60}, "name a template"),
        ({"unit": "a.service", "factory": "a:b"}, "either factory, command or unit"),
    ],
)
def test_a_unit_that_makes_no_sense(more: dict[str, Any], says: str) -> None:
    """The sentence says what would."""
    with pytest.raises(ConfigurationError, match=says):
        worker_from_table({"address": "net.tcp://+/a", **more})


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("startupTimeout", 0, "has to be more than 0"),
        ("startupTimeout", "soon", "is not a time"),
        ("drainTimeout", "Infinite", "cannot be Infinite"),
        ("unresponsiveTimeout", 0, "has to be more than 0"),
        ("maxFailures", -1, "at least 0"),
        ("maxFailures", True, "at least 0"),
        ("processes", 0, "at least 1"),
        ("recycleConnections", "many", "a whole number"),
        ("recycleMemory", "half", "such as '500M'"),
        ("recycleMemory", 0, "such as '500M'"),
        ("maxProcesses", 0, "at least 1"),
        ("start", "later", "start is 'at-once' or 'on-demand'"),
        ("idleTimeout", 5, "is for start = 'on-demand'"),
        ("surplusTimeout", 0, "has to be more than 0"),
        ("recycleFiles", "orders.py", r"a list, such as \['orders.py'\]"),
        ("recycleAge", 0, "has to be more than 0"),
        ("failureWindow", "Infinite", "cannot be Infinite"),
        ("connectionIdleTimeout", 5, "is for preamble = 'consume'"),
    ],
)
def test_what_makes_no_sense(key: str, value: Any, says: str) -> None:
    """The sentence names the worker and the key."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        worker_from_table({**TABLE, key: value})
    assert f"[[worker]] net.tcp://+/a: {key}" in str(caught.value)


def test_a_pool() -> None:
    """Without a word the number of processes is fixed; a most below the least makes no sense."""
    assert worker_from_table(TABLE).pool == PoolLimits(1, 1, 60.0)
    table = {**TABLE, "processes": 2, "maxProcesses": 5, "surplusTimeout": "Infinite"}
    assert worker_from_table(table).pool == PoolLimits(2, 5, None)
    with pytest.raises(ConfigurationError, match="maxProcesses is a whole number of at least 2"):
        worker_from_table({**table, "maxProcesses": 1})
    text = worker_from_text("net.tcp://+/a=m:f,processes=2,maxProcesses=3,surplusTimeout=5")
    assert text.pool == PoolLimits(2, 3, 5.0)


def test_on_the_command_line() -> None:
    """Some of it stands behind the factory."""
    spec = worker_from_text("net.tcp://+/a=m:f,processes=2,maxFailures=0,name=one")
    assert (spec.processes, spec.maxFailures, spec.name) == (2, 0, "one")
    with pytest.raises(ConfigurationError, match="maxFailures is a whole number"):
        worker_from_text("net.tcp://+/a=m:f,maxFailures=few")


def test_on_demand() -> None:
    """A worker may wait for its first connection, and be stopped when it is idle."""
    assert worker_from_table(TABLE).onDemand is None
    assert worker_from_table({**TABLE, "start": "on-demand"}).onDemand == OnDemand()
    text = "net.tcp://+/a=m:f,start=on-demand,idleTimeout=0:20:00"
    assert worker_from_text(text).onDemand == OnDemand(1200.0)
    with pytest.raises(ConfigurationError, match="idleTimeout has to be more than 0"):
        worker_from_table({**TABLE, "start": "on-demand", "idleTimeout": 0})
