"""
``twistd netshare`` and ``twist netshare`` as processes, with workers of their own.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue

from netshare.control.commands import ListRegistrations, Stats
from netshare.control.protocol import ControlProtocol
from netshare.framing.faults import Fault
from netshare.framing.records import PREAMBLE_ACK, preamble
from tests.integration.running import RawClient
from tests.peers.drivers import free_port

reactor: Any = _reactor

WORKERS = '''
import os
from twisted.internet.protocol import Factory, Protocol


class Named(Protocol):
    """Says which process it is, and dies when told to."""

    def connectionMade(self):
        self.transport.write(b"process %d\\n" % os.getpid())

    def dataReceived(self, data):
        if b"die" in data:
            print("about to die", flush=True)
            os._exit(3)


def factory():
    return Factory.forProtocol(Named)


def late(reactor):
    from twisted.internet.task import deferLater
    return deferLater(reactor, 0.1, factory)


not_a_factory = 42
'''


class Twistd(ProcessProtocol):
    """
    A service process; everything it logs is kept.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.control = directory / "control"
        self.log = ""
        self.ended: Deferred[None] = Deferred()
        self.status: Any = None
        self.process: Any = None

    def start(self, *options: str, command: tuple[str, ...] | None = None) -> None:
        """Run ``twistd netshare`` with these options."""
        (self.directory / "workers.py").write_text(WORKERS)
        command = command or (sys.executable, "-m", "twisted", "--log-format=text", "netshare")
        arguments = [*command, f"--control={self.control}", "--interface=127.0.0.1", *options]
        environment = {**os.environ, "PYTHONPATH": f"{self.directory}:{os.getcwd()}"}
        self.process = reactor.spawnProcess(
            self, arguments[0], arguments, env=environment, path=str(self.directory)
        )

    def outReceived(self, data: bytes) -> None:
        self.log += data.decode()

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        self.status = reason.value
        self.ended.callback(None)

    async def stop(self, name: str = "TERM") -> None:
        try:
            self.process.signalProcess(name)
        except ProcessExitedAlready:
            return
        await self.ended

    async def ask(self, command: Any, **arguments: Any) -> Any:
        """One question at the control socket."""
        import json

        link = await connectProtocol(
            UNIXClientEndpoint(reactor, str(self.control)), ControlProtocol()
        )
        try:
            answer = await link.callRemote(command, **arguments)
        finally:
            link.transport.loseConnection()
        return json.loads(answer["json"])

    async def ready(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many registrations are ready."""
        for _ in range(200):
            if self.status is not None:
                raise AssertionError(self.log)
            try:
                rows = await self.ask(ListRegistrations, start=0)
            except ConnectError:
                rows = []
            if sum(row["state"] == "ready" for row in rows) >= count:
                return rows  # type: ignore[no-any-return]
            await deferLater(reactor, 0.05)
        raise AssertionError(self.log)

    async def says(self, text: str, seconds: float = 10.0) -> None:
        """Wait for a text in the log."""
        end = time.monotonic() + seconds
        while text not in self.log:
            assert time.monotonic() < end, self.log
            await deferLater(reactor, 0.02)


@pytest_twisted.async_yield_fixture
async def twistd(tmp_path: Path) -> AsyncIterator[Twistd]:
    """A service process, not started yet."""
    process = Twistd(tmp_path)
    yield process
    if process.process is not None:
        await process.stop()


async def talk(port: int, path: str, then: bytes = b"") -> RawClient:
    client = RawClient()
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), client)
    client.send(preamble(f"net.tcp://127.0.0.1:{port}/{path}") + then)
    return client


async def test_spawned_workers(twistd: Twistd) -> None:
    """Two workers are started, serve their paths in processes of their own, and end."""
    port = free_port()
    twistd.start(
        f"--worker=net.tcp://+:{port}/one=workers:factory,preamble=consume",
        f"--worker=net.tcp://+:{port}/two=workers:late,preamble=consume",
    )
    rows = await twistd.ready(2)
    answers = []
    for path in ("one", "two"):
        client = await talk(port, path)
        answers.append((await client.until(10))[1:])
        client.abort()
    pids = {row["address"].rsplit("/")[-1]: row["pid"] for row in rows}
    assert answers == [b"process %d\n" % pids["one"], b"process %d\n" % pids["two"]]
    assert all("netshare.worker.child" in row["commandLine"] for row in rows)
    await twistd.stop()
    # Twisted's runners end by the signal that ended them, after an orderly stop.
    assert twistd.status.signal == signal.SIGTERM
    assert "Main loop terminated" in twistd.log
    assert "Traceback" not in twistd.log
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_worker_that_dies_is_started_again(twistd: Twistd) -> None:
    """Clients that come meanwhile wait for it and are served; what it said is in the log."""
    port = free_port()
    twistd.start(f"--worker=net.tcp://+:{port}/one=workers:factory,preamble=consume,name=fragile")
    (row,) = await twistd.ready(1)
    client = await talk(port, "one", b"die")
    await client.end()
    await twistd.says("fragile: about to die")
    await twistd.says("fragile ended with exit status 3")
    while (await twistd.ask(ListRegistrations, start=0))[0]["state"] != "expected":
        await deferLater(reactor, 0.01)
    early = await talk(port, "one")
    assert early.received == b""
    (again,) = await twistd.ready(1)
    assert again["pid"] != row["pid"]
    late = await talk(port, "one")
    for client in (early, late):
        assert await client.until(10) == PREAMBLE_ACK + b"process %d\n" % again["pid"]
        client.abort()


async def test_workers_end_with_a_killed_service(twistd: Twistd) -> None:
    """A service that is killed leaves no worker behind, and its next life starts cleanly."""
    port = free_port()
    options = (f"--worker=net.tcp://+:{port}/one=workers:factory",)
    twistd.start(*options)
    (row,) = await twistd.ready(1)
    await twistd.stop("KILL")
    for _ in range(200):
        try:
            os.kill(row["pid"], 0)
        except ProcessLookupError:
            break
        await deferLater(reactor, 0.05)
    else:
        raise AssertionError("the worker lives on")
    again = Twistd(twistd.directory)
    again.start(*options)
    await again.ready(1)
    await again.stop()


async def test_what_a_killed_service_left(twistd: Twistd) -> None:
    """A stale socket is no obstacle, even if its lock names a process that lives."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(twistd.control))
    twistd.control.with_name("control.lock").symlink_to(str(os.getpid()))
    twistd.start()
    await twistd.says("control socket")
    await twistd.ready(0)


async def test_several_processes_for_one_address(twistd: Twistd) -> None:
    """processes=3 gives three workers that share the address."""
    port = free_port()
    twistd.start(f"--worker=net.tcp://+:{port}/one=workers:factory,preamble=consume,processes=3")
    rows = await twistd.ready(3)
    assert len({row["pid"] for row in rows}) == 3
    answers = set()
    clients = []
    for _ in range(12):
        client = await talk(port, "one")
        answers.add(await client.until(10))
        clients.append(client)
    for client in clients:
        client.abort()
    assert len(answers) >= 2


async def test_a_command_line_as_worker(twistd: Twistd) -> None:
    """Any Twisted application can be a supervised worker, by its endpoint string alone."""
    port = free_port()
    endpoint = rf"netshare:net.tcp\://+\:{port}/site:preamble=consume"
    twist = f"{sys.executable} -m twisted web --listen '{endpoint}' --path ."
    twistd.start(f"--worker=net.tcp://+:{port}/site=!{twist}")
    (row,) = await twistd.ready(1)
    assert "twisted web" in row["commandLine"]
    client = await talk(port, "site", b"GET /workers.py HTTP/1.0\r\n\r\n")
    answer = await client.end()
    assert answer.startswith(PREAMBLE_ACK + b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(WORKERS.encode())


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("nowhere:factory", "there is no module nowhere"),
        ("workers:nothing", "workers has no nothing"),
        ("workers:not_a_factory", "neither a protocol Factory nor returns one"),
        ("workers", "not of the form package.module:factory"),
    ],
)
async def test_a_bad_target_is_a_sentence(twistd: Twistd, target: str, sentence: str) -> None:
    """A worker that cannot start says why in one line, and is tried again."""
    twistd.start(f"--worker=net.tcp://+:{free_port()}/one={target}")
    await twistd.says(sentence)
    await twistd.says("will be started again in")
    assert "Traceback" not in twistd.log


