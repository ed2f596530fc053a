"""
Raw samples, and the medians and ratios made of them.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .measure import Sample


@dataclass(frozen=True)
class Results:
    """
    Everything one run came to.
    """

    #: See :mod:`benchmarks.harness.measure`.
    samples: Sequence[Sample]
    #: Titles of the dispatchers by key, in the order of the tables.
    titles: dict[str, str]
    #: The machine, the versions, how much was measured.
    about: dict[str, Any] = field(default_factory=dict)
    #: What was left out, and why.
    notes: Sequence[str] = ()

    def save(self, path: Path) -> None:
        """Keep it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "about": self.about,
            "titles": self.titles,
            "notes": list(self.notes),
            "samples": "SAMPLES",
        }
        # A line for each sample: raw results are read by people, too.
        lines = ",\n".join(f"  {json.dumps(sample)}" for sample in self.samples)
        text = json.dumps(content, indent=1).replace('"SAMPLES"', f"[\n{lines}\n ]")
        path.write_text(text + "\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """
        Read what :meth:`save` wrote.

        :raises OSError: it cannot be read
        :raises ValueError: it is something else
        """
        content = json.loads(path.read_text())
        names = {"samples", "titles", "about", "notes"}
        if not isinstance(content, dict) or not names <= content.keys():
            raise ValueError(f"it is no object with {', '.join(sorted(names))}")
        return cls(content["samples"], content["titles"], content["about"], content["notes"])

    def values(self, dispatcher: str, figure: str, name: str) -> dict[int, float]:
        """What was measured, by round."""
        return {
            sample["round"]: sample[name]
            for sample in self.samples
            if sample["dispatcher"] == dispatcher and sample["figure"] == figure and name in sample
        }

    def median(self, dispatcher: str, figure: str, name: str) -> float | None:
        """
        :returns: the median of all rounds, or None when it was not measured
        """
        values = self.values(dispatcher, figure, name)
        return statistics.median(values.values()) if values else None

    def ratio(self, one: str, other: str, figure: str, name: str) -> float | None:
        """
        How many times the other's value one has.

        :returns: the median of the ratios within each round: what else the machine does meanwhile
            is then nearly the same for both
        """
        ours, theirs = self.values(one, figure, name), self.values(other, figure, name)
        ratios = [ours[n] / theirs[n] for n in ours if theirs.get(n)]
        return statistics.median(ratios) if ratios else None

    def added(self, one: str, other: str, base: str) -> float | None:
        """
        The latency that one adds to the base's, as a part of what the other adds.
        """
        p50 = [self.values(key, "single", "p50") for key in (one, other, base)]
        ratios = [
            (p50[0][n] - p50[2][n]) / (p50[1][n] - p50[2][n])
            for n in p50[0]
            if n in p50[1] and n in p50[2] and p50[1][n] > p50[2][n]
        ]
        return statistics.median(ratios) if ratios else None

    def memory(self, dispatcher: str) -> float | None:
        """
        Bytes of the dispatcher's memory for each connection held.
        """
        for sample in self.samples:
            if sample["dispatcher"] == dispatcher and sample["figure"] == "hold":
                grown: float = (sample["during"] - sample["before"]) / sample["held"]
                return grown
        return None

    def failed(self, dispatcher: str, figure: str) -> int:
        """How many connections were not served."""
        return sum(
            sample.get("failed", 0)
            for sample in self.samples
            if (sample["dispatcher"], sample["figure"]) == (dispatcher, figure)
        )

    def failures(self) -> list[str]:
        """
        :returns: a sentence for each dispatcher and figure that lost connections
        """
        places = dict.fromkeys((sample["dispatcher"], sample["figure"]) for sample in self.samples)
        sentences = []
        for key, figure in places:
            lost = self.failed(key, figure)
            tried = lost + sum(self.values(key, figure, "done").values())
            if lost:
                sentences.append(f"{self.titles[key]}, {figure}: {lost} of {tried:g} failed")
        return sentences
