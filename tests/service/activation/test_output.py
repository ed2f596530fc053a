"""netshare.service.activation.output: what a process writes, as lines."""

from __future__ import annotations

from netshare.service.activation.output import LONGEST_LINE, OutputLines


def test_lines() -> None:
    """They come one by one, the last one also without its end; long ones are cut."""
    said: list[bytes] = []
    lines = OutputLines(said.append, {2: b"an "})
    lines.received(1, b"one\n\ntw")
    lines.received(2, b"error\n")
    lines.received(1, b"o\n" + b"x" * (LONGEST_LINE + 1))
    lines.received(1, b"last")
    assert said == [b"one", b"an error", b"two", b"x" * LONGEST_LINE]
    assert lines.partial == {1: b"last", 2: b""}
    lines.finish()
    lines.finish()
    assert said[4:] == [b"last"]