async def test_a_service_with_few_descriptors(twistd: Twistd) -> None:
    """Idle connections that would fill the descriptor table cost neither the service nor others."""
    port = free_port()
    shell = 'ulimit -n 120; exec "$@"'
    command = ("/bin/bash", "-c", shell, "bash", sys.executable, "-m", "twisted")
    twistd.start(
        f"--worker=net.tcp://+:{port}/one=workers:factory,preamble=consume",
        command=(*command, "--log-format=text", "netshare"),
    )
    await twistd.ready(1)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
    client = await talk(port, "one")
    assert (await client.until(10)).startswith(PREAMBLE_ACK + b"process")
    client.abort()
    stats = await twistd.ask(Stats)
    assert (stats["accepting"], stats["undecided"] <= 60) == (True, True)
    for connection in idle:
        connection.close()
    assert "Traceback" not in twistd.log


async def test_twistd_runs_it_too(twistd: Twistd) -> None:
    """``twistd -n`` is the other runner."""
    port = free_port()
    twistd.start(
        f"--listen=tcp:{port}:interface=127.0.0.1",
        command=(str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "netshare"),
    )
    await twistd.says("netshare ")
    client = await talk(port, "nobody")
    assert await client.end() == Fault.ENDPOINT_NOT_FOUND.record
    stats = await twistd.ask(Stats)
    assert stats["outcomes"] == {"endpoint-not-found": 1}
    assert stats["settings"]["receiveTimeout"] == 30.0
    await twistd.stop("INT")
    assert "Traceback" not in twistd.log


