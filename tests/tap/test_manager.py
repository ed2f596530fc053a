"""netshare.tap.manager: what comes from a service manager, and what goes to it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.tcp import Port
from twisted.internet.testing import MemoryReactorClock

from netshare.config import configure
from netshare.config.values import ListenSpec
from netshare.service.desk.listening import ControlPort
from netshare.service.front.accept import BatchingPort
from netshare.service.notify import Notifier
from netshare.sockets.inherited import InheritedDescriptors
from netshare.tap import SharingService
from tests.helpers.listening import port_numbers
from tests.helpers.manager import Manager
from tests.peers.drivers import free_port

NAMED = "systemd:domain=INET6:name=netshare"


class Reactor(MemoryReactorClock):
    """Listens on real ports."""

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        made: Any = Port(port, factory, backlog, interface, self)
        made.startListening()
        return made


class Setting:
    """One process of a service after the other, under a manager in memory."""

    def __init__(self, directory: Path, cleanup: ExitStack) -> None:
        self.directory = directory
        self.control = directory / "control"
        self.manager = Manager(directory / "notify")
        self.cleanup = cleanup
        cleanup.callback(self.manager.close)
        self.units: list[tuple[str, socket.socket]] = []

    def unit(self, name: str, family: int = socket.AF_INET) -> socket.socket:
        """A listening socket that the manager has for a socket unit."""
        made = self.cleanup.enter_context(socket.socket(family))
        if family == socket.AF_UNIX:
            made.bind(str(self.control))
        elif family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(("::1", 0))
        else:
            made.bind(("127.0.0.1", 0))
        made.listen(5)
        self.units.append((name, made))
        return made

    def start(self, watchdog: float = 0.0, **options: Any) -> Any:
        """The next process, started, and as far as its reactor's second turn."""
        passed = [(name, os.dup(one.fileno())) for name, one in self.units]
        options = {"interface": ["127.0.0.1"], "control": str(self.control), **options}
        inherited = InheritedDescriptors(passed + self.manager.passed())
        self.cleanup.callback(inherited.close)  # of a start that fails
        made: Any = SharingService(
            Reactor(),
            configure(options, {}),
            notifier=Notifier(str(self.manager.path), watchdog),
            passed=inherited,
        )
        made.privilegedStartService()
        made.startService()
        return made

    def run(self, service: Any) -> None:
        for hook, arguments, keywords in service._reactor.whenRunningHooks:
            hook(*arguments, **keywords)
        for _ in range(2):
            service._reactor.advance(0)

    def kill(self, service: Any) -> None:
        """End the process without a word: its descriptors are closed, and no more."""
        for port in [*service.shared.ports._named, *service._ports]:
            if isinstance(port, BatchingPort | ControlPort):
                port.letGo()
        for opened in service.shared.ports._opened.values():
            for port in opened.listening:
                port.letGo()
        for notebook in service.shared._memory._notebooks:
            if hasattr(notebook, "close"):
                notebook.close()
        if service._kept._notebook is not None:
            service._kept._notebook.close()

    def stop(self, service: Any) -> None:
        stopping = service.stopService()
        for _ in range(150):
            service._reactor.advance(0.01)
        assert stopping.called
        self.kill(service)


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    with ExitStack() as cleanup:
        yield Setting(tmp_path, cleanup)


def connects(listening: socket.socket) -> bool:
    with socket.socket(listening.family) as client:
        return client.connect_ex(listening.getsockname()) == 0


def test_it_says_when_it_accepts(setting: Setting) -> None:
    """Ready is said when links were read and ports accept; not before."""
    service = setting.start(listen=["tcp:0:interface=127.0.0.1"])
    assert service.shared.admission.paused
    assert not any("READY" in message for message in setting.manager.told())
    setting.run(service)
    assert not service.shared.admission.paused
    (ready,) = (message for message in setting.manager.told() if "READY" in message)
    assert ready["STATUS"].startswith("links: 0, addresses: 0, connections accepted: 0; listening")
    setting.stop(service)
    assert setting.manager.told()[0] == {"STOPPING": "1"}


