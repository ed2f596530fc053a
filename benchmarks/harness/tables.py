"""
The tables that a run prints: what was measured, and how far the goals are reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .results import Results

BASE, BEST, DIRECT = "haproxy", "haproxy-best", "direct"
LANES = {"netshare-amp": "AMP", "netshare-records": "records", "netshare-batches": "batches"}
FAST = ("netshare-records", "netshare-batches")
TWISTED = ("twisted-netshare", "twisted-direct")
MANY, BEFORE = "netshare-workers-", "before-"

#: Memory for a held connection that is noise: a third of a megabyte for 20,000.
NOISE_BYTES = 16


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """
    A table for a terminal, the first column to the left and all others to the right.
    """
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(padded)} |"

    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([line(head), rule, *map(line, rows)])


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or a dash for what was not measured."""
    return "-" if value is None else f"{value:,.{digits}f}"


def connections(results: Results) -> str:
    """New connections, one after the other and many at once."""
    rows = []
    for key, title in results.titles.items():
        if key in TWISTED or key.startswith((MANY, BEFORE)):
            continue
        rows.append(
            [
                title,
                number(results.median(key, "rate", "rate"), 0),
                number(results.ratio(key, DIRECT, "rate", "rate")),
                number(results.ratio(key, BASE, "rate", "rate")),
                number(results.ratio(key, BEST, "rate", "rate")),
                number(results.median(key, "rate", "cpu"), 1),
                number(results.median(key, "rate", "p99"), 0),
                number(results.median(key, "single", "p50"), 1),
                number(results.median(key, "single", "p99"), 0),
                number(results.ratio(key, BASE, "single", "p50")),
            ]
        )
    head = (
        "who dispatches",
        *("conn/s", "vs direct", "vs HAProxy", "vs its best", "CPU µs", "p99 µs"),
        *("alone: p50 µs", "p99 µs", "p50 vs HAProxy"),
    )
    return table(head, rows)


def storms(results: Results) -> str:
    """4,000 connections that waited."""
    rows = [
        [
            title,
            number(results.median(key, "storm", "rate"), 0),
            number(results.ratio(key, DIRECT, "storm", "rate")),
            number(results.ratio(key, BASE, "storm", "rate")),
            number(results.ratio(key, BEST, "storm", "rate")),
            number(results.median(key, "storm", "failed"), 0),
        ]
        for key, title in results.titles.items()
        if results.values(key, "storm", "rate")
    ]
    return table(
        ("who dispatches", "conn/s", "vs direct", "vs HAProxy", "vs its best", "failed"), rows
    )


def twisted_workers(results: Results) -> str:
    """The same Twisted Factory with a port of its own, and behind the shared one."""
    behind, alone = TWISTED
    rows = []
    for key in (alone, behind):
        if key in results.titles:
            cells = [results.titles[key]]
            for figure in ("rate", "storm"):
                cells.append(number(results.median(key, figure, "rate"), 0))
                cells.append(number(results.ratio(key, alone, figure, "rate")))
            cells.append(number(results.median(key, "single", "p50"), 1))
            cells.append(number(results.ratio(key, alone, "single", "p50")))
            rows.append(cells)
    head = ("worker", "conn/s", "ratio", "storm, conn/s", "ratio", "alone: p50 µs", "ratio")
    return table(head, rows)


def many_workers(results: Results) -> str:
    """The load goes to 1, 4, 64 and 512 workers in turn."""
    rows = []
    for key, title in results.titles.items():
        if key.startswith(MANY):
            rows.append(
                [
                    title,
                    number(results.median(key, "rate", "rate"), 0),
                    number(results.ratio(key, f"{MANY}1", "rate", "rate")),
                    number(results.median(key, "rate", "cpu"), 1),
                    number(results.ratio(key, f"{MANY}1", "rate", "cpu")),
                ]
            )
    return table(("workers", "conn/s", "vs one", "CPU µs", "vs one"), rows)


def before_and_after(results: Results) -> str:
    """This checkout and another one, in the same rounds; a ratio of one: nothing has changed."""
    rows = []
    for key, title in results.titles.items():
        other = f"{BEFORE}{key}"
        if other not in results.titles:
            continue
        cells = [title]
        for figure, name, digits in (
            ("rate", "rate", 0),
            ("rate", "cpu", 1),
            ("single", "p50", 1),
            ("storm", "rate", 0),
        ):
            then, now = (results.median(one, figure, name) for one in (other, key))
            cells.append(f"{number(then, digits)} → {number(now, digits)}")
            cells.append(number(results.ratio(key, other, figure, name)))
        rows.append(cells)
    head = ("who dispatches", "conn/s", "ratio", "CPU µs", "ratio", "alone: p50 µs", "ratio")
    return table((*head, "storm, conn/s", "ratio"), rows)


def established(results: Results) -> str:
    """What a dispatcher costs once the connection is there."""
    rows = []
    for key, title in results.titles.items():
        if not results.values(key, "bulk", "rate"):
            continue
        bulk = results.median(key, "bulk", "rate")
        rows.append(
            [
                title,
                number(None if bulk is None else bulk / 1e6, 0),
                number(results.ratio(key, DIRECT, "bulk", "rate")),
                number(results.median(key, "echo", "rate"), 0),
                number(results.ratio(key, DIRECT, "echo", "rate")),
                number(results.median(key, "echo", "p50"), 1),
                number(results.ratio(key, DIRECT, "echo", "p50")),
                number(results.memory(key), 0),
            ]
        )
    head = (
        "who dispatched",
        *("MB/s", "vs direct", "64-byte msg/s", "vs direct", "p50 µs", "vs direct"),
        "bytes a connection",
    )
    return table(head, rows)


