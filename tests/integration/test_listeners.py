"""Ways of listening: ports opened on demand, named endpoints, balancers, inherited sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater

from netshare.control import commands
from netshare.framing.faults import Fault
from netshare.framing.records import PREAMBLE_ACK, preamble
from netshare.outcomes import Outcome
from netshare.service.front.ports import AllowedPorts
from tests.helpers.listening import port_numbers
from tests.integration.running import AcknowledgingFactory, RunningService
from tests.peers.drivers import free_port

reactor: Any = _reactor


async def test_behind_a_balancer(service: RunningService) -> None:
    """With haproxy:tcp: the worker, the log and a relay see the real client's address."""
    await service.shared.listen(
        serverFromString(reactor, rf"haproxy:tcp:{service.port}:interface=127.0.0.1")
    )
    factory = AcknowledgingFactory("one")
    await service.worker("one", factory)
    client = await service.client(
        b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 808\r\n" + preamble(service.address("one"))
    )
    assert await client.until(4) == PREAMBLE_ACK + b"one"
    peer = factory.connections[0].transport.getPeer()
    assert (peer.host, peer.port) == ("192.0.2.7", 40000)
    client.abort()
    await service.settle(service.balanced)


async def test_a_named_listener_serves_every_port_number(service: RunningService) -> None:
    """A registration whose port is listened on already opens nothing, and is reached."""
    await service.shared.listen(
        serverFromString(reactor, f"tcp:{service.port}:interface=127.0.0.1")
    )
    port = await service.worker("one", AcknowledgingFactory("one"))
    assert port_numbers(service.shared.ports) == {service.port}
    client = await service.call("one")
    assert await client.until(4) == PREAMBLE_ACK + b"one"
    await port.stopListening()
    assert port_numbers(service.shared.ports) == {service.port}


async def test_both_families(tmp_path: Path) -> None:
    """By default a port is opened for IPv4 and IPv6, and each client keeps its own family."""
    running = RunningService(reactor, tmp_path, interfaces=[])
    await running.start()
    factory = AcknowledgingFactory("one")
    await running.worker("one", factory)
    from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, connectProtocol

    from tests.integration.running import RawClient

    hosts = []
    for endpoint in (
        TCP4ClientEndpoint(reactor, "127.0.0.1", running.port),
        TCP6ClientEndpoint(reactor, "::1", running.port),
    ):
        client = RawClient()
        await connectProtocol(endpoint, client)
        client.send(preamble(running.address("one")))
        await client.until(4)
        hosts.append(factory.connections[-1].transport.getPeer().host)
        client.abort()
    assert hosts == ["127.0.0.1", "::1"]
    await running.stop()


async def test_a_port_outside_the_allowed_set(tmp_path: Path) -> None:
    """A registration for a port that may not be opened says which are allowed."""
    running = RunningService(reactor, tmp_path, allowedPorts=AllowedPorts.parse(["808", "9000-"]))
    running.port = 1500
    await running.start()
    with pytest.raises(commands.FailedToListen, match=r"1500 is not among .*808, 9000-65535.*"):
        await running.worker("one", AcknowledgingFactory("one"))
    assert len(running.shared.registry) == 0
    assert len(running.shared.tree) == 0
    await running.stop()


async def test_a_port_that_somebody_else_has(service: RunningService) -> None:
    """A registration whose port is taken is refused, and leaves nothing behind."""
    with (
        socket.create_server(("127.0.0.1", service.port)),
        pytest.raises(commands.FailedToListen, match="Address already in use"),
    ):
        await service.worker("one", AcknowledgingFactory("one"))
    await service.worker("one", AcknowledgingFactory("one"))


async def test_connections_that_cannot_be_given_away(service: RunningService) -> None:
    """A listener whose connections live inside this process (TLS) refuses them with a reason."""
    from twisted.internet.protocol import Factory
    from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

    class Opaque(ProtocolWrapper):
        """A transport whose socket is not the connection, as under TLS."""

        def getHandle(self) -> object:
            return object()

    class OpaqueFactory(WrappingFactory):
        """Wraps the front as a tls: endpoint does."""

        protocol = Opaque

    wrapped: Factory = OpaqueFactory(service.shared.factory)
    port = reactor.listenTCP(service.port, wrapped, interface="127.0.0.1")
    client = await service.call("one")
    assert await client.end() == Fault.CONNECTION_DISPATCH_FAILED.record
    assert service.count(Outcome.NOT_PASSABLE) == 1
    await port.stopListening()
    await service.settle(service.balanced)


async def test_an_inherited_socket(tmp_path: Path) -> None:
    """With systemd: the service listens on a socket made before it, whose queue outlives it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.getsockname()[1]
        waiting = socket.create_connection(("127.0.0.1", number))
        waiting.sendall(preamble(f"net.tcp://127.0.0.1:{number}/nobody"))

        def inherit() -> None:
            os.dup2(listening.fileno(), 3)
            os.environ["LISTEN_PID"] = str(os.getpid())

        environment = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "netshare"}
        # exec sets LISTEN_PID for the process that the service is going to be.
        shell = f'export LISTEN_PID=$$; exec {sys.executable} -m twisted netshare "$@"'
        process = subprocess.Popen(
            [
                "/bin/bash",
                "-c",
                shell,
                "bash",
                f"--control={tmp_path / 'control'}",
                "--listen=systemd:domain=INET:name=netshare",
            ],
            env=environment,
            preexec_fn=inherit,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        waiting.setblocking(False)
        answer = b""
        for _ in range(500):
            try:
                answer = waiting.recv(1000)
                break
            except BlockingIOError:
                await deferLater(reactor, 0.02)
        assert answer == Fault.ENDPOINT_NOT_FOUND.record
        waiting.close()
        process.terminate()
        while process.poll() is None:
            await deferLater(reactor, 0.02)
        # The queue is the kernel's: who connects now waits for the next service.
        socket.create_connection(("127.0.0.1", number)).close()


@pytest.mark.parametrize("kind", ["tcp", "haproxy:tcp"])
async def test_a_crowd_at_a_named_port(service: RunningService, kind: str) -> None:
    """Two thousand that connect before the service has a turn all wait in the queue."""
    await service.worker("good", AcknowledgingFactory("good"))
    named = free_port()
    endpoint = serverFromString(reactor, f"{kind}:{named}:interface=127.0.0.1")
    await service.shared.listen(endpoint)
    header = b"" if kind == "tcp" else b"PROXY TCP4 192.0.2.1 192.0.2.2 1 808\r\n"
    sockets = []
    for _ in range(2000):
        one = socket.socket()
        one.settimeout(2)
        one.connect(("127.0.0.1", named))  # in the kernel: no turn of the reactor between
        one.sendall(header + preamble(service.address("good")))
        sockets.append(one)
    await service.settle(lambda: service.count(Outcome.HANDED_OVER) == 2000, 20)
    for one in sockets:
        one.close()
