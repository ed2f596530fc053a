"""What the kernel says of a worker that the service has started."""

from __future__ import annotations

import json
import os
import resource
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor

from netshare.addresses import parse_base_address
from netshare.config import configure, try_start
from netshare.control.paths import CONTROL_VARIABLE
from netshare.service.activation.isolation import Isolation, ResourceLimit
from netshare.service.activation.process import Spawner
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.supervision import Supervisor
from netshare.service.desk.accounts import Accounts, Members, Reservation
from tests.helpers.places import ROOT
from tests.integration.running import RunningService

reactor: Any = _reactor

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
STRANGER = 65534
#: One that any user can run, as the one of the tests need not be.
PYTHON = "/usr/bin/python3"
ENVIRON = {"PATH": "/usr/bin:/bin", "DB_HOST": "db", "DB_PASSWORD": "secret"}

TELLING = """
import json, os, resource
status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status"))
found = {key: status[key].split() for key in ("Uid", "Gid", "Groups", "NoNewPrivs", "Umask")}
found["files"] = resource.getrlimit(resource.RLIMIT_NOFILE)
found["directory"] = os.getcwd()
found["environment"] = dict(os.environ)
opened = sorted(map(int, os.listdir("/proc/self/fd")))
found["opened"] = [one for one in opened if os.path.exists(f"/proc/self/fd/{one}")]
print(json.dumps(found))
"""


class Watcher:
    """Notes what a process says, and how it ends."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.how = ""

    def said(self, line: bytes) -> None:
        self.lines.append(line)

    def ended(self, how: str) -> None:
        self.how = how

    def registered(self, link: Any) -> None:
        pass

    def drained(self, connections: int | None) -> None:
        pass


@pytest_twisted.async_yield_fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    running = RunningService(reactor, tmp_path)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """A directory that every user can enter."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        yield Path(path)


async def run(service: RunningService, isolation: Isolation, *command: str) -> Watcher:
    """Run a command as a worker, to its end."""
    address = parse_base_address(service.address("telling"))
    spec = WorkerSpec("telling", address, command=command, isolation=isolation)
    environ = {**ENVIRON, CONTROL_VARIABLE: str(service.control)}
    watcher = Watcher()
    Spawner(reactor, service.shared.desk, spec, environ).spawn(watcher)
    await service.settle(
        lambda: watcher.how.startswith("cannot be started") or bool(watcher.how and watcher.lines),
        30,
    )
    return watcher


async def told(service: RunningService, isolation: Isolation) -> dict[str, Any]:
    """What a process finds out about itself."""
    watcher = await run(service, isolation, PYTHON, "-I", "-S", "-c", TELLING)
    found: dict[str, Any] = json.loads(watcher.lines[0])
    return found


async def test_by_default(service: RunningService) -> None:
    """It has the service's user and directory, and nothing open that was not meant for it."""
    left_open = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(left_open, True)
    try:
        found = await told(service, Isolation())
    finally:
        os.close(left_open)
    assert found["Uid"] == [str(os.geteuid())] * 4
    assert found["NoNewPrivs"] == ["0"]
    assert found["directory"] == os.getcwd()
    assert found["opened"] == [0, 1, 2, 3]
    # LC_CTYPE is this Python's own doing.
    assert set(found["environment"]) - {"LC_CTYPE"} == {
        "PATH",
        "NETSHARE_CONTROL",
        "NETSHARE_LINK",
        "PYTHONUNBUFFERED",
    }


@NEEDS_ROOT
async def test_all_of_it_as_another_user(service: RunningService, anybodys: Path) -> None:
    """Everything that the table of a worker can say is so, by the kernel's word."""
    isolation = Isolation(
        user=str(STRANGER),
        group="5",
        groups=("6", "7"),
        umask=0o27,
        directory=str(anybodys),
        environment={"MODE": "test"},
        passEnvironment=("DB_HOST",),
        resourceLimits={"NOFILE": ResourceLimit(100, 200)},
        noNewPrivileges=True,
    )
    found = await told(service, isolation)
    assert found["Uid"] == [str(STRANGER)] * 4
    assert found["Gid"] == ["5"] * 4
    assert found["Groups"] == ["6", "7"]
    assert found["NoNewPrivs"] == ["1"]
    assert found["Umask"] == ["0027"]
    assert found["files"] == [100, 200]
    assert found["directory"] == str(anybodys)
    assert found["environment"]["DB_HOST"] == "db"
    assert found["environment"]["MODE"] == "test"
    assert found["environment"]["USER"] == "nobody"
    assert "DB_PASSWORD" not in found["environment"]


async def test_an_environment_is_the_workers_alone(service: RunningService) -> None:
    """What starts it, as root, loads nothing that the worker's environment names."""
    # The loader complains of what it cannot load, in each process.
    isolation = Isolation(environment={"LD_PRELOAD": "/no/such/library.so"})
    watcher = await run(service, isolation, "/bin/true")
    assert sum(b"cannot be preloaded" in line for line in watcher.lines) == 1


