"""The ``netshare`` command as a process of its own, with real services and real strangers."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue
from twisted.web.resource import Resource
from twisted.web.server import Site

from netshare.cli.exits import Exit
from netshare.endpoints.preamble import PreambleUse
from netshare.framing.records import (
    BINARY_SESSION,
    SSL_TLS_UPGRADE,
)
from netshare.outcomes import Outcome
from netshare.service.routing.routes import FaultRoute
from tests.helpers.probeservers import Closing, Greeting, Silent, Wcf
from tests.integration.running import RunningService
from tests.peers.drivers import MonoEndpoint, free_port
from tests.peers.fixtures import StartMonoServer


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, read."""
        return json.loads(self.out)


class Page(Resource):
    """What the web servers here serve."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        return b"hello"


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


def environment(control: Path | None = None) -> dict[str, str]:
    """What the command gets to see."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": os.getcwd(), "NETSHARE_CONTROL": str(control or "/nowhere")}


async def netshare(*arguments: str, control: Path | None = None) -> Ran:
    """Run ``netshare``."""
    out, err, code = await getProcessOutputAndValue(
        sys.executable, ["-m", "netshare.cli", *arguments], environment(control), reactor=_reactor()
    )
    return Ran(code, out.decode(), err.decode())


# -- list, who, stats ------------------------------------------------------------------------


async def test_list(service: RunningService) -> None:
    """Workers, local Factories and relays are all listed, in the order of routing."""
    await service.worker("b", Factory())
    await service.worker("a", Factory())
    local = service.shared.endpointFor(f"net.tcp://*:{service.port}/local")
    port = await local.listen(Factory())
    service.shared.relay(
        f"net.tcp://host:{service.port}/r", TCP4ClientEndpoint(_reactor(), "127.0.0.1", 1), "far"
    )

    shown = await netshare("list", control=service.control)
    assert (shown.code, shown.err) == (0, "")
    rows = [line.split() for line in shown.out.splitlines()]
    number = service.port
    assert [row[0] for row in rows] == [
        "ADDRESS",
        f"net.tcp://+:{number}/a",
        f"net.tcp://+:{number}/b",
        f"net.tcp://host:{number}/r",
        f"net.tcp://*:{number}/local",
    ]
    assert rows[1][1:4] == ["strong", "ready", str(os.getpid())]
    assert "(relay to far)" in shown.out
    assert "(the service itself)" in shown.out

    listed = (await netshare("list", "--json", "--control", str(service.control))).json
    assert [row["address"] for row in listed] == [row[0] for row in rows[1:]]
    assert listed[0]["pid"] == os.getpid()
    assert listed[0]["given"] == 0
    port.stopListening()


async def test_list_asks_for_every_page(service: RunningService) -> None:
    """More registrations than one answer holds are listed completely."""
    for number in range(1203):
        service.shared.tree.put(
            *_fault_route(f"net.tcp://+:{service.port}/{number}", Outcome.SERVER_TOO_BUSY)
        )
    listed = (await netshare("list", "--json", control=service.control)).json
    assert len({row["address"] for row in listed}) == len(listed) == 1203


async def test_empty_list(service: RunningService) -> None:
    """A service without registrations says so, and how to get one."""
    shown = await netshare("list", control=service.control)
    assert shown.code == 0
    assert shown.out.startswith(f"No address is registered with the service at {service.control}")
    assert (await netshare("list", "--json", control=service.control)).json == []


async def test_who(service: RunningService) -> None:
    """A via is told the longest prefix that takes it, or that nobody does."""
    await service.worker("one", Factory())
    found = await netshare("who", service.address("one/two"), control=service.control)
    assert (found.code, found.err) == (0, "")
    assert f"reaches net.tcp://+:{service.port}/one\n" in found.out
    assert f"process {os.getpid()} of " in found.out

    nobody = await netshare("who", service.address("two"), control=service.control)
    assert nobody.code == Exit.NO_ENDPOINT
    assert "EndpointNotFound" in nobody.out
    answer = await netshare("who", "--json", service.address("two"), control=service.control)
    assert (answer.code, answer.json["fault"]) == (Exit.NO_ENDPOINT, "EndpointNotFound")

    wrong = await netshare("who", "host/path", control=service.control)
    assert (wrong.code, wrong.out) == (Exit.USAGE, "")
    assert "not an absolute URI" in wrong.err
    long = await netshare("who", "net.tcp://h/" + "x" * 70_000, control=service.control)
    assert long.code == Exit.USAGE
    assert "the address has 70012 bytes" in long.err