@dataclass(frozen=True)
class Goal:
    """
    A figure, and how it should be.
    """

    title: str
    least: float | None
    most: float | None
    #: The columns of :data:`LANES` that it is for.
    lanes: Sequence[str]
    value: Callable[[Results, str], float | None]
    #: What was measured for it: it is not reached if connections failed there.
    figure: str
    digits: int = 2

    @property
    def text(self) -> str:
        """The goal in a few characters."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"

    def reached(self, value: float) -> bool:
        """Whether a value is as it should be."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


def _versus(
    title: str, least: float | None, most: float | None, lanes: Sequence[str], *of: str
) -> Goal:
    """
    A goal that is a ratio.

    :param of: compared with whom, the figure, what of it
    """
    other, figure, name = of
    return Goal(title, least, most, lanes, lambda r, key: r.ratio(key, other, figure, name), figure)


def _lookup(title: str, case: str) -> Goal:
    def value(results: Results, key: str) -> float | None:
        ratio: float | None = results.about.get("lookup", {}).get("ratios", {}).get(case)
        return ratio

    return Goal(title, None, 1.5, _ONCE, value, "")


def _established(title: str, figure: str, name: str) -> Goal:
    """
    A goal that is reached with whole segments: smaller ones cost bulk transfers something, by
    intention, and the row of their own says how much.
    """

    def value(results: Results, key: str) -> float | None:
        return results.ratio("netshare-whole-segments", DIRECT, figure, name)

    return Goal(title, 0.98, 1.02, FAST[-1:], value, figure)


_ALL, _ONCE = tuple(LANES), ("netshare-amp",)

GOALS = (
    _versus("connection rate vs HAProxy", 1.7, None, FAST, BASE, "rate", "rate"),
    _versus("… vs HAProxy at its best", 1.35, None, FAST, BEST, "rate", "rate"),
    _versus("… vs the worker owning the port", 0.9, None, FAST, DIRECT, "rate", "rate"),
    _versus("… of a plain AMP worker vs HAProxy", 1.0, None, _ONCE, BASE, "rate", "rate"),
    _versus("CPU a connection vs HAProxy", None, 0.35, FAST, BASE, "rate", "cpu"),
    Goal(
        "added latency p50 vs HAProxy's",
        None,
        0.6,
        FAST,
        lambda results, key: results.added(key, BASE, DIRECT),
        "single",
    ),
    _versus("storm of 4,000 vs HAProxy", 4.0, None, FAST, BASE, "storm", "rate"),
    _versus("… vs HAProxy at its best", 2.5, None, FAST, BEST, "storm", "rate"),
    Goal(
        "Twisted worker vs itself owning the port",
        1.0,
        None,
        _ONCE,
        lambda results, key: results.ratio(*TWISTED, "rate", "rate"),
        "rate",
    ),
    _established("throughput, established, vs direct", "bulk", "rate"),
    _established("message p50, established, vs direct", "echo", "p50"),
    Goal(
        "memory a held connection, bytes",
        None,
        NOISE_BYTES,
        _ALL,
        lambda results, key: results.memory(key),
        "hold",
        0,
    ),
    _lookup("lookup, 100,000 addresses vs 10, same vias", "text, same"),
    _lookup("… a via never seen before each time", "text, fresh"),
)


def goals(results: Results) -> str:
    """How far each goal is reached, by lane. What is not a lane's stands in the first column."""
    rows = []
    for goal in GOALS:
        cells = []
        for key in LANES:
            if key not in goal.lanes:
                cells.append("")
                continue
            value = goal.value(results, key)
            reached = value is not None and goal.reached(value)
            reached = reached and not results.failed(key, goal.figure)
            mark = "" if value is None else " ✓" if reached else " ✗"
            cells.append(number(value, goal.digits) + mark)
        rows.append([goal.title, goal.text, *cells])
    return table(("figure", "goal", *LANES.values()), rows)


def report(results: Results) -> str:
    """All tables, with their titles."""
    about = results.about
    titled = (
        ("New connections: connect, preamble, ack, close", connections, "rate"),
        ("A storm of 4,000 connections that wait already", storms, "storm"),
        *([("A Twisted worker", twisted_workers, None)] if TWISTED[1] in results.titles else []),
        *([("Many workers", many_workers, "rate")] if f"{MANY}1" in results.titles else []),
        ("Established connections", established, "bulk"),
        *(
            [("Before and after", before_and_after, "rate")]
            if any(key.startswith(BEFORE) for key in results.titles)
            else []
        ),
        ("Goals", goals, None),
    )
    parts = [f"{about.get('machine', '')}\n{about.get('versions', '')}"]
    for title, make, figure in titled:
        if figure is None or any(sample["figure"] == figure for sample in results.samples):
            parts.append(f"{title}\n\n{make(results)}")
    parts.append("\n".join([*results.notes, *results.failures()]))
    return "\n\n".join(part for part in parts if part.strip())
