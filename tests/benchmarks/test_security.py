"""Tests of the benchmark of security: its services, its floor, and its clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.transport import tables
from benchmarks.harness.transport.loads import Size
from benchmarks.harness.transport.measure import measure
from benchmarks.harness.transport.security import FIGURES, SecurityStage, callers

TINY = Size(rounds=1, one=2, many=1, opening=1, bulk=1, data=1)


async def test_all_are_measured(tmp_path: Path) -> None:
    """Our client is served with TLS and NTLM, and the bare client by the bare server."""
    from twisted.internet import reactor

    stage = SecurityStage(tmp_path)
    try:
        stage.start()
        found, notes = callers(reactor, stage, TINY)
        samples: list[dict[str, Any]] = await measure(found, TINY.rounds, lambda _: None)
    finally:
        stage.stop()
    assert notes == ([] if stage.ntlm else ["NTLM is left out: pyspnego is not installed"])
    assert {one.key for one in found} >= {"tls", "tls-floor"}
    assert len(samples) == len(found) * len(FIGURES)
    assert all(one["done"] and not one["failed"] for one in samples)
    assert tables.FLOORS["tls"] == tables.FLOORS["ntlm"] == "tls-floor"