async def test_stats(service: RunningService) -> None:
    """Counters and settings are shown, and as JSON are what the service counted."""
    await service.worker("somebody", Factory())
    await service.call("nobody")
    await service.settle(lambda: service.count(Outcome.ENDPOINT_NOT_FOUND) == 1)
    shown = await netshare("stats", control=service.control)
    assert (shown.code, shown.err) == (0, "")
    assert "endpoint-not-found      1  refused: the address is not registered" in shown.out
    assert "receiveTimeout           5 s" in shown.out
    stats = (await netshare("stats", "--json", control=service.control)).json
    assert stats["outcomes"] == {"endpoint-not-found": 1}
    assert stats["pid"] == os.getpid()


class Watching(ProcessProtocol):
    """A command that goes on until it is interrupted."""

    def __init__(self) -> None:
        self.out = b""
        self.err = b""
        self.code: int | None = None

    def outReceived(self, data: bytes) -> None:
        self.out += data

    def errReceived(self, data: bytes) -> None:
        self.err += data

    def processEnded(self, reason: Any) -> None:
        self.code = 0 if reason.check(ProcessDone) else reason.value.exitCode


async def test_watching(service: RunningService) -> None:
    """stats --watch --json writes a line for each look, and ends at SIGINT with 130."""
    watching = Watching()
    process = _reactor().spawnProcess(
        watching,
        sys.executable,
        [sys.executable, "-m", "netshare.cli", "stats", "--watch", "0.1", "--json"],
        environment(service.control),
    )
    await service.settle(lambda: watching.out.count(b"\n") >= 3)
    process.signalProcess("INT")
    await service.settle(lambda: watching.code is not None)
    assert (watching.code, watching.err) == (Exit.INTERRUPTED, b"")
    looks = [json.loads(line) for line in watching.out.splitlines()]
    assert all(look["pid"] == os.getpid() for look in looks)


async def test_watching_a_service_that_stops(service: RunningService) -> None:
    """When the service goes away, so does whoever watches it: with code 3 and a sentence."""
    watching = Watching()
    _reactor().spawnProcess(
        watching,
        sys.executable,
        [sys.executable, "-m", "netshare.cli", "stats", "--watch", "0.1"],
        environment(service.control),
    )
    await service.settle(lambda: b"PER S" in watching.out)
    await service.stop()
    await service.settle(lambda: watching.code is not None)
    assert watching.code == Exit.NO_SERVICE
    assert watching.err.startswith(b"netshare: no sharing service answers at ")
    assert watching.err.count(b"\n") == 1


async def test_a_reader_that_has_seen_enough(service: RunningService) -> None:
    """Piped into something that stops reading, the command ends without a traceback."""
    for number in range(1000):
        service.shared.tree.put(
            *_fault_route(f"net.tcp://+:{service.port}/{number}", Outcome.SERVER_TOO_BUSY)
        )
    script = f'"{sys.executable}" -m netshare.cli list | head -n 1; echo "${{PIPESTATUS[0]}}"'
    out, err, _ = await getProcessOutputAndValue(
        "/bin/bash", ["-c", script], environment(service.control), reactor=_reactor()
    )
    first, status = out.decode().splitlines()
    assert first.startswith("ADDRESS")
    assert int(status) in (Exit.OK, Exit.BROKEN_PIPE)
    assert err == b""


# -- a service that cannot be asked ----------------------------------------------------------


def absent(directory: Path) -> Path:
    """A path with nothing there."""
    return directory / "absent"


def stale(directory: Path) -> Path:
    """A socket whose service has ended."""
    path = directory / "stale"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return path


def plain_file(directory: Path) -> Path:
    """Not a socket."""
    path = directory / "file"
    path.touch()
    return path


def too_long(directory: Path) -> Path:
    """A path that no socket can have."""
    return directory / ("x" * 120)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (absent, "there is no such socket"),
        (stale, "nothing listens on it"),
        (plain_file, "that is not a socket"),
        (too_long, "at most 107 bytes"),
    ],
)
@pytest.mark.parametrize("command", [["list"], ["who", "net.tcp://h/"], ["stats"]])
async def test_no_service(
    tmp_path: Path, where: Callable[[Path], Path], sentence: str, command: list[str]
) -> None:
    """Without a service every command says what is wrong with which socket, and ends with 3."""
    path = where(tmp_path)
    ran = await netshare(*command, "--control", str(path))
    assert (ran.code, ran.out) == (Exit.NO_SERVICE, "")
    assert ran.err.startswith(f"netshare: no sharing service answers at {path}: ")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_socket_that_may_not_be_opened(service: RunningService) -> None:
    """Who may not open the socket is told that, and as whom it was tried."""
    service.control.chmod(0o600)
    script = (
        "import os, sys\n"
        "from netshare.cli import main\n"
        "import netshare.cli.ask.list\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"sys.exit(main(['list', '--control', {str(service.control)!r}]))"
    )
    _, err, code = await getProcessOutputAndValue(
        sys.executable, ["-c", script], environment(), reactor=_reactor()
    )
    assert code == Exit.NO_SERVICE
    assert b"may not open it" in err


