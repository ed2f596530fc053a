"""
The peers as pytest fixtures; a conftest.py takes them by importing their names.

``@pytest.mark.peer("mono")`` says what a test needs; the fixtures of a peer ask for it themselves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Protocol, cast

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from tests.peers.child import IReactor
from tests.peers.drivers import DotNetClient, MonoClient, MonoEndpoint, MonoServer
from tests.peers.programs import (
    MonoPrograms,
    build_mono_programs,
    build_more_contracts,
    find_dotnet_client,
    find_mono,
    require_peer,
)

__all__ = [
    "StartMonoServer",
    "dotnet_client",
    "dotnet_program",
    "mono_client",
    "mono_programs",
    "mono_server",
    "more_client",
    "more_contracts",
    "required_peers",
]


class StartMonoServer(Protocol):
    """What the ``mono_server`` fixture gives: a function that starts one more server."""

    def __call__(
        self, *endpoints: MonoEndpoint, name: str = "mono", binding: str = "none"
    ) -> Awaitable[MonoServer]: ...


def _reactor() -> IReactor:
    # Imported late: at import time pytest-twisted has not installed the chosen reactor yet.
    from twisted.internet import reactor

    return cast(IReactor, reactor)


@pytest.fixture(autouse=True)
def required_peers(request: pytest.FixtureRequest) -> None:
    """Skips, or under continuous integration fails, a test whose marked peers are missing."""
    for mark in request.node.iter_markers("peer"):
        for name in mark.args:
            require_peer(name)


# The skips are raised in fixtures that are not async: after an async one of pytest-twisted 1.14 has
# raised, pytest 9 ends its next use with an AssertionError.


@pytest.fixture(scope="session")
def dotnet_program() -> Path:
    """Microsoft's client, the file."""
    require_peer("dotnet")
    program = find_dotnet_client()
    assert program is not None
    return program


@pytest.fixture(scope="session")
def mono_programs() -> MonoPrograms:
    """The compiled Mono client and server."""
    require_peer("mono")
    mono = find_mono()
    assert mono is not None
    return build_mono_programs(mono)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def dotnet_client(dotnet_program: Path) -> AsyncIterator[DotNetClient]:
    """Microsoft's client, started; stopped after the test."""
    client = DotNetClient(_reactor(), dotnet_program)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@pytest.fixture(scope="session")
def more_contracts() -> Path:
    """The assembly of MoreContracts.cs."""
    require_peer("mono")
    mono = find_mono()
    assert mono is not None
    return build_more_contracts(mono)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def more_client(dotnet_program: Path, more_contracts: Path) -> AsyncIterator[DotNetClient]:
    """Microsoft's client with the contracts of MoreContracts.cs; stopped after the test."""
    client = DotNetClient(_reactor(), dotnet_program, [more_contracts])
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def mono_client(mono_programs: MonoPrograms) -> AsyncIterator[MonoClient]:
    """A client on Mono, started; stopped after the test."""
    client = MonoClient(_reactor(), mono_programs)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def mono_server(mono_programs: MonoPrograms) -> AsyncIterator[StartMonoServer]:
    """Starts Mono servers: ``await mono_server(MonoEndpoint(…), name="one")``."""
    servers: list[MonoServer] = []

    async def start(
        *endpoints: MonoEndpoint, name: str = "mono", binding: str = "none"
    ) -> MonoServer:
        server = MonoServer(_reactor(), mono_programs, endpoints, name=name, binding=binding)
        await server.start()
        servers.append(server)
        return server

    try:
        yield start
    finally:
        for server in servers:
            await server.stop()
