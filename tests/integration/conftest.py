"""Fixtures of the tests with real sockets, processes and peers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_twisted

from tests.helpers.windows import KerberosRealm, ntlm_users, require_kerberos, require_no_gss_ntlm
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
    "ntlm",
    "realm",
    "required_peers",
    "service",
]


@pytest.fixture
def fast() -> bool:
    """Whether workers ask for a fast lane; modules that care run their tests both ways."""
    return True


@pytest.fixture
def ntlm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of users, without any Kerberos."""
    require_no_gss_ntlm()
    monkeypatch.setenv("KRB5_CONFIG", "/dev/null")
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "no-cache"))
    ntlm_users(tmp_path, monkeypatch)


@pytest.fixture
def realm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KerberosRealm]:
    """A realm, known to this process and to the clients that it starts."""
    require_kerberos()
    with KerberosRealm(tmp_path) as realm:
        for name, value in realm.environment.items():
            monkeypatch.setenv(name, value)
        yield realm


@pytest_twisted.async_yield_fixture
async def service(tmp_path: Path, fast: bool) -> AsyncIterator[RunningService]:
    """A sharing service in this process, with a control socket of its own."""
    from twisted.internet import reactor

    running = RunningService(reactor, tmp_path, fast=fast)
    await running.start()
    yield running
    await running.stop()
