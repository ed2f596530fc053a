"""
What it costs to find the owner of a via, with few and with very many addresses registered.

Run from the project's root: ``python benchmarks/lookup.py``. It takes some seconds.

find
    ``RoutingTree.find`` of a via that was parsed before: the tree alone. ``same`` asks for the
    same ten vias again and again, as clients do; ``spread`` asks for another address each time,
    so that with 100,000 of them nothing is in the processor's cache.
text
    from the text that a client sent: ``parse_via`` and ``find``. A text that was seen lately is
    not parsed again, so that ``spread`` is mostly parsing with many addresses, and never with few;
    ``fresh`` asks for another text each time with few and with many, below the addresses.
"""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.harness.tables import number, table
from netshare.addresses import parse_base_address, parse_via
from netshare.outcomes import Outcome
from netshare.service.routing.routes import FaultRoute
from netshare.service.routing.tree import RoutingTree

FEW, MANY = 10, 100_000
ROUNDS, LOOKUPS = 9, 20_000


def path(index: int) -> str:
    """Addresses as a company has them: departments, and services below."""
    return f"/department{index % 100}/service{index}"


def tree_of(count: int) -> RoutingTree:
    """A tree with so many addresses."""
    tree = RoutingTree()
    route = FaultRoute(Outcome.ENDPOINT_UNAVAILABLE, "closed for the benchmark")
    for index in range(count):
        tree.put(parse_base_address(f"net.tcp://+:8808{path(index)}"), route)
    return tree


def nanoseconds(call: Callable[[Any], object], arguments: Sequence[Any]) -> float:
    """The processor time of one call; what else the machine does does not count."""
    began = time.thread_time_ns()
    for argument in arguments:
        call(argument)
    return (time.thread_time_ns() - began) / len(arguments)


def measure(rounds: int = ROUNDS, lookups: int = LOOKUPS) -> dict[str, Any]:
    """
    :returns: medians in nanoseconds (``ns``) by case and count, and ``ratios`` of many to few
    """
    rng = random.Random(1)
    trees = {count: tree_of(count) for count in (FEW, MANY)}
    taken: dict[tuple[str, int], list[float]] = {}
    fresh = itertools.count()
    for _ in range(rounds):
        for count, tree in trees.items():
            asked = {
                "same": [rng.randrange(count) for _ in range(10)] * (lookups // 10),
                "spread": [rng.randrange(count) for _ in range(lookups)],
            }

            def from_text(text: str, tree: RoutingTree = tree) -> object:
                return tree.find(parse_via(text))

            for how, indices in asked.items():
                texts = [f"net.tcp://server.example:8808{path(index)}" for index in indices]
                vias = [parse_via(text) for text in texts]
                for case, call, arguments in (
                    ("find", tree.find, vias),
                    ("text", from_text, texts),
                ):
                    cost = nanoseconds(call, arguments)
                    taken.setdefault((f"{case}, {how}", count), []).append(cost)
            texts = [f"{text}/{next(fresh)}" for text in texts]
            taken.setdefault(("text, fresh", count), []).append(nanoseconds(from_text, texts))
    cases = list(dict.fromkeys(case for case, _ in taken))
    medians = {
        case: {str(count): statistics.median(taken[case, count]) for count in (FEW, MANY)}
        for case in cases
    }
    ratios = {
        case: statistics.median(
            many / few for few, many in zip(taken[case, FEW], taken[case, MANY], strict=True)
        )
        for case in cases
    }
    return {"ns": medians, "ratios": ratios}


def report(measured: dict[str, Any]) -> str:
    """The table."""
    rows = [
        [
            case,
            *(number(cost / 1000, 2) for cost in costs.values()),
            number(measured["ratios"][case]),
        ]
        for case, costs in measured["ns"].items()
    ]
    return table(("lookup", f"µs with {FEW}", f"µs with {MANY:,}", "ratio"), rows)


if __name__ == "__main__":
    print(report(measure()))
