"""
Calls: Microsoft's own client and clients in Python, against one Python worker.

Run from the project's root: ``python benchmarks/transport.py``. It takes a minute or so. Everybody
is measured in turn in each round, in changing order; the tables have medians, and of the rates
also the least and the most: what differs by less than that does not differ.

Microsoft's client is found as the tests find it (tests/peers/README.rst); without it the figures of
the clients in Python remain. The floor is a plain Twisted server that answers as many bytes with
as many bytes, asked by a blocking socket.
"""

from __future__ import annotations

import argparse
import base64
import os
import selectors
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from benchmarks.harness.build import HERE
from benchmarks.harness.dispatcher import Setting
from benchmarks.harness.dispatchers import start_service
from benchmarks.harness.processes import BenchmarkError, Process, cpu_seconds, free_port
from benchmarks.harness.tables import number, table
from benchmarks.harness.transport_worker import LARGE, SIZES
from netshare.transport.binding import NetTcpBinding, SecurityMode
from netshare.transport.blocking import NetTcpClient
from netshare.transport.channelfactory import ChannelFactory, ClientChannel
from tests.peers.child import PeerError, PeerSilent
from tests.peers.contracts import IBasic
from tests.peers.drivers import DotNetClient
from tests.peers.programs import find_dotnet_client
from tests.peers.services import pattern

WORKER = HERE / "harness" / "transport_worker.py"
#: Bytes of a call of Add, with its envelopes, and of its reply.
REQUEST, REPLY = 200, 150
MEGABYTE = 1_000_000
#: Seconds for one reply of a megabyte where nothing helps it.
PATIENCE = 30.0
ROUNDS = 3
BINDING = NetTcpBinding(security=SecurityMode.NONE, max_received_message_size=LARGE)
NO_POOL = {"pool": {"maxOutboundConnectionsPerEndpoint": 0}}
#: By figure: what is aimed at, and whether less is better.
GOALS: dict[str, tuple[float, bool]] = {
    "p50 of a call on one channel, ms": (0.4, True),
    "calls/s on 64 channels": (5000, False),
    "MB/s of replies": (300, False),
    "MB/s of requests": (300, False),
}


@dataclass
class Sample:
    """What one round gave."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int = 0


class Table(dict[str, list[Sample]]):
    """The samples of all rounds, by what was measured."""

    def add(self, title: str, sample: Sample) -> None:
        """Keep a sample."""
        self.setdefault(title, []).append(sample)

    def median(self, title: str, figure: str) -> float:
        """Of all rounds."""
        values: list[float] = [getattr(sample, figure) for sample in self[title]]
        return statistics.median(values)

    def rows(self, size: int = 0) -> list[list[str]]:
        """With a size in bytes: MB/s in place of calls/s."""
        scale, digits = (size / 1e6, 1) if size else (1.0, 0)
        rows = []
        for title, samples in self.items():
            failed = sum(sample.failed for sample in samples)
            rates = [sample.rate * scale for sample in samples]
            rows.append(
                [
                    title + (f" ({failed} failed)" if failed else ""),
                    number(statistics.median(rates), digits),
                    f"{number(min(rates), digits)} - {number(max(rates), digits)}",
                    number(self.median(title, "p50")),
                    number(self.median(title, "p99")),
                    number(self.median(title, "cpu"), 0),
                ]
            )
        return rows


class Watch:
    """Times calls and the processor time of a server."""

    def __init__(self, server: Process) -> None:
        self._pids = server.family()
        self._cpu = cpu_seconds(self._pids)
        self._began = time.perf_counter()
        self.spans: list[float] = []

    def sample(self) -> Sample:
        """What was measured since."""
        count, spans = len(self.spans), sorted(self.spans)
        seconds = time.perf_counter() - self._began
        cpu = cpu_seconds(self._pids) - self._cpu
        return Sample(
            count / seconds,
            statistics.median(spans) * 1e3,
            spans[int(count * 0.99)] * 1e3,
            cpu / count * 1e6,
        )


# ---- clients in Python


def blocking(server: Process, count: int, call: Callable[[], object]) -> Sample:
    """Call, one after the other."""
    for _ in range(min(count, 20)):
        call()
    watch = Watch(server)
    for _ in range(count):
        began = time.perf_counter()
        call()
        watch.spans.append(time.perf_counter() - began)
    return watch.sample()


def floor(server: Process, port: int, count: int, request: int, reply: int) -> Sample:
    """A blocking socket asks the echo."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(SIZES.pack(request, reply))
        asked, buffer = bytes(request), bytearray(1 << 20)

        def call() -> None:
            connection.sendall(asked)
            missing = reply
            while missing:
                got = connection.recv_into(buffer)
                if not got:
                    raise BenchmarkError("the echo closed the connection")
                missing -= got

        return blocking(server, count, call)


