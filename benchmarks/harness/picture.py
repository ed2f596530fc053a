"""
A picture of the results: bars with the range of all rounds, as SVG, without any library.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .results import Results
from .tables import BASE, TWISTED

_WIDTH, _LABELS, _BAR, _GAP, _TITLE = 860, 300, 18, 7, 44
_STYLE = (
    "text{font:13px sans-serif;fill:#222}.title{font-weight:bold}.value{font-size:12px}"
    ".ours{fill:#2a6fbb}.other{fill:#b8bec6}.range{stroke:#222;stroke-width:1.2}"
)


@dataclass(frozen=True)
class Bar:
    """One dispatcher in one chart."""

    label: str
    values: Sequence[float]
    ours: bool

    @property
    def median(self) -> float:
        """Its length."""
        return statistics.median(self.values)


def bars(results: Results, figure: str, name: str, base: str | None = None) -> list[Bar]:
    """
    A bar for each dispatcher that this was measured of.

    :param base: compare with this one, round by round; None draws the values as they are
    """
    made = []
    theirs = results.values(base, figure, name) if base else {}
    for key, title in results.titles.items():
        if key in TWISTED:
            continue
        ours = results.values(key, figure, name)
        values = [
            value / theirs[number] if base else value
            for number, value in ours.items()
            if not base or theirs.get(number)
        ]
        if values:
            made.append(Bar(title, values, key.startswith("netshare")))
    return made


def chart(title: str, drawn: Sequence[Bar], top: float, digits: int) -> tuple[list[str], float]:
    """
    :returns: the SVG of one chart, and where the next one may begin
    """
    parts = [f'<text class="title" x="10" y="{top + 24:g}">{escape(title)}</text>']
    longest = max(max(bar.values) for bar in drawn)
    scale = (_WIDTH - _LABELS - 80) / longest
    y = top + _TITLE
    for bar in drawn:
        middle, end = y + _BAR / 2, _LABELS + bar.median * scale
        low, high = (_LABELS + value * scale for value in (min(bar.values), max(bar.values)))
        parts += [
            f'<text x="{_LABELS - 8}" y="{middle + 4.5:g}" text-anchor="end">'
            f"{escape(bar.label)}</text>",
            f'<rect class="{"ours" if bar.ours else "other"}" x="{_LABELS}" y="{y:g}" '
            f'width="{bar.median * scale:.1f}" height="{_BAR}"/>',
            f'<path class="range" d="M{low:.1f} {middle:g}H{high:.1f}"/>',
            f'<text class="value" x="{max(end, high) + 6:.1f}" y="{middle + 4.5:g}">'
            f"{bar.median:,.{digits}f}</text>",
        ]
        y += _BAR + _GAP
    return parts, y + 10


def draw(results: Results) -> str:
    """
    :returns: an SVG document with a chart for each figure that was measured
    """
    charts = [
        ("New connections a second, HAProxy = 1", bars(results, "rate", "rate", BASE), 2),
        (
            "Storm of 4,000 waiting connections, HAProxy = 1",
            bars(results, "storm", "rate", BASE),
            2,
        ),
        ("Dispatcher's CPU for a connection, µs", bars(results, "rate", "cpu"), 1),
        ("Latency of a connection alone, p50, µs", bars(results, "single", "p50"), 1),
        ("64-byte message on an established connection, p50, µs", bars(results, "echo", "p50"), 1),
    ]
    parts: list[str] = []
    top = 0.0
    for title, drawn, digits in charts:
        if drawn:
            more, top = chart(title, drawn, top, digits)
            parts += more
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top:g}">\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect width="{_WIDTH}" height="{top:g}" fill="#fff"/>\n{body}\n</svg>\n'
    )
