"""netshare.service.desk.listening: a control socket that may outlive the process."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from netshare.service.desk.listening import ControlPort
from netshare.sockets.credentials import Peer
from netshare.testing import AdoptingReactor


class Setting:
    """A control socket that another process could have made, and its port."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reactor = AdoptingReactor()
        self.held = socket.socket(socket.AF_UNIX)
        self.held.bind(str(path))
        path.chmod(0o600)
        self.held.listen(1)
        self.links: list[socket.socket] = []
        self.accepted: list[Protocol] = []
        self.factory = Factory.forProtocol(Protocol)
        self.factory.buildProtocol = self._build  # type: ignore[method-assign]

    def _build(self, addr: object) -> Protocol:
        self.accepted.append(Protocol())
        return self.accepted[-1]

    def port(self, owned: bool = False) -> Any:
        made: Any = ControlPort(self.reactor, self.held.dup(), self.factory, 4096, owned)
        made.startListening()
        return made

    def link(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        self.links.append(link)
        link.setblocking(False)
        link.connect(str(self.path))
        return link


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    # In memory a transport's address is one of TCP.
    monkeypatch.setattr("netshare.testing.transports._address", lambda name: name)
    made = Setting(tmp_path / "control")
    yield made
    for link in made.links:
        link.close()
    made.reactor.settle()
    made.reactor.close()
    made.held.close()


def test_it_leaves_the_socket_as_it_was(setting: Setting) -> None:
    """Neither its mode nor its path is touched, and who connects afterwards waits in its queue."""
    port = setting.port()
    assert setting.path.stat().st_mode & 0o777 == 0o600
    port.stopListening()
    port.stopListening()
    assert setting.reactor.getReaders() == []
    setting.link()
    again = setting.port()
    again.doRead()
    assert len(setting.accepted) == 1
    again.stopListening()


def test_its_own_path_is_removed(setting: Setting) -> None:
    """A socket whose path is the service's goes with it, unless another process has it."""
    setting.port(owned=True).letGo()
    assert setting.path.exists()
    setting.port(owned=True).stopListening()
    assert not setting.path.exists()


def test_the_queue_is_long_and_named_by_the_service(setting: Setting) -> None:
    """A crowd of workers can connect at once, whatever the socket had, and sees this process."""
    port = setting.port()
    for _ in range(1000):
        setting.link()
    assert Peer.of(setting.links[0]).pid == os.getpid()
    port.accept_waiting()
    assert len(setting.accepted) == 1000
    port.stopListening()


def test_a_turn_is_not_for_links_alone(setting: Setting) -> None:
    """As many as are accepted in one turn are bounded; the others follow in the next."""
    port = setting.port()
    for _ in range(150):
        setting.link()
    port.doRead()
    assert len(setting.accepted) == 100
    port.doRead()
    assert len(setting.accepted) == 150
    port.doRead()
    port.stopListening()


def test_no_descriptor_left(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepting pauses for a moment instead of asking again and again."""
    port = setting.port()
    listening = port.socket

    class Exhausted:
        def __getattr__(self, name: str) -> Any:
            return getattr(listening, name)

        def accept(self) -> None:
            raise OSError(errno.EMFILE, "too many")

    port.socket = Exhausted()
    setting.link()
    port.doRead()
    assert setting.reactor.getReaders() == []
    port.socket = listening
    setting.reactor.advance(0.2)
    assert setting.reactor.getReaders() == [port]
    port.doRead()
    assert len(setting.accepted) == 1
    port.socket = Exhausted()
    port.doRead()
    port.socket = listening
    port.stopListening()
    assert setting.reactor.getDelayedCalls() == []


def test_a_reactor_that_gives_the_port_up(setting: Setting) -> None:
    """Then it has stopped."""
    port = setting.port()
    assert port.getHost().name == os.fsencode(setting.path)
    port.connectionLost(Failure(OSError()))
    assert port.fileno() == -1