def many_floors(server: Process, port: int, channels: int, count: int) -> Sample:
    """So many sockets ask the echo at once, from one loop."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(channels):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(SIZES.pack(REQUEST, REPLY))
            # Since when, and how many bytes are missing.
            selector.register(connection, selectors.EVENT_READ, [0.0, REPLY])
        watch = Watch(server)
        for key in selector.get_map().values():
            key.data[0] = time.perf_counter()
            _socket(key).sendall(bytes(REQUEST))
        while len(watch.spans) < channels * count:
            for key, _ in selector.select():
                got = len(_socket(key).recv(key.data[1]))
                if not got:
                    raise BenchmarkError("the echo closed a connection")
                key.data[1] -= got
                if not key.data[1]:
                    now = time.perf_counter()
                    watch.spans.append(now - key.data[0])
                    key.data[:] = [now, REPLY]
                    _socket(key).sendall(bytes(REQUEST))
        return watch.sample()


def _socket(key: selectors.SelectorKey) -> socket.socket:
    assert isinstance(key.fileobj, socket.socket)
    return key.fileobj


def our_client(worker: Process, address: str, tables: Tables) -> None:
    """The blocking one."""
    with NetTcpClient(IBasic, address, BINDING) as client:
        title = "netshare's blocking client"
        tables.one.add(title, blocking(worker, 500, lambda: client.Add(40, 2)))
        tables.replies.add(title, blocking(worker, 15, lambda: client.Bytes(MEGABYTE)))
        data = pattern(MEGABYTE)
        tables.requests.add(title, blocking(worker, 15, lambda: client.Count(data)))


async def our_twisted_client(worker: Process, address: str, tables: Tables, reactor: Any) -> None:
    """Without threads; and opening."""
    factory = ChannelFactory(IBasic, BINDING, reactor)
    channels = [factory.create_channel(address) for _ in range(64)]

    async def calls(channel: ClientChannel, count: int, watch: Watch) -> None:
        for _ in range(count):
            began = time.perf_counter()
            await channel.operations.Add(40, 2)
            watch.spans.append(time.perf_counter() - began)

    for channel in channels:
        await channel.operations.Add(40, 2)
    title = "netshare's Twisted client"
    watch = Watch(worker)
    await calls(channels[0], 500, watch)
    tables.one.add(title, watch.sample())
    watch = Watch(worker)
    await gatherResults([ensureDeferred(calls(channel, 20, watch)) for channel in channels])
    tables.many.add(title, watch.sample())
    for channel in channels:
        await channel.close()
    watch = Watch(worker)
    for _ in range(100):
        began = time.perf_counter()
        channel = factory.create_channel(address)
        await channel.operations.Add(40, 2)
        await channel.close()
        watch.spans.append(time.perf_counter() - began)
    tables.opening.add(f"{title}, pooled", watch.sample())
    await factory.close()


def other_client(worker: Process, address: str, tables: Tables) -> None:
    """pynettcp, where it is installed."""
    try:
        import pynettcp
        from pynettcp.contract import ElementSpec, Field, TypeRegistry, read_element, write_element
    except ImportError:
        return
    types = TypeRegistry()

    def caller(name: str, result: str, **arguments: int) -> Callable[[], object]:
        fields = tuple(Field(one, "xs:int") for one in arguments)
        spec = ElementSpec(name, "urn:peers:basic", fields)
        reply = ElementSpec(f"{name}Response", "", (Field(f"{name}Result", result),))

        def call() -> object:
            answer = channel.call(
                action=f"urn:peers:basic/IBasic/{name}",
                body=lambda writer: write_element(writer, spec, arguments, types),  # type: ignore[arg-type]
            )
            return read_element(answer.body_events, reply, types)[f"{name}Result"]

        return call

    with pynettcp.Channel(address) as channel:
        add = caller("Add", "xs:int", a=40, b=2)
        tables.one.add("pynettcp", blocking(worker, 500, add))
        get = caller("Bytes", "xs:base64Binary", count=MEGABYTE)
        tables.replies.add("pynettcp", blocking(worker, 15, get))


def floors(echo: Process, port: int, tables: Tables) -> None:
    """The same bytes without a message in them."""
    title = "the floor: a Twisted echo"
    tables.one.add(title, floor(echo, port, 1500, REQUEST, REPLY))
    tables.many.add(title, many_floors(echo, port, 64, 60))
    tables.replies.add(title, floor(echo, port, 30, REQUEST, MEGABYTE))
    tables.requests.add(title, floor(echo, port, 30, MEGABYTE, REPLY))


# ---- Microsoft's


class DotNet:
    """Lets Microsoft's client call."""

    def __init__(self, client: DotNetClient, worker: Process) -> None:
        self.client = client
        self.worker = worker

    async def bench(
        self, address: str, op: str, args: list[Any], calls: int, **more: Any
    ) -> Sample:
        """By its own clock."""
        pids = self.worker.family()
        before = cpu_seconds(pids)
        binding = {"maxReceivedMessageSize": LARGE, **more.pop("binding", {})}
        given = {"contract": "IBasic", "address": address, "op": op, "args": args}
        answer = await self.client.command(
            "bench", 60.0, **given, calls=calls, binding=binding, **more
        )
        cpu = cpu_seconds(pids) - before
        done = answer["done"]
        # One more call on each channel comes first, which it does not count.
        made = done + (0 if more.get("connect") else more.get("channels", 1))
        if not done:
            raise BenchmarkError(f".NET calling {op}: {answer['first_error']}")
        return Sample(
            answer["per_second"],
            answer["p50_ms"],
            answer["p99_ms"],
            cpu / made * 1e6,
            answer["failed"],
        )

    async def reply_of_a_megabyte(self, address: str) -> float | None:
        """Milliseconds, the least of three; one that takes a second is not repeated."""
        binding = {"maxReceivedMessageSize": LARGE, "sendTimeout": PATIENCE}
        channel = await self.client.open("IBasic", address, binding=binding)
        best: float | None = None
        try:
            for _ in range(3):
                answer = await channel.exchange("Bytes", MEGABYTE, timeout=PATIENCE + 5)
                best = answer["ms"] if best is None else min(best, answer["ms"])
                if answer["ms"] > 1000:
                    break
            await channel.close()
        except (PeerError, PeerSilent):
            await channel.abort()
        return best


