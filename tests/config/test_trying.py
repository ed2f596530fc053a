"""What a start would need, looked for."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from netshare.config import configure, try_start


def tried(tmp_path: Path, **options: Any) -> list[str]:
    """What would fail."""
    options.setdefault("interface", ["127.0.0.1"])
    return list(try_start(configure(options, {}), tmp_path / "run" / "control"))


def test_a_good_configuration(tmp_path: Path) -> None:
    """Nothing is said where nothing would fail, and nothing is left behind."""
    before = sorted(tmp_path.rglob("*"))
    problems = tried(
        tmp_path,
        connectionLog=str(tmp_path / "log"),
        worker=["net.tcp://+:18808/x=json:loads", "net.tcp://+:18808/y=!true"],
        relay=["net.tcp://+:18808/z=tcp:h:1"],
        listen=["tcp:0:interface=127.0.0.1"],
    )
    assert problems == []
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"connectionLog": "/nowhere/log"}, "connectionLog: /nowhere/log: there is no directory"),
        ({"connectionLog": "/"}, "connectionLog: / is a directory"),
        ({"interface": ["192.0.2.77"]}, "interface 192.0.2.77: 192.0.2.77 is no address of this"),
        ({"interface": ["eth0"]}, "interface eth0: eth0 is no address; name an interface by"),
        ({"worker": ["net.tcp://+/x=nosuch:f"]}, "factory: nosuch:f: there is no module nosuch"),
        ({"worker": ["net.tcp://+/x=json:nothing"]}, "json has no nothing"),
        (
            {"worker": ["net.tcp://+/x=!/nowhere/program -x"]},
            "there is no program /nowhere/program",
        ),
        ({"worker": ["net.tcp://+/x=!nosuchprogram"]}, "there is no program nosuchprogram"),
    ],
)
def test_what_would_fail(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    """Each thing that a start would stumble over is a sentence."""
    problems = tried(tmp_path, **options)
    assert any(says in problem for problem in problems), problems


def test_a_module_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that cannot be imported says why, and one that ends its process is noticed."""
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "ending.py").write_text("import os; os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.getcwd()}")
    (problem,) = tried(tmp_path, worker=["net.tcp://+:18808/x=broken:f"])
    assert "importing it failed: ZeroDivisionError: division by zero" in problem
    (problem,) = tried(tmp_path, worker=["net.tcp://+:18808/x=ending:f"])
    assert "importing it ended the process" in problem


def test_ports_that_are_taken(tmp_path: Path) -> None:
    """A port of another program is said; one of a service that runs already is expected."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        listen = [f"tcp:{number}:interface=127.0.0.1"]
        (problem,) = tried(tmp_path, listen=listen)
        assert problem.startswith(
            f"listen {listen[0]}: port {number} of 127.0.0.1: Address already"
        )
        (problem,) = tried(tmp_path, worker=[f"net.tcp://+:{number}/x=json:loads"])
        assert f"worker net.tcp://+:{number}/x: port {number} of 127.0.0.1" in problem
        (tmp_path / "run").mkdir()
        with socket.socket(socket.AF_UNIX) as running:
            running.bind(str(tmp_path / "run" / "control"))
            running.listen(1)
            assert tried(tmp_path, listen=listen) == []


@pytest.mark.parametrize(
    ("control", "says"),
    [
        ("x" * 120, "at most 107 bytes"),
        ("/proc/version/control", "is no directory"),
    ],
)
def test_the_control_socket(control: str, says: str) -> None:
    """A control socket that cannot be made is said."""
    assert any(says in problem for problem in try_start(configure({}, {}), Path(control)))


def test_files_that_are_watched(tmp_path: Path) -> None:
    """They have to be there, at paths that begin where the worker runs."""
    (tmp_path / "there").touch()
    row = {
        "address": "net.tcp://+:18808/a",
        "command": "true",
        "directory": str(tmp_path),
        "recycleFiles": ["there", "missing"],
    }
    made = configure({"interface": ["127.0.0.1"]}, {"worker": [row]})
    assert list(try_start(made, tmp_path / "control")) == [
        "worker net.tcp://+:18808/a: recycleFiles: there is no missing"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can name users and try for others")
def test_users_and_directories(tmp_path: Path) -> None:
    """A worker's user and directory have to be there."""
    rows = [
        {"address": "net.tcp://+:18808/a", "command": "true", "user": "nosuchuser"},
        {"address": "net.tcp://+:18808/b", "command": "true", "directory": "/nowhere"},
    ]
    made = configure({"interface": ["127.0.0.1"]}, {"worker": rows})
    assert list(try_start(made, tmp_path / "control")) == [
        "worker net.tcp://+:18808/a: there is no user 'nosuchuser' on this machine",
        "worker net.tcp://+:18808/b: directory /nowhere: No such file or directory",
    ]
