"""
The measuring itself: rounds in which everybody is asked for the same, one after the other.

One sample is a dictionary: ``round``, ``dispatcher`` (who called where), ``figure``, ``rate``
(calls a second), ``p50`` and ``p99`` (ms), ``done``, ``failed``, and the processor time of both
sides for each call in µs: ``cpu`` (the servers') and ``client``.

one, many
    Add on one channel, and on 64 channels at once
pooled, unpooled
    open, Add, close, eight at a time, on connections that are kept, and on new ones
replies, requests
    a megabyte down, and a megabyte up
growth
    Add on 64 channels, the address served by several workers
whole
    one reply of a megabyte over a port that does not set TCP_MAXSEG; once, it takes seconds
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.transport.loads import OPERATIONS
from benchmarks.harness.transport.samples import Sample

#: Rather once than in each round.
ONCE = frozenset({"whole"})


class Measuring(Protocol):
    """A client."""

    async def measure(self, figure: str, place: str) -> Sample:
        """Call at a place as a figure asks for it."""


@dataclass(frozen=True)
class Caller:
    """
    Who calls where.
    """

    key: str
    title: str
    client: Measuring
    place: str
    #: By what it is measured.
    figures: Sequence[str]


async def measure(
    callers: Sequence[Caller],
    rounds: int,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> list[Sample]:
    """
    :param say: told what is being done
    :returns: every sample
    :raises BenchmarkError: somebody was not served at all
    """
    samples: list[Sample] = []
    for number in range(1, rounds + 1):
        began = clock()
        for figure in OPERATIONS:
            taking = [caller for caller in callers if figure in caller.figures]
            if not taking or (figure in ONCE and number > 1):
                continue
            # Everybody's turn comes right behind everybody else's, in changing order.
            turn = number % len(taking)
            for caller in [*taking[turn:], *taking[:turn]]:
                place: dict[str, Any] = {"round": number, "dispatcher": caller.key}
                samples.append({**place, "figure": figure, **await _sample(caller, figure)})
            say(f"round {number} of {rounds}: {figure} ({clock() - began:.0f} s)")
    return samples


async def _sample(caller: Caller, figure: str) -> Sample:
    taken: Awaitable[Sample] = caller.client.measure(figure, caller.place)
    try:
        return await taken
    except BenchmarkError as error:
        raise BenchmarkError(f"{caller.title}, {figure}: {error}") from error
