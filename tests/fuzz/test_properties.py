"""What holds for any input: bounded runs of the checks that tests/fuzz runs for long."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import controlproperties, properties, upgradeproperties

CHECKS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]] = {
    name: (getattr(properties, f"check_{name}"), getattr(properties, f"{name}_seeds"))
    for name in ("framing", "decode", "text", "compressed")
} | {
    "upgrades": (upgradeproperties.check_upgrades, upgradeproperties.upgrades_seeds),
    "control": (controlproperties.check_control, controlproperties.control_seeds),
}
#: Inputs for which something did not hold once.
FOUND = [
    b'"',  # a conversation without any record could not be shown
    # a prefix that is declared again, with the same meaning, was taken for a difference
    b"\x00<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'"
    b" xmlns:a='http://www.w3.org/2005/08/addressing'><s:Header><a:Action>x</a:Action></s:Header>"
    b"<s:Body><b xmlns:a='http://www.w3.org/2005/08/addressing'><a:c/></b></s:Body></s:Envelope>",
    # a command that wants no answer and fails was a traceback
    b"\x00\xff\x00\x08_command\x00\x08Register\x00\x0bbaseAddress\x00\x10net.tcp://+/mine"
    b"\x00\x07version\x00\x019\x00\x00",
    # too long and damaged: which of the two it is refused for depends on how it is cut
    bytes.fromhex(
        "00041f8b0800000000000003edc1010d000000c2a0f74f6d0f0714000000706f7fd37525b801100000"
    ),
]
#: Small samples, from which Hypothesis makes others.
SAMPLES = {
    name: [seed for seed in seeds() if len(seed) < 1500] for name, (_, seeds) in CHECKS.items()
}


@pytest.mark.parametrize("name", CHECKS)
def test_recorded_input(name: str) -> None:
    """Everything that real peers wrote passes."""
    check, seeds = CHECKS[name]
    assert SAMPLES[name]
    for seed in seeds():
        check(seed)


@pytest.mark.parametrize("data", FOUND)
def test_what_was_found_before(data: bytes) -> None:
    """What fuzzing has found once does not come back."""
    for check, _ in CHECKS.values():
        check(data)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(CHECKS)), st.binary(max_size=100))
def test_any_bytes(name: str, data: bytes) -> None:
    """Any bytes at all are understood or refused in an orderly way."""
    CHECKS[name][0](data)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(sorted(CHECKS)), st.integers(0, 2**32))
def test_damaged_input(name: str, seed: int) -> None:
    """So is what was damaged on its way."""
    CHECKS[name][0](damaged(random.Random(seed), SAMPLES[name]))


def damaged(source: random.Random, samples: list[bytes]) -> bytes:
    """A sample of which a few bytes are others, are missing, or stand there twice."""
    data = bytearray(source.choice(samples))
    for _ in range(source.randrange(1, 5)):
        at = source.randrange(len(data) + 1)
        end = min(len(data), at + source.choice((1, 1, 2, 8, 50)))
        change = source.randrange(4)
        if change == 0:
            data[at:end] = source.randbytes(end - at)
        elif change == 1:
            del data[at:end]
        elif change == 2:
            data[at:at] = data[at:end] * source.randrange(1, 4)
        else:
            other = source.choice(samples)
            data[at:] = other[source.randrange(len(other) + 1) :]
    return bytes(data)