def test_it_says_that_it_lives(setting: Setting) -> None:
    """Twice in the time that the manager waits, and its status where that has changed."""
    service = setting.start(watchdog=8.0)
    setting.run(service)
    setting.manager.told()
    for _ in range(3):
        service._reactor.advance(4)
    assert setting.manager.told() == [{"WATCHDOG": "1"}] * 3
    service.shared.counts.accepted += 1
    service._reactor.advance(4)
    beat, status = setting.manager.told()
    assert (beat, "connections accepted: 1;" in status["STATUS"]) == ({"WATCHDOG": "1"}, True)
    setting.stop(service)
    assert service._reactor.getDelayedCalls() == []


def test_without_a_watchdog(setting: Setting) -> None:
    """Only a status that has changed is told."""
    service = setting.start()
    setting.run(service)
    setting.manager.told()
    service._reactor.advance(10)
    assert setting.manager.told() == []
    service.shared.counts.accepted += 1
    service._reactor.advance(10)
    (message,) = setting.manager.told()
    assert list(message) == ["STATUS"]
    setting.stop(service)


def test_a_reload_is_told(setting: Setting) -> None:
    """It begins and ends, also when nothing comes of it."""
    service = setting.start()
    service._read = lambda: configure({"listen": [NAMED]}, {})
    setting.manager.told()
    failed = ensureDeferred(service.reload())
    failed.addErrback(lambda failure: failure.getErrorMessage())
    assert "no descriptor named netshare" in failed.result
    begun, over = setting.manager.told()
    assert ("RELOADING" in begun, "READY" in over) == (True, True)
    setting.stop(service)


def test_the_control_socket_of_a_unit(setting: Setting) -> None:
    """It is used as it is, and there when the service is gone."""
    unit = setting.unit("control", socket.AF_UNIX)
    setting.control.chmod(0o660)
    service = setting.start()
    assert isinstance(service._ports[0], ControlPort)
    assert setting.control.stat().st_mode & 0o777 == 0o660
    setting.stop(service)
    assert connects(unit)


def test_a_start_that_fails_leaves_it(setting: Setting) -> None:
    """The path is the socket unit's."""
    unit = setting.unit("control", socket.AF_UNIX)
    with pytest.raises(SystemExit, match="passed no descriptor named netshare"):
        setting.start(listen=[NAMED])
    assert connects(unit)


def test_a_control_socket_in_another_place(setting: Setting) -> None:
    """A place where workers do not look is a sentence, and so are two, and another kind."""
    setting.unit("control", socket.AF_UNIX)
    elsewhere = str(setting.directory / "elsewhere")
    with pytest.raises(SystemExit, match=r"but workers look for .*elsewhere: make ListenStream="):
        setting.start(control=elsewhere)
    setting.units.append(setting.units[0])
    with pytest.raises(SystemExit, match="passed 2 sockets named control"):
        setting.start()
    setting.units.clear()
    setting.unit("control")
    with pytest.raises(SystemExit, match="as control is no listening UNIX socket"):
        setting.start(control=elsewhere)


def test_all_sockets_of_one_name(setting: Setting) -> None:
    """One endpoint serves the socket of each family."""
    four, six = setting.unit("netshare"), setting.unit("netshare", socket.AF_INET6)
    service = setting.start(listen=[NAMED])
    numbers = {four.getsockname()[1], six.getsockname()[1]}
    assert port_numbers(service.shared.ports) == numbers
    assert [len(ports) for ports in service._listening.values()] == [2]
    # They are the manager's anyway: not in its store.
    assert setting.manager.names() == ["state", "workers"]
    setting.stop(service)
    assert connects(four)
    assert connects(six)


