"""netshare.logger: what is logged does nothing to the one who reads it."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent, formatEvent

from netshare.logger import Logger
from tests.test_printable import HOSTILE


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_a_logger(text: str, shown: str) -> None:
    """Texts and exceptions of an event are printable; other values are left alone."""
    events: list[LogEvent] = []
    log: Logger = Logger("a name", observer=events.append)
    log.warn("{via} {error} {number}", via=text, error=ValueError(text), number=1)
    (event,) = events
    assert formatEvent(event) == f"{shown} {shown} 1"
    assert event["log_namespace"] == "a name"


def test_a_failure() -> None:
    """It keeps its type and its traceback, and loses only what is not printable in its message."""
    events: list[LogEvent] = []
    log: Logger = Logger("a name", observer=events.append)
    for text in ("\x1b[2J", "two\nlines"):
        try:
            raise ValueError(text)
        except ValueError:
            log.failure("it has failed")
    first, second = (event["log_failure"] for event in events)
    assert (first.type, second.type) == (ValueError, ValueError)
    shown = first.getTraceback()
    assert "\x1b" not in shown
    assert r"ValueError: \x1b[2J" in shown
    assert "test_a_failure" in shown
    assert "two\nlines" in second.getTraceback()
    assert isinstance(second.value, ValueError)


def test_the_name_of_a_logger() -> None:
    """It is the module's and class's that it stands in, as with Twisted's own."""
    assert Named.log.namespace == f"{__name__}.Named"


class Named:
    log = Logger()