async def test_a_taken_port_is_a_sentence(twistd: Twistd) -> None:
    """What cannot be opened at the start ends the service with one line that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        twistd.start(f"--listen=tcp:{port}:interface=127.0.0.1")
        await twistd.ended
    assert twistd.status.exitCode == 1
    assert f"netshare: --listen tcp:{port}:interface=127.0.0.1: cannot listen" in twistd.log
    assert "Traceback" not in twistd.log


async def test_a_daemon_that_cannot_start_says_so(tmp_path: Path) -> None:
    """``twistd netshare`` without -n on a taken port ends with a message and status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        out, err, code = await getProcessOutputAndValue(
            str(Path(sys.executable).with_name("twistd")),
            [
                f"--pidfile={tmp_path}/pid",
                f"--logfile={tmp_path}/log",
                "netshare",
                f"--control={tmp_path}/control",
                f"--listen={listen}",
            ],
            env=dict(os.environ),
        )
    assert code == 1
    assert f"StartFailed: --listen {listen}: cannot listen" in (out + err).decode()
    assert f"--listen {listen}: cannot listen: [Errno 98] Address" in (tmp_path / "log").read_text()
    assert not (tmp_path / "control").exists()
    assert not (tmp_path / "pid").exists()


async def test_a_second_service_is_told_of_the_first(twistd: Twistd) -> None:
    """A control socket that a service listens on is not taken from it; its process is named."""
    twistd.start()
    await twistd.says("control socket")
    second = Twistd(twistd.directory)
    second.start()
    await second.ended
    assert second.status.exitCode == 1
    pid = twistd.process.pid
    assert f"--control {twistd.control}: a service runs there already, process {pid}" in second.log
    assert "Traceback" not in second.log
    await twistd.ready(0)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("other", "systemd passed no descriptor named netshare (it passed other)"),
        ("other:netshare", "what systemd passed as netshare is no listening TCP socket"),
    ],
)
async def test_descriptors_that_systemd_did_not_pass(
    twistd: Twistd, names: str, sentence: str
) -> None:
    """A name that systemd did not pass, or for another thing, ends the start with a sentence."""
    count = names.count(":") + 1
    shell = (
        "exec 3</dev/null 4</dev/null; "
        f'LISTEN_FDS={count} LISTEN_FDNAMES={names} LISTEN_PID=$$ exec "$@"'
    )
    runner = (sys.executable, "-m", "twisted", "--log-format=text", "netshare")
    twistd.start(
        "--listen=systemd:domain=INET:name=netshare",
        command=("/bin/bash", "-c", shell, "bash", *runner),
    )
    await twistd.ended
    assert twistd.status.exitCode == 1
    assert sentence in twistd.log
    assert "Traceback" not in twistd.log