class Stranger(Protocol):
    """Answers anything with one and the same thing."""

    transport: Any
    words = b""

    def dataReceived(self, data: bytes) -> None:
        if self.words:
            self.transport.write(self.words)
        self.transport.loseConnection()


WORDS = [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 100]


@pytest.mark.parametrize("words", WORDS, ids=["none", "web", "noise"])
async def test_another_program_on_the_socket(tmp_path: Path, words: bytes) -> None:
    """A socket that belongs to something else ends the command with a sentence."""
    path = tmp_path / "control"
    port = _reactor().listenUNIX(str(path), strangers(words))
    ran = await netshare("list", control=path)
    await port.stopListening()
    assert (ran.code, ran.out) == (Exit.NO_SERVICE, "")
    assert "socket of another program" in ran.err
    assert ran.err.count("\n") == 1


def strangers(said: bytes) -> Factory:
    """Makes :class:`Stranger` protocols."""

    class Saying(Stranger):
        words = said

    return Factory.forProtocol(Saying)


# -- probe -----------------------------------------------------------------------------------


def _fault_route(address: str, outcome: Outcome) -> tuple[Any, Any]:
    from netshare.addresses import parse_base_address

    return parse_base_address(address), FaultRoute(outcome, "closed")


async def test_probe_a_consumed_preamble(service: RunningService) -> None:
    """A Factory behind a consumed preamble is reachable in every encoding, without upgrades."""
    await service.worker("web", Site(Page()), preamble=PreambleUse.CONSUME)
    ran = await netshare("probe", service.address("web"))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{service.address('web')} at 127.0.0.1:{service.port}:\n")
    assert ran.out.count("accepted (") == 5
    assert ran.out.count("UpgradeInvalid: it does not offer this") == 2
    assert "is reachable, in WCF with:" in ran.out
    assert "acknowledges every encoding" in ran.out
    assert service.count(Outcome.HANDED_OVER) == 7
    await service.settle(service.balanced)


async def test_probe_no_such_path(service: RunningService) -> None:
    """A path that nobody serves is asked for once, and told apart from everything else."""
    await service.worker("one", Factory())
    ran = await netshare("probe", "--json", service.address("two"))
    assert ran.code == Exit.NO_ENDPOINT
    assert ran.json["verdict"] == "no such path"
    assert ran.json["fault"] == "EndpointNotFound"
    assert service.shared.counts.accepted == 1


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (Outcome.ENDPOINT_UNAVAILABLE, "EndpointUnavailable"),
        (Outcome.SERVER_TOO_BUSY, "ServerTooBusy"),
        (Outcome.CONNECTION_DISPATCH_FAILED, "ConnectionDispatchFailed"),
    ],
)
async def test_probe_other_faults(service: RunningService, outcome: Outcome, fault: str) -> None:
    """Any other fault has a code of its own, is named, and ends the probe."""
    await service.worker("open", Factory())
    service.shared.tree.put(*_fault_route(f"net.tcp://+:{service.port}/x", outcome))
    ran = await netshare("probe", service.address("x"))
    assert ran.code == Exit.REFUSED
    assert f"is refused with {fault}." in ran.out
    assert service.count(outcome) == 1


async def test_probe_elsewhere(service: RunningService) -> None:
    """--host and --port say where to connect; the address asked for stays."""
    await service.worker("web", Site(Page()), preamble=PreambleUse.CONSUME)
    via = f"net.tcp://no-such-host.invalid:{service.port}/web"
    ran = await netshare("probe", "--json", "--host", "127.0.0.1", via)
    assert (ran.code, ran.json["via"], ran.json["host"]) == (0, via, "127.0.0.1")
    via = "net.tcp://127.0.0.1:1/web"
    ran = await netshare("probe", "--json", "--port", str(service.port), via)
    assert (ran.code, ran.json["via"], ran.json["verdict"]) == (
        Exit.NO_ENDPOINT,
        via,
        "no such path",
    )


