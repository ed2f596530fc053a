"""
The tables of calls with real data: what a line costs each side, beside Mono and the goals.
"""

from __future__ import annotations

from benchmarks.harness.results import Results
from benchmarks.harness.tables import number, table
from benchmarks.harness.transport.loads import DATA, Data
from benchmarks.harness.transport.tables import Goal

OURS, MONO = "dotnet-orders", "dotnet-mono"
#: Key, title and place of each.
SERVICES = ((OURS, "a Python worker", "orders"), (MONO, "a service on Mono", "mono"))
#: Calls a second of 200 lines on one channel before anything was generated, by commit b12865a,
#: beside this tree in one run (median of 4 rounds), and the machine: on others it says nothing.
BEFORE, BEFORE_ON = 180, "2 x AMD EPYC, Linux 6.18"


def report(results: Results) -> str:
    """:returns: all tables; empty: nothing of it was measured"""
    if OURS not in results.titles:
        return ""
    head = ("goal, of calls with real data", "is", "aimed at", "")
    return "\n\n".join([rates(results), lines(results), table(head, goals(results))])


def rates(results: Results) -> str:
    """How fast the calls are."""
    rows = []
    for figure, load in DATA.items():
        for key, title, _ in SERVICES:
            if results.median(key, figure, "rate") is not None:
                rows.append(
                    [
                        f"{load.op}, {load.length}, {load.channels} channel(s)",
                        title,
                        *(number(results.median(key, figure, of)) for of in ("rate", "p50", "p99")),
                        number(results.median(key, figure, "cpu"), 0),
                        number(results.median(key, figure, "client"), 0),
                    ]
                )
    head = ("Data there and back, by .NET", "served by", "calls/s", "p50 ms", "p99 ms")
    return table([*head, "server µs", "client µs"], rows)


def each(results: Results, key: str, op: str, channels: int, side: str) -> float | None:
    """
    :param side: ``cpu``, the server's, or ``client``
    :returns: µs of a processor for a line or an item, read and written: calls of 200 less calls
        of none, a 200th of it
    """
    many, none = (
        results.median(key, Data(op, length, channels).figure, side) for length in (200, 0)
    )
    return None if many is None or none is None else (many - none) / 200


def lines(results: Results) -> str:
    """What a line costs, there and back."""
    rows = []
    for what, op, channels in (
        ("a line of four members, 1 channel", "PutOrder", 1),
        ("a line of four members, 16 channels", "PutOrder", 16),
        ("an item of nine members, 1 channel", "PutStore", 1),
    ):
        for key, title, _ in SERVICES:
            sides = [each(results, key, op, channels, side) for side in ("cpu", "client")]
            rows.append([what, title, *(number(side) for side in sides)])
    head = ("Processor time, read and written", "served by", "server µs", ".NET client µs")
    return table(head, rows)


def goals(results: Results) -> list[list[str]]:
    """How far the goals are reached."""
    line = each(results, OURS, "PutOrder", 1, "cpu")
    client = each(results, OURS, "PutOrder", 1, "client")
    mono = each(results, MONO, "PutOrder", 1, "cpu")
    made = (
        Goal("µs a line in the service", line, 4, less=True),
        Goal(
            "... vs the .NET client's own",
            line / client if line and client and client > 0 else None,
            2,
            True,
        ),
        Goal("... vs Mono's service", line / mono if line and mono else None, 0.2, True),
        Goal("µs an item of nine members", each(results, OURS, "PutStore", 1, "cpu"), 20, True),
        Goal(f"calls/s vs {BEFORE} of commit b12865a on {BEFORE_ON}", _vs_before(results), 3),
    )
    return [goal.row() for goal in made]


def _vs_before(results: Results) -> float | None:
    """:returns: how many times as fast as before; None: that was another machine"""
    rate = results.median(OURS, Data("PutOrder", 200, 1).figure, "rate")
    same = str(results.about.get("machine", "")).startswith(BEFORE_ON)
    return rate / BEFORE if rate and same else None
