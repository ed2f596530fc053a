"""
What has to hold for values of any contract, and for any bytes that are to be one: generated writers
and readers do what the ordinary way does, errors included; as in :mod:`tests.helpers.properties`.

The bytes are choices of Hypothesis, of which contracts, values and damage are made.
"""

from __future__ import annotations

import random

from tests.transport.datacontracts.generated.test_reading import test_any_value_and_mutated_bytes
from tests.transport.datacontracts.generated.test_writing import test_any_value, test_usual_value

__all__ = ["check_generated", "generated_seeds"]

_CHECKS = [
    one.hypothesis.fuzz_one_input  # type: ignore[attr-defined]
    for one in (test_any_value_and_mutated_bytes, test_any_value, test_usual_value)
]


def check_generated(data: bytes) -> None:
    """
    :param data: which property, and choices
    :raises AssertionError: both ways differ
    """
    if data:
        _CHECKS[data[0] % len(_CHECKS)](data[1:])


def generated_seeds() -> list[bytes]:
    """Choices to begin with."""
    chosen = random.Random(13)
    return [bytes((number,)) + chosen.randbytes(400) for number in range(12)]