async def test_probe_nobody_listens() -> None:
    """A port where nothing listens is unreachable, with a question that helps."""
    port = free_port()
    ran = await netshare("probe", f"net.tcp://127.0.0.1:{port}/x")
    assert ran.code == Exit.UNREACHABLE
    assert f"nothing listens on port {port} of 127.0.0.1" in ran.out
    assert ran.out.count("\n") == 1


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70, "x..y"])
async def test_probe_no_such_host(host: str) -> None:
    """A host name that means nothing is unreachable, not a traceback."""
    ran = await netshare("probe", f"net.tcp://{host}/x")
    assert (ran.code, ran.err) == (Exit.UNREACHABLE, "")
    assert host in ran.out


async def test_probe_a_wildcard() -> None:
    """A wildcard host is an error of the command line."""
    ran = await netshare("probe", "net.tcp://+:808/x")
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert "stands for any host" in ran.err


class Counting(Factory):
    """Counts connections, and closes those that are left at the end."""

    def __init__(self, protocol: type[Protocol]) -> None:
        self.protocol = protocol
        self.count = 0
        self.made: list[Any] = []

    def buildProtocol(self, addr: Any) -> Protocol:
        self.count += 1
        made = self.protocol()
        self.made.append(made)
        return made


Serve = Callable[[Factory], int]


@pytest_twisted.async_yield_fixture
async def serve() -> AsyncIterator[Serve]:
    """Listens with a Factory on a port of 127.0.0.1, for one test."""
    ports: list[Any] = []

    def listen(factory: Factory) -> int:
        ports.append(_reactor().listenTCP(0, factory, interface="127.0.0.1"))
        number: int = ports[-1].getHost().port
        return number

    yield listen
    for port in ports:
        await port.stopListening()


async def test_probe_a_wcf_service(serve: Serve) -> None:
    """What a service accepts, refuses and offers is all in the report; nothing is left open."""
    factory = Counting(Wcf)
    uri = f"net.tcp://127.0.0.1:{serve(factory)}/app"
    report = (await netshare("probe", "--json", uri)).json
    assert report["accepts"] == {
        "duplex": [BINARY_SESSION],
        "singleton": [],
        "upgrades": [SSL_TLS_UPGRADE],
    }
    assert report["attempts"][0]["end"] == "answered"
    assert [attempt["detail"] for attempt in report["attempts"]] == [
        None,
        *["ContentTypeInvalid"] * 4,
        None,
        "UpgradeInvalid",
    ]
    assert factory.count == 7
    await deferLater(_reactor(), 0.05)
    assert not any(protocol.transport.connected for protocol in factory.made)


@pytest.mark.parametrize(
    ("server", "code", "said"),
    [
        (Silent, Exit.NO_ANSWER, "does not answer net.tcp"),
        (Closing, Exit.NO_ANSWER, "closes what it cannot serve"),
        (Greeting, Exit.NOT_NET_TCP, "it speaks SSH"),
    ],
)
async def test_probe_strangers(serve: Serve, server: type[Protocol], code: Exit, said: str) -> None:
    """Who does not speak net.tcp is recognised, or at least survived."""
    port = serve(Counting(server))
    ran = await netshare("probe", "--timeout", "0.2", f"net.tcp://127.0.0.1:{port}/x")
    assert (ran.code, ran.err) == (code, "")
    assert said in ran.out


async def test_probe_a_web_server(serve: Serve) -> None:
    """A web server that waits for the rest of our strange request is recognised all the same."""
    port = serve(Site(Page(), timeout=5))
    ran = await netshare("probe", "--json", "--timeout", "0.3", f"net.tcp://127.0.0.1:{port}/x")
    assert (ran.code, ran.json["protocol"]) == (Exit.NOT_NET_TCP, "HTTP")


@pytest.mark.peer("mono")
async def test_probe_mono(mono_server: StartMonoServer) -> None:
    """Mono's service is reachable in duplex mode; that it ignores the rest is no crash."""
    uri = f"net.tcp://127.0.0.1:{free_port()}/app"
    await mono_server(MonoEndpoint("IBasic", uri))
    ran = await netshare("probe", "--json", "--timeout", "1", uri)
    assert (ran.code, ran.err) == (0, "")
    assert BINARY_SESSION in ran.json["accepts"]["duplex"]
    assert [attempt["answer"] for attempt in ran.json["attempts"][4:]] == ["silent"] * 3
