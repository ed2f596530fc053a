"""netshare.worker.child: finding a Factory by its name, and saying why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from netshare.endpoints.preamble import PreambleUse
from netshare.worker.child import DRAIN, NoSuchTarget, finish, load_target, make_factory, serve

HERE = __name__


class Holder:
    """Has a Factory as an attribute."""

    factory = Factory()


made = Holder.factory


def make() -> Factory:
    return made


def make_with(reactor: Any) -> tuple[Any, ...] | Factory:
    reactor.asked = True
    return made


async def make_later() -> Factory:
    await succeed(None)
    return made


def make_nothing() -> None:
    return None


def fail() -> None:
    raise RuntimeError("a bug")


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    """What is logged meanwhile."""
    seen: list[LogEvent] = []
    globalLogPublisher.addObserver(seen.append)
    yield seen
    globalLogPublisher.removeObserver(seen.append)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "not of the form"),
        ("package", "not of the form"),
        (":name", "not of the form"),
        ("package:", "not of the form"),
        ("no.such.package:factory", "there is no module no; is its directory on PYTHONPATH"),
        (f"{HERE}:nothing", "has no nothing"),
        (f"{HERE}:Holder.nothing", "has no Holder.nothing"),
    ],
)
def test_names_of_nothing(target: str, message: str) -> None:
    """A target that names nothing is refused with a sentence."""
    with pytest.raises(NoSuchTarget, match=message):
        load_target(target)


@pytest.mark.parametrize("name", ["made", "Holder.factory", "make", "make_with", "make_later"])
def test_factories(name: str) -> None:
    """A Factory, or what returns one, now or later, with the reactor if it takes an argument."""
    results: list[Any] = []
    ensureDeferred(make_factory(Clock(), f"{HERE}:{name}")).addBoth(results.append)
    assert results == [made]


def start(target: str) -> Any:
    clock: Any = Clock()
    results: list[Any] = []
    worker: Deferred[None] = ensureDeferred(
        serve(clock, "net.tcp://+/a", target, PreambleUse.PASS, shared=False)
    )
    worker.addBoth(results.append)
    clock.advance(0)
    (failure,) = results
    assert isinstance(failure, Failure)
    return failure.value


@pytest.mark.parametrize("name", ["make_nothing", "Holder", "HERE", "gone"])
def test_what_is_no_factory(name: str, events: list[LogEvent]) -> None:
    """The worker ends with status 1 and one sentence, without a traceback."""
    error = start(f"{HERE}:{name}")
    assert isinstance(error, SystemExit)
    assert error.code == 1
    (event,) = (event for event in events if event["log_namespace"] == "netshare.worker.child")
    assert "log_failure" not in event
    assert name in event["reason"]


def test_a_target_that_fails(events: list[LogEvent]) -> None:
    """A bug in what makes the Factory is logged with its traceback, and ends the worker."""
    assert isinstance(start(f"{HERE}:fail"), SystemExit)
    assert any("log_failure" in event for event in events)


class Port:
    """A port with connections."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.stopped = False

    def stopListening(self) -> Deferred[None]:
        self.stopped = True
        return succeed(None)


def test_open_connections_may_end() -> None:
    """The worker ends when the last of them has."""
    clock, port = Clock(), Port(2)
    ended: list[Any] = []
    ensureDeferred(finish(clock, port)).addBoth(ended.append)
    clock.pump([0.05] * 5)
    assert (port.stopped, ended) == (True, [])
    port.connections = 0
    clock.advance(0.05)
    assert ended == [None]


def test_not_for_ever(events: list[LogEvent]) -> None:
    """Those that stay are cut, and that is said."""
    clock, port = Clock(), Port(2)
    ended: list[Any] = []
    ensureDeferred(finish(clock, port)).addBoth(ended.append)
    clock.pump([0.05] * int(DRAIN / 0.05 + 2))
    assert ended == [None]
    assert events[-1]["count"] == 2