@NEEDS_ROOT
async def test_the_groups_of_a_user(service: RunningService) -> None:
    """Without a word on groups they are the user's own, and none of the service's."""
    found = await told(service, Isolation(user="daemon"))
    assert found["Gid"] == ["1"] * 4
    assert list(map(int, found["Groups"])) == sorted(os.getgrouplist("daemon", 1))


@pytest.mark.parametrize(
    ("isolation", "command", "says"),
    [
        (Isolation(directory="/nowhere"), "true", "directory /nowhere: No such file or directory"),
        (Isolation(), "no-such-program", "command: there is no program no-such-program"),
        pytest.param(
            Isolation(user=str(STRANGER), directory="/root"),
            "true",
            "directory /root: Permission denied",
            marks=NEEDS_ROOT,
        ),
    ],
)
async def test_what_cannot_be_started(
    service: RunningService, isolation: Isolation, command: str, says: str
) -> None:
    """It is told in a sentence, that also the list of registrations shows; --check says it, too."""
    watcher = await run(service, isolation, command)
    assert (watcher.how, watcher.lines) == (f"cannot be started: {says}", [])
    spec = WorkerSpec(
        "bad", parse_base_address(service.address("bad")), command=(command,), isolation=isolation
    )
    supervisor = Supervisor(reactor, service.shared.desk, [spec], str(service.control), ENVIRON)
    supervisor.start()
    try:
        await service.settle(lambda: bool(supervisor.workers[0].trouble), 30)
        described = supervisor.describe(spec.address)
        assert described is not None
        assert described["trouble"] == f"bad cannot be started: {says}"
    finally:
        await supervisor.stop()


async def test_a_check_tries_it(tmp_path: Path) -> None:
    """What the system would not allow at a start it does not allow in a check."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    rows: list[dict[str, Any]] = [
        {"command": "true", "directory": "/nowhere"},
        {"command": "no-such-program", "noNewPrivileges": True},
        {"command": "true", "resourceLimits": {"NOFILE": 2**40}},
        {"command": "true", "umask": "0027", "resourceLimits": {"NOFILE": hard}},
        {"factory": "json:loads", "resourceLimits": {"CPU": 60}, "recycleFiles": ["/etc/passwd"]},
    ]
    if os.geteuid() == 0:
        rows.append({"command": "/root/x", "user": "daemon", "directory": "/root"})
    for number, row in enumerate(rows):
        row["address"] = f"net.tcp://+:18808/{number}"
    made = configure({"interface": ["127.0.0.1"]}, {"worker": rows})
    problems = list(try_start(made, tmp_path / "control"))
    said = [
        "worker net.tcp://+:18808/0: directory /nowhere: No such file or directory",
        "worker net.tcp://+:18808/1: command: there is no program no-such-program",
        f"worker net.tcp://+:18808/2: resourceLimits: NOFILE cannot be {2**40}: the hard limit of "
        f"the service is {hard}, and only root can raise it",
        "worker net.tcp://+:18808/5: directory /root: Permission denied",
    ]
    assert problems == said[: 4 if os.geteuid() == 0 else 3]


#: Serves its own address over its link, and tries for two others over the control socket.
BOTH = """
import os, subprocess, sys
own, mine, other = sys.argv[1:]
run = [sys.executable, "plain_worker.py"]
without = {name: value for name, value in os.environ.items() if name != "NETSHARE_LINK"}
subprocess.run([*run, other], env=without)
subprocess.Popen([*run, mine], env=without)
subprocess.run([*run, own], pass_fds=[3])
"""


@NEEDS_ROOT
async def test_a_user_of_its_own_registers_what_it_may(anybodys: Path) -> None:
    """Over its link the own address; over the control socket what is reserved for its user."""
    service = RunningService(reactor, anybodys)
    await service.start()
    own, mine, other = (
        parse_base_address(service.address(path)) for path in ("own", "mine", "other")
    )
    members = Members(frozenset({STRANGER}))
    service.shared.permit(Accounts(Members(), (Reservation(mine, members),)))
    (anybodys / "plain_worker.py").write_bytes((ROOT / "examples/plain_worker.py").read_bytes())
    (anybodys / "both.py").write_text(BOTH)
    spec = WorkerSpec(
        "both",
        own,
        command=(PYTHON, "both.py", str(own), str(mine), str(other)),
        isolation=Isolation(str(STRANGER), directory=str(anybodys)),
    )
    supervisor = Supervisor(reactor, service.shared.desk, [spec], str(service.control), ENVIRON)
    supervisor.start()
    registry = service.shared.registry
    try:
        await service.settle(lambda: len(registry) == 2, 30)
        found = [len(registry.registrationsOf(address)) for address in (own, mine, other)]
        assert found == [1, 1, 0]
    finally:
        await supervisor.stop()
        await service.stop()