async def dotnet(tables: Tables, caller: DotNet, where: str, address: str) -> None:
    """One round of Microsoft's client at one address."""
    operands = [40, 2]
    large = base64.b64encode(pattern(MEGABYTE)).decode()
    title = f".NET, {where}"
    tables.one.add(title, await caller.bench(address, "Add", operands, calls=700))
    tables.many.add(title, await caller.bench(address, "Add", operands, calls=40, channels=64))
    for how, binding in (("pooled", {}), ("not pooled", NO_POOL)):
        sample = await caller.bench(
            address, "Add", operands, calls=60, connect=True, binding=binding
        )
        tables.opening.add(f"{title}, {how}", sample)
    tables.replies.add(title, await caller.bench(address, "Bytes", [MEGABYTE], calls=12))
    tables.requests.add(title, await caller.bench(address, "Count", [large], calls=12))


async def warm_up(caller: DotNet, addresses: list[str]) -> None:
    """.NET compiles what is called often, in several steps."""
    large = base64.b64encode(pattern(MEGABYTE)).decode()
    for address in addresses:
        await caller.bench(address, "Add", [40, 2], calls=1500)
        await caller.bench(address, "Add", [40, 2], calls=40, connect=True)
        await caller.bench(address, "Bytes", [MEGABYTE], calls=5)
        await caller.bench(address, "Count", [large], calls=5)


async def segments(tables: Tables, caller: DotNet, own: str, shared: str, unset: str) -> None:
    """What the segments' size does to a client on the same machine."""
    for title, address in (
        ("its own port", own),
        ("the shared port", shared),
        ("the shared port, maxSegmentSize 0", unset),
    ):
        took = await caller.reply_of_a_megabyte(address)
        tables.segments.append([title, f"over {PATIENCE:g} s" if took is None else number(took, 1)])


