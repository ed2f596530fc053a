"""Types of command line arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from netshare.cli.arguments import number_of_bytes, port_number, seconds


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (port_number, "1", 1),
        (port_number, "65535", 65535),
        (seconds, "0.5", 0.5),
        (seconds, "3600", 3600.0),
        (number_of_bytes, "1", 1),
        (number_of_bytes, "2147483647", 2**31 - 1),
    ],
)
def test_values(kind: Callable[[str], float], text: str, value: float) -> None:
    """What makes sense is the number that it says."""
    assert kind(text) == value


@pytest.mark.parametrize("kind", [port_number, seconds, number_of_bytes])
@pytest.mark.parametrize("text", ["", "0", "-1", "x", "nan", "inf", "1e9", "²", "9" * 5000, "\x1b"])
def test_nonsense(kind: Callable[[str], float], text: str) -> None:
    """What does not is an error that shows it, without its control characters."""
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        kind(text)
    assert repr(text) in str(caught.value)