@pytest.mark.parametrize("listen", [NAMED, f"haproxy:{NAMED}"])
def test_a_header_comes_first(setting: Setting, listen: str) -> None:
    """With haproxy: in front, as with any other endpoint."""
    setting.unit("netshare")
    service = setting.start(listen=[listen])
    (port,) = service._listening[ListenSpec(listen)]
    assert port._headed is listen.startswith("haproxy:")
    setting.stop(service)


@pytest.mark.parametrize(
    ("passed", "says"),
    [
        ([], "no descriptor named netshare .it passed none."),
        (["other", "more"], "no descriptor named netshare .it passed other, more."),
    ],
)
def test_a_name_that_was_not_passed(setting: Setting, passed: list[str], says: str) -> None:
    """It is a sentence that says what was passed."""
    for name in passed:
        setting.unit(name)
    with pytest.raises(SystemExit, match=says):
        setting.start(listen=[NAMED])


def test_a_socket_of_another_kind(setting: Setting) -> None:
    """So is a socket that is no port of TCP."""
    setting.unit("netshare", socket.AF_UNIX)
    with pytest.raises(SystemExit, match="as netshare is no listening TCP socket"):
        setting.start(listen=[NAMED], control=str(setting.directory / "elsewhere"))


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_ports_outlive_the_process(setting: Setting, end: str) -> None:
    """A port of the service's own listens while no process has it, and the next one goes on."""
    number, asked = free_port(), free_port()
    options = {
        "listen": [f"tcp:{number}:interface=127.0.0.1"],
        "relay": [f"net.tcp://+:{asked}/r=tcp:127.0.0.1:1"],
    }
    service = setting.start(**options)
    names = setting.manager.names()
    assert sorted(names) == [
        f"listen=tcp%3A{number}%3Ainterface=127.0.0.1",
        f"port={asked}",
        "state",
        "workers",
    ]
    getattr(setting, end)(service)
    with socket.socket() as one, socket.socket() as two:
        one.connect(("127.0.0.1", number))
        two.connect(("127.0.0.1", asked))
    service = setting.start(**options)
    assert port_numbers(service.shared.ports) == {number, asked}
    assert sorted(set(setting.manager.names())) == sorted(names)
    setting.stop(service)


def test_ports_under_another_configuration(setting: Setting) -> None:
    """What is no longer wanted is closed before what takes its place is opened."""
    number, asked = free_port(), free_port()
    service = setting.start(
        listen=[f"tcp:{number}:interface=127.0.0.1"],
        relay=[f"net.tcp://+:{asked}/r=tcp:127.0.0.1:1"],
    )
    setting.kill(service)
    service = setting.start(
        listen=[f"tcp:{asked}:interface=127.0.0.1"],
        relay=[f"net.tcp://+:{number}/r=tcp:127.0.0.1:1"],
    )
    assert port_numbers(service.shared.ports) == {number, asked}
    setting.kill(service)
    service = setting.start(interface=["127.0.0.2"])
    assert port_numbers(service.shared.ports) == set()
    assert set(setting.manager.names()) == {"state", "workers"}
    setting.stop(service)


def test_the_list_outlives_the_process(setting: Setting) -> None:
    """What was registered is expected by the next one, though there is no file."""
    service = setting.start()
    service.shared._memory._notebooks[0].write(f"net.tcp://+:{free_port()}/one\n")
    setting.kill(service)
    service = setting.start()
    (address,) = service.shared.registry.addresses()
    assert str(address).endswith("/one")
    setting.stop(service)


def test_what_nothing_names(setting: Setting) -> None:
    """A descriptor of no use is closed, and the service runs."""
    setting.unit("other")
    service = setting.start()
    assert service._manager._passed.names == []
    setting.stop(service)


def test_a_port_that_comes_back_at_once(setting: Setting) -> None:
    """It can be opened though the manager has not yet closed what it was told to."""
    service = setting.start()
    ports, number = service.shared.ports, free_port()
    for _ in range(5):
        ports.acquire(number)
        ports.release(number)
    assert set(setting.manager.names()) == {"state", "workers"}
    setting.stop(service)
