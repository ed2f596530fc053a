"""The service under ``twistd``: what it opens, and how a start fails."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from netshare.config import configure
from netshare.tap import Options, SharingService, makeService
from netshare.tap.service import StartFailed


def service(directory: Path, daemon: bool = False, **options: Any) -> SharingService:
    """A service that is not started."""
    options = {"control": str(directory / "run" / "control"), "interface": ["127.0.0.1"], **options}
    return SharingService(MemoryReactorClock(), configure(options, {}), daemon)


def test_it_is_made_of_options(tmp_path: Path) -> None:
    """What the command line says is what the service has."""
    options = Options()
    options.parseOptions([f"--control={tmp_path}/control", "--allow-user=root"])
    made = makeService(options, MemoryReactorClock())
    assert made.control == tmp_path / "control"
    assert made.shared.status.stats()["settings"]["allow-user"] == ["root"]


def test_a_start_opens_the_control_socket(tmp_path: Path) -> None:
    """Its directory is made, and everybody may connect."""
    made = service(tmp_path)
    made.privilegedStartService()
    reactor: Any = made._reactor
    ((address, _, backlog, mode, wants_pid),) = reactor.unixServers
    assert (address, mode, wants_pid) == (str(tmp_path / "run" / "control"), 0o666, True)
    assert backlog == 4096
    assert (tmp_path / "run").is_dir()


@pytest.mark.parametrize("daemon", [False, True])
def test_a_start_that_fails(tmp_path: Path, daemon: bool) -> None:
    """In the foreground a sentence ends the program; a daemon's parent needs an Exception."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        relay = f"net.tcp://+:{taken.getsockname()[1]}/r=tcp:h:1"
        made = service(tmp_path, daemon, relay=[relay])
        with pytest.raises(StartFailed if daemon else SystemExit, match="cannot be opened"):
            made.privilegedStartService()


def test_the_error_of_a_daemon_is_short() -> None:
    """twistd shows a hundred characters, which the name of a module would fill."""
    assert f"{StartFailed.__module__}.{StartFailed.__qualname__}" == "builtins.StartFailed"


def test_a_service_that_runs_is_named(tmp_path: Path) -> None:
    """A control socket on which something listens is left alone."""
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "run" / "control"))
        other.listen(1)
        with pytest.raises(SystemExit, match=f"runs there already, process {os.getpid()} of user"):
            service(tmp_path).privilegedStartService()
    assert (tmp_path / "run" / "control").exists()


def test_what_a_killed_service_left_is_removed(tmp_path: Path) -> None:
    """A socket on which nothing listens, and its lock, are no obstacle."""
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "run" / "control"))
    (tmp_path / "run" / "control.lock").symlink_to("1")
    service(tmp_path).privilegedStartService()
    assert not (tmp_path / "run" / "control").exists()
    assert not (tmp_path / "run" / "control.lock").is_symlink()


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A control socket that has no place is a sentence."""
    (tmp_path / "run").touch()
    with pytest.raises(SystemExit, match="--control"):
        service(tmp_path).privilegedStartService()


def test_a_connection_log_that_cannot_be_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is a log that cannot be written."""
    with pytest.raises(SystemExit):
        service(tmp_path, connectionLog="/nowhere/log")
    assert "connectionLog: " in capsys.readouterr().err
