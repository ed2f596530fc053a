"""What tools are given."""

from __future__ import annotations

import pytest

from netshare.transport.tools.capture import Side, side_of


@pytest.mark.parametrize(
    ("data", "side"),
    [
        (b"\0\x01", Side.CLIENT),
        (b"\x0b", Side.SERVER),
        (b"\x0a", Side.SERVER),
        (b"\x08", Side.SERVER),
        (b"", None),
        (b"\x06", None),
    ],
)
def test_side_of(data: bytes, side: Side | None) -> None:
    """The first byte tells a client from a server."""
    assert side_of(data) is side
