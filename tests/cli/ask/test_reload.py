"""What ``netshare reload`` shows."""

from __future__ import annotations

from netshare.cli.ask.reload import lines


def test_the_difference() -> None:
    """Each thing that is different has a line; control characters are escapes."""
    assert lines(
        {"added": ["worker net.tcp://+/\x1b[2J"], "changed": ["allow-user"], "restart": ["control"]}
    ) == [
        r"added    worker net.tcp://+/\x1b[2J",
        "changed  allow-user",
        "after a restart only: control",
    ]


def test_no_difference() -> None:
    """That nothing is different is said, too."""
    assert lines({"added": [], "removed": []}) == ["nothing is different"]
