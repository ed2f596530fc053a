"""What the command can have done to workers, on the wire."""

from __future__ import annotations

import pytest

from netshare.control.management import DrainWorkers, Recycle, Start, Stop


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (Start, b"Start"),
        (Stop, b"Stop"),
        (Recycle, b"Recycle"),
        (DrainWorkers, b"DrainWorkers"),
    ],
)
def test_names(command: type, name: bytes) -> None:
    """They have names of their own, and the same errors."""
    made: type[Start] = command
    assert made.commandName == name
    assert sorted(made.errors.values()) == [
        b"AccessDenied",
        b"InvalidArgument",
        b"NoSuchWorker",
        b"NotDone",
        b"ServiceFault",
    ]
    assert made.reverseErrors[b"NotDone"] in made.errors
