"""
The tables that a run prints: what was measured, beside the floor and CoreWCF, and the goals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.results import Results
from benchmarks.harness.tables import number, table
from benchmarks.harness.transport.loads import CHANNELS, MEGABYTE, OPENING

SHARED, OWN, FLOOR = "dotnet-shared", "dotnet-own", "dotnet-floor"
WHOLE, WHOLE_FLOOR = "dotnet-whole", "dotnet-whole-floor"
#: Whose floor is whose: the same client at a server that does nothing.
FLOORS = {
    SHARED: FLOOR,
    OWN: FLOOR,
    "twisted": "twisted-floor",
    "tls": "tls-floor",
    "ntlm": "tls-floor",
}

#: CoreWCF, called by the same client, by figure: calls/s and p50 in ms. It cannot be started here:
#: these were measured by the project on a 2-core machine (Debian 12).
COREWCF: dict[str, tuple[float, float | None]] = {
    "one": (3300, 0.27),
    "many": (12_900, None),
    "pooled": (3800, None),
    "unpooled": (1640, None),
}
COREWCF_TITLE = "CoreWCF (measured by the project on a 2-core machine)"

FIGURES = {
    "one": "Add on one channel, one call after the other",
    "many": f"Add on {CHANNELS} channels at once",
    "pooled": f"Open, Add, Close, {OPENING} at a time, connections kept",
    "unpooled": f"Open, Add, Close, {OPENING} at a time, connections not kept",
    "replies": "Replies of 1 MB",
    "requests": "Requests of 1 MB",
}
BULK = frozenset({"replies", "requests"})


@dataclass(frozen=True)
class Goal:
    """
    What is aimed at.
    """

    what: str
    value: float | None
    aim: float
    #: Whether less is better.
    less: bool = False

    def row(self) -> list[str]:
        """For the table."""
        sign = "≤" if self.less else "≥"
        if self.value is None:
            return [self.what, "-", f"{sign} {self.aim:,g}", ""]
        good = self.value <= self.aim if self.less else self.value >= self.aim
        return [self.what, number(self.value), f"{sign} {self.aim:,g}", "✓" if good else "✗"]


def report(results: Results) -> str:
    """Everything that is printed at the end."""
    about = results.about
    parts = [f"{about.get('machine', '')}\n{about.get('versions', '')}\n{about.get('when', '')}"]
    for figure in FIGURES:
        if any(results.values(key, figure, "rate") for key in results.titles):
            parts.append(calls(results, figure))
    parts += [each for each in (growth(results), segments(results)) if each]
    if SHARED in results.titles:
        head = ("goal, of .NET at the shared port", "is", "aimed at", "")
        parts.append(table(head, goals(results)))
    parts.append("\n".join([*results.notes, *results.failures()]))
    return "\n\n".join(part for part in parts if part.strip())


def rate(results: Results, key: str, figure: str) -> float | None:
    """:returns: the median, in calls a second, or in MB a second"""
    median = results.median(key, figure, "rate")
    scale = MEGABYTE / 1e6 if figure in BULK else 1
    return None if median is None else median * scale


def calls(results: Results, figure: str) -> str:
    """Who calls, and how fast."""
    digits = 1 if figure in BULK else 0
    rows = []
    for key, title in results.titles.items():
        rates = results.values(key, figure, "rate").values()
        if not rates:
            continue
        scale = MEGABYTE / 1e6 if figure in BULK else 1
        floor = FLOORS.get(key)
        rows.append(
            [
                title,
                number(rate(results, key, figure), digits),
                f"{number(min(rates) * scale, digits)} - {number(max(rates) * scale, digits)}",
                number(results.ratio(key, floor, figure, "rate")) if floor else "",
                number(results.median(key, figure, "p50")),
                number(results.median(key, figure, "p99")),
                number(results.median(key, figure, "cpu"), 0),
                number(results.median(key, figure, "client"), 0),
            ]
        )
    if figure in COREWCF:
        known, p50 = COREWCF[figure]
        told = number(p50) if p50 is not None else ""
        rows.append([COREWCF_TITLE, number(known, 0), "", "", told, "", "", ""])
    unit = "MB/s" if figure in BULK else "calls/s"
    head = [FIGURES[figure], unit, "from - to", "vs floor", "p50 ms", "p99 ms"]
    return table([*head, "server µs", "client µs"], rows)


def growth(results: Results) -> str:
    """Several workers behind one address."""
    rows = []
    for key, count in groups(results):
        cpu = results.median(key, "growth", "cpu")
        rows.append(
            [
                f"{count} worker{'s' * (count > 1)}",
                number(rate(results, key, "growth"), 0),
                number(results.ratio(key, "workers-1", "growth", "rate")),
                number(results.median(key, "growth", "p50")),
                number(cpu, 0),
                number(results.median(key, "growth", "client"), 0),
                number(count * 1e6 / cpu if cpu else None, 0),
            ]
        )
    if not rows:
        return ""
    head = [f"One address, {CHANNELS} channels of .NET", "calls/s", "vs one", "p50 ms"]
    made = table([*head, "servers µs", "client µs", "with a processor each, calls/s"], rows)
    return f"{made}\nThe client runs on the same processors and takes its share of them."


def groups(results: Results) -> list[tuple[str, int]]:
    """:returns: keys of what was measured with several workers, and how many these were"""
    found = [key for key in results.titles if results.values(key, "growth", "rate")]
    return [(key, int(key.rpartition("-")[2])) for key in found]


def segments(results: Results) -> str:
    """What TCP_MAXSEG does for a client on the same machine."""
    rows = []
    for title, key, figure in (
        ("the shared port", SHARED, "replies"),
        ("the service's own port", OWN, "replies"),
        ("the shared port, maxSegmentSize 0", WHOLE, "whole"),
        ("any port that does not set TCP_MAXSEG", WHOLE_FLOOR, "whole"),
    ):
        took = results.median(key, figure, "p50")
        if took is not None:
            late = "over " if results.failed(key, figure) else ""
            rows.append([title, f"{late}{number(took, 1)}"])
    return table(("A reply of 1 MB to .NET on the same machine, over", "ms"), rows) if rows else ""


def goals(results: Results) -> Sequence[Sequence[str]]:
    """How far the project's goals are reached, by the figures of .NET at the shared port."""
    together = [key for key, count in groups(results) if count == 2]
    whole = results.median(WHOLE_FLOOR, "whole", "p50")
    reply = results.median(SHARED, "replies", "p50")
    p50 = results.median(SHARED, "one", "p50")
    corewcf = COREWCF["one"][1]
    assert corewcf is not None
    made = (
        Goal("p50 of a call on one channel, ms", p50, 0.4, less=True),
        Goal("... vs CoreWCF's", None if p50 is None else p50 / corewcf, 1.5, less=True),
        Goal(f"calls/s on {CHANNELS} channels", rate(results, SHARED, "many"), 5000),
        Goal(
            "... with two workers behind the address, vs with one",
            results.ratio(together[0], "workers-1", "growth", "rate") if together else None,
            1,
        ),
        Goal("MB/s of replies of 1 MB", rate(results, SHARED, "replies"), 300),
        Goal("... vs the floor", results.ratio(SHARED, FLOOR, "replies", "rate"), 0.9),
        Goal("MB/s of requests of 1 MB", rate(results, SHARED, "requests"), 300),
        Goal(
            "a reply of 1 MB, how much faster than over a port without TCP_MAXSEG",
            whole / reply if whole and reply else None,
            500,
        ),
    )
    return [goal.row() for goal in made]
