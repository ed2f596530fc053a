"""What a worker may ask for, and the sentence when it may not."""

from __future__ import annotations

import pytest

from netshare.control.commands import (
    InvalidArgument,
    PathTooLong,
    ProtocolUnsupported,
    RegistrationError,
    VersionUnsupported,
)
from netshare.control.lanes import LaneForm
from netshare.service.desk.requests import (
    check_version,
    requested_address,
    requested_lane,
    requested_limit,
)


def test_the_version() -> None:
    """Another version is refused with both numbers."""
    check_version(1)
    with pytest.raises(VersionUnsupported, match="speaks version 1, the worker 7"):
        check_version(7)


@pytest.mark.parametrize(("wanted", "limit"), [(None, 256), (1, 1), (256, 256), (1000, 256)])
def test_the_limit(wanted: int | None, limit: int) -> None:
    """A worker may ask for fewer connections under way than the service allows, not for more."""
    assert requested_limit(wanted, 256) == limit


@pytest.mark.parametrize("wanted", [0, -1])
def test_no_limit_at_all(wanted: int) -> None:
    """A worker that takes nothing is a mistake."""
    with pytest.raises(InvalidArgument, match="at least 1"):
        requested_limit(wanted, 256)


def test_the_lane() -> None:
    """The forms are named by the vocabulary, and an unknown one is told what it can be."""
    assert requested_lane(None) is None
    assert requested_lane("batches") is LaneForm.BATCHES
    with pytest.raises(InvalidArgument, match="'fast'; it can be records or batches"):
        requested_lane("fast")


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("net.tcp://h/A", None, "net.tcp://h/A"),
        ("net.tcp://h/A", "StrongWildcard", "net.tcp://+/A"),
        ("NET.TCP://h:9000/a/", "WeakWildcard", "net.tcp://*:9000/a"),
    ],
)
def test_an_address(text: str, mode: str | None, expected: str) -> None:
    """The address in its tidy form, with the host that its mode says."""
    assert str(requested_address(text, mode, unique=False)) == expected


@pytest.mark.parametrize(
    ("text", "below"),
    [(None, "net.tcp://+/Temporary_Listen_Addresses/"), ("net.tcp://h/a/", "net.tcp://h/a/")],
)
def test_a_unique_address(text: str | None, below: str) -> None:
    """A made-up address is below the given one, and another one each time."""
    one, other = (str(requested_address(text, None, unique=True)) for _ in range(2))
    assert one.startswith(below)
    assert one != other


@pytest.mark.parametrize(
    ("text", "mode", "error", "sentence"),
    [
        (None, None, InvalidArgument, "needed unless"),
        ("net.tcp://h/" + "x" * 2048, None, PathTooLong, "more than 2048 bytes"),
        ("http://h/a", None, ProtocolUnsupported, "only net.tcp"),
        ("net.tcp://h:99999/a", None, InvalidArgument, "not a port number"),
        ("net.tcp://h/a", "Strong", InvalidArgument, "none of StrongWildcard, Exact"),
    ],
)
def test_no_address(
    text: str | None, mode: str | None, error: type[RegistrationError], sentence: str
) -> None:
    """Each mistake has the status of the original's contract, and a sentence."""
    with pytest.raises(error, match=sentence):
        requested_address(text, mode, unique=False)
