"""Members that a class does not have."""

from __future__ import annotations

from typing import Annotated

from twisted.logger import LogLevel, capturedLogs, formatEvent

from netshare.transport.datacontracts import data_contract
from tests.helpers.sampletypes import (
    Keeping,
    OldP,
    P,
)
from tests.helpers.serializing import (
    from_text,
    to_text,
)


def test_unknown_members_are_kept() -> None:
    """With keep_unknown, what a newer peer sends goes back where it stood."""
    text = (
        '<r xmlns="urn:r" xmlns:a="urn:k" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        '<a:A>0</a:A><a:B>1</a:B><a:C i:type="x:int" xmlns:x="http://www.w3.org/2001/XMLSchema">'
        "2</a:C><a:D>3</a:D><a:E><a:F>4</a:F></a:E></r>"
    )
    value = from_text(Keeping, text)
    assert value == Keeping(1, 3)
    value.B = 9
    assert to_text(Keeping, value) == text.replace("<a:B>1<", "<a:B>9<")
    assert "A" in to_text(OldP, from_text(OldP, to_text(P, P(7))))


def test_what_is_passed_over_is_told_once() -> None:
    """A member that the class does not have is named in the log, once, at the level debug."""

    @data_contract(namespace="urn:right")
    class Order:
        Number: Annotated[int, ""]

    text = '<r><Number xmlns="urn:wrong">5</Number></r>'
    with capturedLogs() as logs:
        assert from_text(Order, text) == Order(0)
        from_text(Order, text)
    assert [formatEvent(event) for event in logs] == [
        "Order has no member 'Number' of the namespace 'urn:wrong'; its value is passed over"
    ]
    assert logs[0]["log_level"] is LogLevel.debug


def test_the_log_stays_small() -> None:
    """However many names a peer invents, few are told."""
    with capturedLogs() as logs:
        for n in range(500):
            from_text(P, f"<r><x{n}/></r>")
    assert len(logs) <= 64
