"""netshare.tap.controlsocket: a path that the service makes itself."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from netshare.tap.controlsocket import ServiceRuns, remove_stale


def test_a_service_that_runs(tmp_path: Path) -> None:
    """A socket on which something listens is left alone, and who listens is named."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "control"))
        other.listen(1)
        with pytest.raises(ServiceRuns, match=f"process {os.getpid()} of user"):
            remove_stale(tmp_path / "control")
    assert (tmp_path / "control").exists()


def test_what_a_killed_service_left(tmp_path: Path) -> None:
    """A socket on which nothing listens is removed, and its lock; where is none, nothing is."""
    remove_stale(tmp_path / "control")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control"))
    (tmp_path / "control.lock").symlink_to("1")
    remove_stale(tmp_path / "control")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_socket(tmp_path: Path) -> None:
    """It is not ours to remove, but listening will fail."""
    (tmp_path / "control").mkdir()
    remove_stale(tmp_path / "control")
    assert (tmp_path / "control").is_dir()
