"""netshare.control.paths: where the control socket is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netshare.control.paths import (
    SYSTEM_CONTROL,
    NoControlSocket,
    service_control_path,
    worker_control_path,
)


@pytest.fixture
def an_ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 4001)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)


SERVICE = [
    ({"NETSHARE_CONTROL": "/a/b", "RUNTIME_DIRECTORY": "/run/x"}, "/a/b"),
    ({"RUNTIME_DIRECTORY": "/run/x", "XDG_RUNTIME_DIR": "/run/user/1"}, "/run/x/control"),
    ({"RUNTIME_DIRECTORY": "/run/x:/run/y"}, "/run/x/control"),
    ({"XDG_RUNTIME_DIR": "/run/user/1"}, "/run/user/1/netshare/control"),
    ({"NETSHARE_CONTROL": "", "XDG_RUNTIME_DIR": "/run/user/1"}, "/run/user/1/netshare/control"),
]


@pytest.mark.usefixtures("an_ordinary_user")
@pytest.mark.parametrize(("environ", "path"), SERVICE)
def test_of_a_service(environ: dict[str, str], path: str) -> None:
    """What is named comes first, then systemd's directory, then the user's own."""
    assert service_control_path(environ) == Path(path)


@pytest.mark.usefixtures("root")
def test_of_roots_service() -> None:
    """Root's service is the machine's, whatever session root is in."""
    assert service_control_path({"XDG_RUNTIME_DIR": "/run/user/0"}) == SYSTEM_CONTROL


@pytest.mark.usefixtures("an_ordinary_user")
def test_nowhere() -> None:
    """A user without a runtime directory is told what to say."""
    with pytest.raises(NoControlSocket, match="--control"):
        service_control_path({})


def test_of_a_worker(tmp_path: Path) -> None:
    """What is named comes first, then the user's own service if there is one."""
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert worker_control_path({**environ, "NETSHARE_CONTROL": "/a/b"}) == Path("/a/b")
    assert worker_control_path(environ) == SYSTEM_CONTROL
    assert worker_control_path({}) == SYSTEM_CONTROL
    mine = tmp_path / "netshare" / "control"
    mine.parent.mkdir()
    mine.touch()
    assert worker_control_path(environ) == mine