# ---- tables


class Tables:
    """What was measured."""

    def __init__(self) -> None:
        self.one, self.many, self.opening = Table(), Table(), Table()
        self.replies, self.requests = Table(), Table()
        self.segments: list[list[str]] = []

    def print(self) -> None:
        """Show it."""
        calls = ["calls/s", "from - to", "p50 ms", "p99 ms", "server's CPU, µs a call"]
        bulk = ["MB/s", *calls[1:]]
        for title, rows, size in (
            ("Add on one channel, one call after the other", self.one, 0),
            ("Add on 64 channels at once", self.many, 0),
            ("Open, Add, Close, one after the other", self.opening, 0),
            ("Replies of 1 MB", self.replies, MEGABYTE),
            ("Requests of 1 MB", self.requests, MEGABYTE),
        ):
            if rows:
                head = [title, *(bulk if size else calls)]
                print(table(head, rows.rows(size)), end="\n\n")
        if self.segments:
            head = ["A reply of 1 MB to .NET on the same machine, over", "ms"]
            print(table(head, self.segments), end="\n\n")
        goals = self.goals()
        if goals:
            print(table(["goal, of .NET at the shared port", "is", "aimed at", ""], goals))

    def goals(self) -> list[list[str]]:
        """The goals beside what was measured."""

        shared = ".NET, the shared port"
        if shared not in self.one:
            return []
        reached = (
            self.one.median(shared, "p50"),
            self.many.median(shared, "rate"),
            self.replies.median(shared, "rate") * MEGABYTE / 1e6,
            self.requests.median(shared, "rate") * MEGABYTE / 1e6,
        )
        rows = []
        for (what, (aim, less)), value in zip(GOALS.items(), reached, strict=True):
            good = value <= aim if less else value >= aim
            sign = "≤" if less else "≥"
            rows.append([what, number(value), f"{sign} {aim:,g}", "✓" if good else "✗"])
        return rows


async def run(reactor: Any) -> None:
    """Start everything, measure, print, end everything."""
    tables = Tables()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)

        def started(process: Process) -> Process:
            stack.callback(process.stop)
            return process

        setting = Setting(directory, directory)
        service, control = start_service(setting, "service")
        started(service)
        plain = Setting(directory, directory, serviceOptions=("--maxSegmentSize", "0"))
        service, plain_control = start_service(plain, "plain")
        started(service)
        ports = [free_port() for _ in range(4)]
        own, shared, unset = (f"net.tcp://127.0.0.1:{port}/basic" for port in ports[:3])
        environment = {"PYTHONPATH": os.pathsep.join(map(str, (HERE.parent,)))}
        serving = [own, f"{shared}={control}", f"{unset}={plain_control}"]
        worker, echo = (
            started(Process(title, [sys.executable, WORKER, *rest], directory, environment))
            for title, rest in (("worker", serving), ("echo", ["echo", str(ports[3])]))
        )
        for process in (worker, echo):
            process.wait_for("listening")
        program = find_dotnet_client()
        caller: DotNet | None = None
        client: DotNetClient | None = None
        if program is None:
            print("Microsoft's client is not here (see tests/peers/README.rst): without it")
        else:
            client = DotNetClient(reactor, program)
            await client.start()
            caller = DotNet(client, worker)
        try:
            if caller is not None:
                await warm_up(caller, [own, shared])
            for number_ in range(ROUNDS):
                places = [("its own port", own), ("the shared port", shared)]
                for where, address in places if number_ % 2 else reversed(places):
                    if caller is not None:
                        await dotnet(tables, caller, where, address)
                await our_twisted_client(worker, own, tables, reactor)
                await deferToThread(our_client, worker, own, tables)
                await deferToThread(other_client, worker, own, tables)
                await deferToThread(floors, echo, ports[3], tables)
            if caller is not None:
                await segments(tables, caller, own, shared, unset)
        finally:
            if client is not None:
                await client.stop()
    print(f"{ROUNDS} rounds, medians; load average {os.getloadavg()[0]:.1f}", end="\n\n")
    tables.print()


def main(reactor: Any) -> Deferred[None]:
    """The program."""
    argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0]).parse_args()
    return ensureDeferred(run(reactor))


if __name__ == "__main__":
    react(main, [])
