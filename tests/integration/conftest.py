"""Fixtures of the tests with real sockets, processes and peers."""

from tests.peers.fixtures import (
    dotnet_client,
    dotnet_program,
    mono_client,
    mono_programs,
    mono_server,
    required_peers,
)

__all__ = [
    "dotnet_client",
    "dotnet_program",
    "mono_client",
    "mono_programs",
    "mono_server",
    "required_peers",
]