async def web(control: Path, *options: str) -> tuple[str, int]:
    """Run ``twist web`` behind a shared port."""
    endpoint = rf"netshare:net.tcp\://+\:{free_port()}/site:control={control}"
    out, err, code = await getProcessOutputAndValue(
        sys.executable,
        ["-m", "twisted", "web", "--listen", ":".join((endpoint, *options)), "--path", "."],
        env=dict(os.environ),
    )
    return (out + err).decode(), code


async def test_a_worker_without_a_service_ends(tmp_path: Path) -> None:
    """``twist web`` on an address that cannot be listened on ends with a sentence and status 1."""
    said, code = await web(tmp_path / "absent")
    assert code == 1
    assert "netshare: net.tcp://+:" in said
    assert "is not listened on: no netshare service answers at" in said
    assert "Traceback" not in said


async def test_a_worker_that_is_refused_ends(twistd: Twistd) -> None:
    """So does one whose address the service refuses."""
    twistd.start("--allow-port=1")
    await twistd.says("control socket")
    said, code = await web(twistd.control)
    assert code == 1
    assert "is not among those that may be opened" in said
    assert "Traceback" not in said


async def run(*arguments: str) -> tuple[str, int]:
    out, err, code = await getProcessOutputAndValue(
        sys.executable, ["-m", "twisted", "netshare", *arguments], env=dict(os.environ)
    )
    return (out + err).decode(), code


@pytest.mark.parametrize(
    ("arguments", "toml", "sentence"),
    [
        (["--receiveTimeout=soon"], "", "receiveTimeout: 'soon' is not a time"),
        (["--maxPendingConnections=0"], "", "maxPendingConnections: '0' is not a whole number"),
        (["--allow-port=99999"], "", "is not a range of ports"),
        (["--allow-user=nobody-here"], "", "there is no user 'nobody-here'"),
        (["--listen=nonsense"], "", "listen nonsense: "),
        (["--worker=http://+/x=a:b"], "", "its scheme is http, only net.tcp can be shared"),
        (["--relay=net.tcp://+/x=tcp:h:1,proxi=v2"], "", "proxi is not known; did you mean proxy?"),
        ([], "receiveTimeOut = 3\n", "receiveTimeOut is not known; did you mean receiveTimeout?"),
        (
            [],
            "[[worker]]\naddress = 'net.tcp://+/x'\nfactry = 'a:b'\n",
            "factry is not known; did you mean factory?",
        ),
        ([], "[[worker]]\naddress = 'net.tcp://+/x'\n", "either factory, command or unit"),
        ([], "listen = 'tcp:808'\n", "listen is a list"),
        ([], "this is not TOML", "toml:1: "),
    ],
)
async def test_check_names_what_is_wrong(
    tmp_path: Path, arguments: list[str], toml: str, sentence: str
) -> None:
    """--check ends with a sentence about what is wrong, which no page of usage hides."""
    if toml:
        (tmp_path / "netshare.toml").write_text(toml)
        arguments = [*arguments, f"--config={tmp_path / 'netshare.toml'}"]
    said, code = await run("--check", *arguments)
    assert sentence in said
    assert said.count("\n") == 1
    assert code == os.EX_USAGE
    assert "Traceback" not in said


