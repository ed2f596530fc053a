"""Fixtures of the tests with real sockets, processes and peers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.running import RunningService
from tests.peers.fixtures import (
    dotnet_client,
    dotnet_program,
    mono_client,
    mono_programs,
    mono_server,
    more_client,
    more_contracts,
    required_peers,
)

__all__ = [
    "dotnet_client",
    "dotnet_program",
    "fast",
    "mono_client",
    "mono_programs",
    "mono_server",
    "more_client",
    "more_contracts",
    "required_peers",
    "service",
]


@pytest.fixture
def fast() -> bool:
    """Whether workers ask for a fast lane; modules that care run their tests both ways."""
    return True


@pytest_twisted.async_yield_fixture
async def service(tmp_path: Path, fast: bool) -> AsyncIterator[RunningService]:
    """A sharing service in this process, with a control socket of its own."""
    from twisted.internet import reactor

    running = RunningService(reactor, tmp_path, fast=fast)
    await running.start()
    yield running
    await running.stop()
