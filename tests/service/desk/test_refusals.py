"""Refused registrations are logged, each once in a while."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import provider

from netshare.control.commands import AccessDenied, ConflictingRegistration
from netshare.service.desk.refusals import QUIET, Refusals


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What is logged."""
    lines: list[str] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


def test_a_refusal_is_logged_once_in_a_while(logged: list[str]) -> None:
    """Who, what and why is said; the same again only after a minute, another one at once."""
    clock: Any = Clock()
    refusals = Refusals(clock)
    for _ in range(5):
        refusals.refused(4001, "worker 17 of eve", "net.tcp://+/x", AccessDenied("reserved"))
    refusals.refused(4001, "worker 18 of eve", "net.tcp://+/x", ConflictingRegistration("taken"))
    refusals.refused(4002, "worker 19 of ann", "net.tcp://+/x", AccessDenied("reserved"))
    assert logged == [
        "refused to register 'net.tcp://+/x' for worker 17 of eve: AccessDenied: reserved",
        "refused to register 'net.tcp://+/x' for worker 18 of eve: ConflictingRegistration: taken",
        "refused to register 'net.tcp://+/x' for worker 19 of ann: AccessDenied: reserved",
    ]
    clock.advance(QUIET)
    refusals.refused(4001, "worker 17 of eve", "net.tcp://+/x", AccessDenied("reserved"))
    assert len(logged) == 4


def test_an_address_cannot_write_lines(logged: list[str]) -> None:
    """What a worker asked for is shown with its control characters as escapes."""
    clock: Any = Clock()
    Refusals(clock).refused(1, "worker", "net.tcp://+/x\nfake\x1b[2J", AccessDenied("no"))
    assert "\n" not in logged[0]
    assert "\x1b" not in logged[0]


def test_what_is_remembered_is_bounded(logged: list[str]) -> None:
    """A worker that asks for ever new addresses costs no memory."""
    clock: Any = Clock()
    refusals = Refusals(clock)
    for number in range(3000):
        refusals.refused(1, "worker", f"net.tcp://+/{number}", AccessDenied("no"))
    assert len(refusals._logged) <= 1024
