"""netshare.service.notify: what a service manager is told."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netshare.service.notify import Notifier
from tests.helpers.manager import Manager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


def test_what_is_said(manager: Manager) -> None:
    """Every message has the words of sd_notify(3), and a status is one line."""
    notifier = Notifier(str(manager.path))
    assert notifier.ready("all\nis well")
    assert notifier.status("3\tlinks")
    assert notifier.alive()
    assert notifier.stopping()
    assert notifier.main_process(4711)
    assert manager.told() == [
        {"READY": "1", "STATUS": "all is well"},
        {"STATUS": "3 links"},
        {"WATCHDOG": "1"},
        {"STOPPING": "1"},
        {"MAINPID": "4711"},
    ]


def test_a_reload_has_its_time(manager: Manager) -> None:
    """Without the time of the machine's clock a manager would wait for another message."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier(str(manager.path)).reloading()
    (message,) = manager.told()
    assert message["RELOADING"] == "1"
    assert 0 <= int(message["MONOTONIC_USEC"]) - before < 60_000_000


def test_descriptors_are_kept_by_name(manager: Manager) -> None:
    """What is kept is the same file, and goes by its name."""
    notifier = Notifier(str(manager.path))
    with socket.socket() as one:
        assert notifier.keep("port=808", one.fileno())
        assert notifier.keep("state", one.fileno())
        assert manager.names() == ["port=808", "state"]
        assert os.path.sameopenfile(manager.kept[0][1], one.fileno())
    assert notifier.forget("port=808")
    assert manager.names() == ["state"]


def test_settled_when_the_manager_has_come_to_it(manager: Manager, tmp_path: Path) -> None:
    """Waiting ends when everything before was done, and not for ever."""
    before = len(os.listdir("/proc/self/fd"))
    notifier = Notifier(str(manager.path))
    notifier.status("last")
    assert notifier.settle(20)
    assert manager._messages[0] == {"STATUS": "last"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as silent:
        silent.bind(str(tmp_path / "silent"))
        assert not Notifier(str(tmp_path / "silent")).settle(0.01)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_socket_without_a_path() -> None:
    """A name in the abstract namespace is written with an @."""
    name = f"netshare-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        assert Notifier(f"@{name}").alive()
        assert listening.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:1"])
def test_no_manager(address: str) -> None:
    """Without one, or where it does not listen, nothing is told and nothing fails."""
    notifier = Notifier(address, 5.0)
    assert not notifier.ready()
    assert not notifier.alive()
    assert not notifier.settle(5)
    assert bool(notifier) is bool(address)
    assert Notifier("", 5.0).watchdog == 0


@pytest.mark.parametrize(
    ("variables", "successor", "watchdog"),
    [
        ({}, False, 0.0),
        ({"WATCHDOG_USEC": "30000000"}, False, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, False, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, False, 0.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, True, 0.5),
        ({"WATCHDOG_USEC": "soon"}, False, 0.0),
    ],
)
def test_the_environment(variables: dict[str, str], successor: bool, watchdog: float) -> None:
    """It says where the manager is and whether it watches this process, and says it once."""
    environ = {"NOTIFY_SOCKET": "/run/notify", "PATH": "/bin", **variables}
    notifier = Notifier.from_environment(environ, successor)
    assert notifier
    assert notifier.watchdog == watchdog
    assert environ == {"PATH": "/bin"}
    assert not Notifier.from_environment(environ)


def test_what_another_process_needs() -> None:
    """The variables by which it finds the same manager, and how often it has to say it lives."""
    assert Notifier().environment() == {}
    assert Notifier("@abstract").environment() == {"NOTIFY_SOCKET": "@abstract"}
    environ = Notifier("/run/notify", 30).environment()
    assert environ == {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000"}
    assert Notifier.from_environment(environ, successor=True).watchdog == 30


def test_what_is_said_later(manager: Manager) -> None:
    """Nothing before it is released, then everything in order, and from then on at once."""
    notifier = Notifier(str(manager.path))
    notifier.hold()
    assert notifier.ready()
    assert notifier.alive()
    assert not notifier.settle()
    assert manager.told() == []
    notifier.release()
    assert notifier.stopping()
    told = [next(iter(message)) for message in manager.told()]
    assert told == ["READY", "WATCHDOG", "STOPPING"]
