"""Every test, with or without a reactor, leaves nothing behind."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted

#: Seconds that connections which a test has closed may take until they are gone.
SETTLE = 2.0

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        # Where everything can be installed, a test that does not run has failed.
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure with CI=true: {report.longrepr}"
    if report.failed:
        item.stash[_FAILED] = True
    return report


def _reactor() -> Any:
    # Imported late: at import time pytest-twisted has not installed the chosen reactor yet.
    from twisted.internet import reactor

    return reactor


@pytest.fixture(scope="session", autouse=True)
def running_reactor() -> None:
    """Lets the reactor make its own descriptors before the first test looks."""
    from twisted.internet.protocol import Factory

    # With its first port it reserves a descriptor against EMFILE, for good.
    port = _reactor().listenTCP(0, Factory(), interface="127.0.0.1")
    pytest_twisted.blockon(port.stopListening())


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest, running_reactor: None) -> Iterator[None]:
    """Fails a test that leaves descriptors open, or delayed calls of the reactor behind."""
    descriptors, calls = open_descriptors(), set(_reactor().getDelayedCalls())
    yield
    if request.node.stash.get(_FAILED, False):
        return  # what has failed may hold anything: one report is enough

    def left() -> list[str]:
        return [
            *(f"descriptor {fd}: {to}" for fd, to in open_descriptors() - descriptors),
            *(
                f"delayed call: {call}"
                for call in _reactor().getDelayedCalls()
                if call not in calls
            ),
        ]

    if left():
        gc.collect()
    deadline = _reactor().seconds() + SETTLE
    while left() and _reactor().seconds() < deadline:
        _turn(0.01)
        gc.collect()
    remaining = left()
    if remaining:
        pytest.fail("the test left behind:\n" + "\n".join(remaining), pytrace=False)


def open_descriptors() -> set[tuple[int, str]]:
    """This process's descriptors, each with what it is open on."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add((int(name), os.readlink(f"/proc/self/fd/{name}")))
        except FileNotFoundError:
            pass  # the one that the listing itself needed
    return found


def _turn(seconds: float) -> None:
    """Let the reactor run for a while."""
    from twisted.internet.task import deferLater

    pytest_twisted.blockon(deferLater(_reactor(), seconds))
