"""
Where the service's time goes: one load of connections with the service under ``cProfile``.

A profile makes short functions look dearer than they are; it says where to look, not what it costs.
"""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path
from typing import Any

from .dispatcher import Setting
from .dispatchers import netshare
from .measure import FULL, Measurement
from .tables import number, table

CONNECTIONS, ROWS = 10_000, 30


def run(path: str) -> None:
    """``twistd``, profiled until its reactor stops; called in the service's process."""
    from twisted.internet import reactor as _reactor
    from twisted.scripts import twistd

    reactor: Any = _reactor
    profile = cProfile.Profile()

    def stop() -> None:
        profile.disable()
        profile.dump_stats(path)

    reactor.addSystemEventTrigger("during", "shutdown", stop)
    profile.enable()
    twistd.run()


def profile_lane(
    loadgen: Path, worker: Path, directory: Path, lane: str, options: tuple[str, ...] = ()
) -> str:
    """
    :param lane: amp, records or batches
    :returns: the functions in which the service spent most of its time, per connection
    """
    path = directory / "profile"
    service = netshare(Setting(directory, worker, serviceOptions=options, profile=path), lane)
    try:
        Measurement(loadgen, [service], FULL).load(service, "rate", CONNECTIONS, 64, 60)
    finally:
        service.stop()
    return report(pstats.Stats(str(path)), CONNECTIONS)


def report(stats: pstats.Stats, connections: int) -> str:
    """
    A table of functions, those that took most time themselves first.
    """
    taken: dict[tuple[str, int, str], Any] = stats.stats  # type: ignore[attr-defined]
    dearest = sorted(taken.items(), key=lambda one: -one[1][2])[:ROWS]
    rows = [
        [
            f"{'/'.join(Path(file).parts[-2:])}:{line} {name}",
            number(calls / connections),
            number(own / connections * 1e6),
            number(cumulated / connections * 1e6),
        ]
        for (file, line, name), (_, calls, own, cumulated, _) in dearest
    ]
    whole = number(sum(one[2] for one in taken.values()) / connections * 1e6)
    head = ("function", "calls a connection", f"own µs (of {whole})", "with callees")
    return table(head, rows)
