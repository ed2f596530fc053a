"""netshare.service.store: what the service manager keeps for the next process."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from netshare.service.notify import Notifier
from netshare.service.store import DescriptorStore
from netshare.sockets.inherited import InheritedDescriptors
from tests.helpers.manager import Manager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


def store(manager: Manager) -> DescriptorStore:
    """The store as the next process of the service sees it."""
    passed = InheritedDescriptors(manager.passed())
    return DescriptorStore(Notifier(str(manager.path)), passed)


def test_listening_sockets_come_back(manager: Manager) -> None:
    """By the endpoint as it was written, whatever stands in it, or by their port."""
    endpoint = r"tcp:808:interface=\:\:1"
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as two:
        first = store(manager)
        first.keep_listener(endpoint, one.fileno())
        first.keep_port(9000, one.fileno())
        first.keep_port(9000, two.fileno())
        assert all(":" not in name and name.isascii() for name in manager.names())
        second = store(manager)
        (found,) = second.listeners(endpoint)
        ports = second.ports()
        assert found.getsockname() == one.getsockname()
        names = [bound.getsockname() for bound in ports[9000]]
        assert (list(ports), names) == ([9000], [one.getsockname(), two.getsockname()])
        assert second.listeners(endpoint) == []
        for bound in (found, *ports[9000]):
            bound.close()
    second.forget_port(9000)
    second.forget_listener(endpoint)
    assert manager.names() == []


def test_endpoints_that_are_no_longer_named(manager: Manager) -> None:
    """Their sockets would be in the way of others: they are closed, here and in the store."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        first = store(manager)
        for endpoint in ("tcp:808", "tcp:809"):
            first.keep_listener(endpoint, one.fileno())
    second = store(manager)
    second.drop_rest(["tcp:809"])
    assert second.listeners("tcp:808") == []
    (kept,) = second.listeners("tcp:809")
    kept.close()
    assert manager.names() == ["listen=tcp%3A809"]


def test_what_is_no_listening_socket(manager: Manager) -> None:
    """It is closed, and kept no longer."""
    with open(os.devnull, "rb") as file, socket.socket() as unconnected:
        first = store(manager)
        first.keep_port(9000, file.fileno())
        first.keep_port(9001, unconnected.fileno())
    assert store(manager).ports() == {}
    assert manager.names() == []


def test_a_long_endpoint_is_not_kept(manager: Manager) -> None:
    """A name of more than 255 characters would be refused by the manager."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        store(manager).keep_listener("tcp:808:interface=" + "x" * 250, one.fileno())
    assert manager.names() == []


def test_the_state_comes_back(manager: Manager) -> None:
    """What a process has written in it is there for the next one, and kept once."""
    first = store(manager).state()
    assert first is not None
    os.write(first, b"addresses")
    os.close(first)
    second = store(manager).state()
    assert second is not None
    assert os.pread(second, 100, 0) == b"addresses"
    os.close(second)
    assert manager.names() == ["state"]
    # A process that takes over was passed nothing: its list replaces the one that is there.
    third = DescriptorStore(Notifier(str(manager.path))).state()
    assert third is not None
    assert manager.names() == ["state"]
    assert os.path.sameopenfile(manager.kept[0][1], third)
    os.close(third)


def test_without_a_manager() -> None:
    """Nothing is kept, and nothing was."""
    empty = DescriptorStore()
    assert empty.state() is None
    assert empty.ports() == {}
    assert empty.listeners("tcp:808") == []
