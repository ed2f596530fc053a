"""Members that a class does not have."""

from __future__ import annotations

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
