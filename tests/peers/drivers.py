"""
The three peers as objects: a client of Microsoft's, a client on Mono, and services on Mono.

    async def test_something(dotnet_client: DotNetClient) -> None:
        channel = await dotnet_client.open("IBasic", "net.tcp://127.0.0.1:9000/basic")
        assert await channel.call("Add", 40, 2) == 42
        await channel.close()

What Mono is like as a peer is told in README.rst.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from tests.peers.child import Answer, IReactor, JsonProcess, LineProcess
from tests.peers.programs import MonoPrograms

MONO_SETTLE = 0.1
"""
Seconds to leave between the end of one connection to a Mono service and the start of the next: Mono
may lose a connection that arrives within a few milliseconds of another's close.
"""


LOWEST_FREE_PORT = 20_000
"""Below are the ports of well-known programs."""


def free_port() -> int:
    """
    A TCP port that nobody listened on just now, and that no client gets as its own: one the
    kernel hands out may be any connection's on this machine before it is listened on.

    :returns: its number.
    """
    while True:
        port = random.randrange(LOWEST_FREE_PORT, first_port_of_clients())
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port


def first_port_of_clients() -> int:
    """:returns: the first of the port numbers that the kernel gives to outgoing connections."""
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])


class Channel:
    """
    A channel that a client has open, as an object; made by :meth:`WcfClient.open`.

    :param client: the client that holds it.
    :param name: the client's name for it.
    :param session: the WCF session id, if it has one.
    """

    def __init__(self, client: WcfClient, name: str, session: str | None) -> None:
        self._client = client
        self.name = name
        self.session = session

    async def call(self, op: str, *args: Any, **more: Any) -> Any:
        """
        Calls an operation.

        :param op: its name in the contract.
        :param args: its arguments but the ``out`` ones: bytes in base64, a stream as
            ``{"size": n}``.
        :param more: further keys of the command, e.g. ``headers=[…]``, ``timeout=5``.
        :returns: its result, ``None`` for void.
        :raises PeerError: when the call failed at the client.
        """
        return (await self.exchange(op, *args, **more)).get("result")

    async def exchange(self, op: str, *args: Any, **more: Any) -> Answer:
        """
        Calls an operation.

        :returns: the whole answer: ``result``, ``ms``, and ``out`` with the values of the out and
            ref parameters by name.
        :raises PeerError: when the call failed at the client.
        """
        return await self._client.command("call", channel=self.name, op=op, args=list(args), **more)

    async def close(self, timeout: float | None = None) -> Answer:
        """
        Closes the channel: End records both ways, .NET then keeps the connection for its pool. The
        Mono program aborts one with callbacks instead (``aborted`` in the answer), since Mono's
        Close would wait for a minute.

        :raises PeerError: when it did not close.
        """
        return await self._client.command("close", timeout, channel=self.name)

    async def abort(self) -> Answer:
        """Aborts the channel: .NET resets the connection, Mono sends End and closes it."""
        return await self._client.command("abort", channel=self.name)

    async def state(self) -> str:
        """
        :returns: WCF's CommunicationState: ``Opened``, ``Faulted``, ``Closed``, …
        """
        return str((await self._client.command("state", channel=self.name))["state"])


class WcfClient(JsonProcess):
    """What both clients can do. ``binding`` is an object for .NET and a name for Mono."""

    async def open(
        self,
        contract: str,
        address: str,
        *,
        via: str | None = None,
        binding: Any = None,
        **more: Any,
    ) -> Channel:
        """
        Opens a channel (with a streamed binding that does not connect yet).

        :param contract: one of Contracts.cs, e.g. ``"IBasic"``.
        :param address: the endpoint's address.
        :param via: the transport's address, where it differs.
        :param binding: see README.rst; binary, buffered and without security when ``None``.
        :param more: further keys of the command.
        :raises PeerError: when it does not open, e.g. with ``type``
            ``System.ServiceModel.EndpointNotFoundException``.
        """
        answer = await self.command(
            "open", contract=contract, address=address, via=via, binding=binding, **more
        )
        return Channel(self, answer["channel"], answer.get("session"))

    async def once(
        self,
        contract: str,
        address: str,
        op: str,
        *args: Any,
        via: str | None = None,
        binding: Any = None,
        **more: Any,
    ) -> Any:
        """
        Opens a channel, calls one operation, closes.

        :returns: the operation's result.
        :raises PeerError: when any of the three failed.
        """
        answer = await self.command(
            "once",
            contract=contract,
            address=address,
            op=op,
            args=list(args),
            via=via,
            binding=binding,
            **more,
        )
        return answer.get("result")

    async def reply(self, op: str, result: Any) -> None:
        """Says what a callback operation answers from now on."""
        await self.command("reply", op=op, result=result)


class DotNetClient(WcfClient):
    """
    Microsoft's own client (System.ServiceModel.NetTcp). Its further commands (``factory``,
    ``bench``, ``raw-open``, ``nbfx-decode``, …) go through :meth:`command`.

    :param reactor: the reactor that runs it.
    :param program: see :func:`tests.peers.programs.find_dotnet_client`.
    :param contracts: assemblies with further contracts.
    """

    def __init__(self, reactor: IReactor, program: Path, contracts: Sequence[Path] = ()) -> None:
        options = [word for path in contracts for word in ("--contracts", str(path))]
        super().__init__(reactor, [str(program), *options])


class MonoClient(WcfClient):
    """
    A client on Mono. Its ``binding`` is one of none, streamed, text, text16, text11, text11-noaddr.

    :param reactor: the reactor that runs it.
    :param programs: see :func:`tests.peers.programs.build_mono_programs`.
    """

    def __init__(self, reactor: IReactor, programs: MonoPrograms) -> None:
        super().__init__(reactor, [str(programs.runtime), str(programs.client)])

    deadline = 20.0

    async def ask(self, cmd: str, timeout: float | None = None, **arguments: Any) -> Answer:
        """
        As the base's, but a command that takes too long is answered by the program itself, with
        the error type ``Peers.DeadlinePassed``: Mono ignores OpenTimeout and waits for ever on an
        acceptor that is silent.

        :param timeout: the program's deadline in seconds, :attr:`deadline` when ``None``.
        """
        seconds = self.deadline if timeout is None else timeout
        return await super().ask(cmd, seconds + 5.0, deadline=seconds, **arguments)


@dataclass(frozen=True, slots=True)
class MonoEndpoint:
    """
    One service of a Mono server.

    :param contract: IBasic, IData, IStreams, IDuplex, ISession, IXml or IUntyped.
    :param address: what clients call and what Mono compares ``To`` with, port included.
    :param listen: where the process listens, when that is somewhere else (behind a shared port). A
        port of its own for each endpoint; 127.0.0.1 and never localhost, for which Mono binds
        every interface.
    """

    contract: str
    address: str
    listen: str | None = None

    def argument(self) -> str:
        """:returns: the server program's argument for it."""
        where = "" if self.listen is None else f"@{self.listen}"
        return f"{self.contract}={self.address}{where}"


class MonoServer(LineProcess):
    """
    The services of Services.cs on Mono, ready when :meth:`start` returns.

    :param reactor: the reactor that runs it.
    :param programs: see :func:`tests.peers.programs.build_mono_programs`.
    :param endpoints: what it serves.
    :param name: what IBasic's Who answers.
    :param binding: none, streamed, text, text16, text11 or text11-noaddr, for all endpoints.
    """

    def __init__(
        self,
        reactor: IReactor,
        programs: MonoPrograms,
        endpoints: Sequence[MonoEndpoint],
        *,
        name: str = "mono",
        binding: str = "none",
    ) -> None:
        options = [f"--name={name}", f"--binding={binding}"]
        where = [endpoint.argument() for endpoint in endpoints]
        super().__init__(reactor, [str(programs.runtime), str(programs.server), *options, *where])
        self.endpoints = tuple(endpoints)

    def line_received(self, line: bytes) -> None:
        """The server says READY, and nothing more."""
        if line.strip() == b"READY":
            self.ready()

    async def settle(self) -> None:
        """Waits until the next connection is safe, see :data:`MONO_SETTLE`."""
        await deferLater(self._reactor, MONO_SETTLE)