async def test_check_of_a_good_configuration(tmp_path: Path) -> None:
    """--check opens nothing, says so, and exits with 0."""
    file = tmp_path / "netshare.toml"
    file.write_text(
        'receiveTimeout = "00:00:20"\n'
        "maxPendingConnections = 50\n"
        '[[worker]]\naddress = "net.tcp://+:18808/one"\nfactory = "json:loads"\n'
        '[[relay]]\naddress = "net.tcp://+:18808/two"\nto = "tcp:127.0.0.1:9000"\nproxy = "v2"\n'
        '[[reservation]]\naddress = "net.tcp://+/kept"\nusers = ["root"]\n'
    )
    said, code = await run("--check", f"--config={file}", f"--control={tmp_path}/control")
    assert (said, code) == ("the configuration makes sense\n", 0)


async def test_check_looks_for_what_a_start_needs(tmp_path: Path) -> None:
    """Everything that a start would stumble over is said, each with its file and line."""
    file = tmp_path / "netshare.toml"
    file.write_text(
        'connectionLog = "/nowhere/log"\n'
        '[[worker]]\naddress = "net.tcp://+:18808/one"\nfactory = "nosuchmodule:factory"\n'
    )
    said, code = await run("--check", f"--config={file}", f"--control={tmp_path}/control")
    assert code == os.EX_USAGE
    assert said.splitlines() == [
        f"netshare: {file}:1: connectionLog: /nowhere/log: there is no directory /nowhere",
        f"netshare: {file}:2: worker net.tcp://+:18808/one: factory: nosuchmodule:factory: there "
        "is no module nosuchmodule; is its directory on PYTHONPATH?",
    ]


async def test_reload(twistd: Twistd) -> None:
    """``netshare reload`` makes the difference, or says why nothing has changed; so does SIGHUP."""
    port = free_port()
    file = twistd.directory / "netshare.toml"
    worker = '[[worker]]\naddress = "net.tcp://+:%d/%s"\nfactory = "workers:factory"\n'
    file.write_text(worker % (port, "one"))
    twistd.start(f"--config={file}")
    (row,) = await twistd.ready(1)

    file.write_text(worker % (port, "one") + worker % (port, "two"))
    out, err, code = await reload(twistd)
    assert (out, err, code) == (f"added    worker net.tcp://+:{port}/two\n", "", 0)
    rows = await twistd.ready(2)
    assert row["pid"] in [one["pid"] for one in rows]

    file.write_text(worker % (port, "one") + "receiveTimeOut = 3\n")
    out, err, code = await reload(twistd)
    assert (out, code) == ("", 9)
    assert f"nothing has changed: {file}:4: [[worker]]: receiveTimeOut is not known" in err
    assert len(await twistd.ready(2)) == 2

    file.write_text(worker % (port, "one"))
    twistd.process.signalProcess("HUP")
    await twistd.says("'removed': ['worker net.tcp://")
    while len(rows := await twistd.ready(1)) > 1:
        await deferLater(reactor, 0.1)
    assert rows[0]["pid"] == row["pid"]
    twistd.process.signalProcess("HUP")
    await twistd.says("reloaded: {'added': [], 'removed': []")


async def reload(twistd: Twistd) -> tuple[str, str, int]:
    out, err, code = await getProcessOutputAndValue(
        sys.executable,
        ["-m", "netshare.cli", "reload", f"--control={twistd.control}"],
        env=dict(os.environ),
    )
    return out.decode(), err.decode(), code


async def test_version_is_netshares() -> None:
    """--version names netshare first."""
    said, code = await run("--version")
    assert said.startswith("netshare ")
    assert "Twisted" in said
    assert code == 0
