"""
What clients notice when things go wrong: ``make chaos``.

A steady load of short, long and hopping clients runs against a service and its workers while they
are killed, stopped, restarted, flooded and starved; the clients count what was refused, cut,
answered wrongly and lost, and how long answers took. Everything is on 127.0.0.0/8, bounded in
count and time, and every process that was started is ended by its number.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.harness.chaos.haproxy import HAProxyWorld
from benchmarks.harness.chaos.load import Client, Load, Refused, Tally
from benchmarks.harness.chaos.world import INHERITED, MIXED, ON_DEMAND, OWN, SELF, SPAWNED, World
from netshare.framing.records import preamble


@dataclass(frozen=True, slots=True)
class Row:
    """What the clients of one scenario saw."""

    name: str
    times: int
    load: Load

    def cells(self) -> list[str]:
        """The row of the table."""
        short, kept, hops = self.load.short, self.load.kept, self.load.hops
        refused = short.refused + hops.refused + kept.refused
        reasons = ", ".join(f"{count} {what}" for what, count in refused.most_common())
        beside = f" ({self.load.crowd})" if str(self.load.crowd) else ""
        return [
            f"{self.name}{beside}",
            str(self.times or ""),
            f"{short.answered:,}",
            reasons or "0",
            f"{short.cut} / {kept.cut} / {hops.cut}",
            str(short.wrong + kept.wrong + hops.wrong),
            str(short.lost + kept.lost + hops.lost),
            f"{short.percentile(0.5):.1f}",
            f"{short.percentile(0.99):.0f}",
            f"{short.percentile(1.0):.0f}",
        ]


TITLES = [
    "What happens",
    "times",
    "answers",
    "refused",
    "cut: short / long / hopping",
    "wrong",
    "lost",
    "p50 ms",
    "p99 ms",
    "longest ms",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """
    How much of everything.

    :param rate: short clients in a second
    :param times: how often a worker is killed, or the service restarted
    :param pause: seconds between two events
    :param long: clients that keep a session
    :param hopping: clients that change the address on the same socket
    :param crowd: connections more that are under way at any time
    """

    rate: float
    times: int
    pause: float
    long: int = 20
    hopping: int = 10
    crowd: int = 0


@contextlib.asynccontextmanager
async def running(settings: Settings, **options: object) -> AsyncIterator[tuple[World, Load]]:
    """A world with a load on it."""
    with tempfile.TemporaryDirectory(prefix="netshare-chaos-") as directory:
        world = World(Path(directory), **options)  # type: ignore[arg-type]
        load = Load(world.port, settings.rate, settings.long, settings.hopping, settings.crowd)
        try:
            await world.start()
            await load.start()
            await asyncio.sleep(1)
            yield world, load
            await asyncio.sleep(1)
        finally:
            await load.stop()
            await world.stop()


async def quiet(settings: Settings) -> Row:
    """Nothing happens: what the other rows are compared with."""
    async with running(settings) as (_, load):
        await asyncio.sleep(settings.pause * settings.times / 2)
    return Row("nothing", 0, load)


def restarts(sockets: str, workers: str, number: signal.Signals) -> Callable[..., Awaitable[Row]]:
    """The service ends by a signal and is started again at once."""

    async def scenario(settings: Settings) -> Row:
        async with running(settings, sockets=sockets, workers=workers) as (world, load):
            for _ in range(settings.times):
                await world.end_service(number)
                world.start_service()
                await world.ready()
                await world.all_registered()
                await asyncio.sleep(settings.pause)
        name = f"restart by {number.name}, socket {sockets}, workers {workers}"
        return Row(name, settings.times, load)

    return scenario


async def take_over(settings: Settings) -> Row:
    """A new service takes over from the one that runs, again and again."""
    async with running(settings, processes=2) as (world, load):
        for _ in range(settings.times):
            await world.take_over()
            await asyncio.sleep(settings.pause)
    return Row("take-over, socket own, workers self-registered", settings.times, load)


async def take_over_spawned(settings: Settings) -> Row:
    """The same with workers of both kinds: their processes have to be the same at the end."""
    async with running(settings, workers=MIXED) as (world, load):
        before = world.spawned()
        sizes = []
        for _ in range(settings.times):
            await world.take_over()
            await asyncio.sleep(settings.pause)
            assert world.service is not None
            sizes.append(size_of(world.service.pid))
        ended = [pid for pid in before if not os.path.exists(f"/proc/{pid}")]
    name = (
        f"take-over, socket own, workers {MIXED} ({len(ended)} of these processes ended; the "
        f"service had {sizes[0]} after the first, {sizes[-1]} after the last)"
    )
    return Row(name, settings.times, load)


def size_of(pid: int) -> str:
    """How many descriptors, and how much memory, a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    megabytes = pages * resource.getpagesize() / 1024**2
    return f"{len(os.listdir(f'/proc/{pid}/fd'))} descriptors and {megabytes:.0f} MB"


async def haproxy_reload(settings: Settings) -> Row:
    """
    HAProxy's own way to be exchanged, for comparison. It has no hopping clients: it would bring
    them to the server of their first session.
    """
    with tempfile.TemporaryDirectory(prefix="netshare-chaos-") as directory:
        world = HAProxyWorld(Path(directory))
        load = Load(world.port, settings.rate, settings.long, 0, settings.crowd)
        try:
            await world.start()
            await load.start()
            await asyncio.sleep(1)
            for _ in range(settings.times):
                await world.reload()
                await asyncio.sleep(settings.pause)
            await asyncio.sleep(1)
        finally:
            await load.stop()
            await world.stop()
    return Row("HAProxy: reload by SIGUSR2, master and worker", settings.times, load)


async def recycles(settings: Settings) -> Row:
    """The processes of both addresses are exchanged for new ones, one address after the other."""
    async with running(settings, workers=SPAWNED) as (world, load):
        for turn in range(settings.times):
            await world.manage("recycle", world.address("ab"[turn % 2]), "--wait")
            await asyncio.sleep(settings.pause)
    return Row("netshare recycle of a spawned worker, the only one", settings.times, load)


async def drains(settings: Settings) -> Row:
    """A self-registered worker is exchanged by hand: a new one is started, the old one drained."""
    async with running(settings) as (world, load):
        for turn in range(settings.times):
            old, path = world.workers[turn % 2], "ab"[turn % 2]
            world.start_worker(path)
            world.workers[turn % 2] = world.workers.pop()
            world.leaving.append(old)
            await world.all_registered(1)
            await world.manage("drain", world.address(path), f"--pid={old.pid}", "--deadline=300")
            await asyncio.sleep(settings.pause)
    return Row("netshare drain of a self-registered worker, a new one up", settings.times, load)


async def kill_spawned(settings: Settings) -> Row:
    """Workers that the service started are killed, one after the other."""
    async with running(settings, workers=SPAWNED, processes=2) as (world, load):
        for _ in range(settings.times):
            # The oldest: one that has lived for long is started again at once.
            os.kill(min(world.spawned()), signal.SIGKILL)
            await asyncio.sleep(settings.pause)
            await world.all_registered()
    return Row("kill -9 of a spawned worker, two an address", settings.times, load)


async def kill_only(settings: Settings) -> Row:
    """The only worker of an address is killed, and started again by the service."""
    async with running(settings, workers=SPAWNED) as (world, load):
        for turn in range(settings.times):
            children = world.spawned()
            os.kill(children[turn % len(children)], signal.SIGKILL)
            await asyncio.sleep(settings.pause)
            await world.all_registered()
    return Row("kill -9 of a spawned worker, the only one", settings.times, load)


async def kill_registered(settings: Settings) -> Row:
    """Workers that registered themselves are killed, and started again half a second later."""
    async with running(settings, processes=2) as (world, load):
        for turn in range(settings.times):
            victim = world.workers[turn % 4]
            victim.kill()
            victim.wait()
            await asyncio.sleep(0.5)
            world.start_worker("a" if turn % 4 < 2 else "b")
            world.workers[turn % 4] = world.workers.pop()
            await world.all_registered()
            await asyncio.sleep(settings.pause)
    return Row("kill -9 of a self-registered worker, two an address", settings.times, load)


async def stopped_worker(settings: Settings) -> Row:
    """One of two workers of an address is stopped for three seconds, then goes on."""
    times = max(settings.times // 4, 1)
    options = ["--dispatchTimeout=2"]
    async with running(settings, processes=2, options=options) as (world, load):
        for turn in range(times):
            world.workers[turn % 4].send_signal(signal.SIGSTOP)
            await asyncio.sleep(3)
            world.workers[turn % 4].send_signal(signal.SIGCONT)
            await asyncio.sleep(settings.pause)
    return Row("SIGSTOP of one of two workers for 3 s", times, load)


async def starved_service(settings: Settings) -> Row:
    """Idle connections fill the service's table of descriptors, twice."""
    options = ["--receiveTimeout=3", "--maxPendingPerPeer=100000", "--maxPendingConnections=100000"]
    async with running(settings, descriptors=200, options=options) as (world, load):
        for _ in range(2):
            idle = [await connected(world.port) for _ in range(300)]
            await asyncio.sleep(4)
            for one in idle:
                one.close()
            await asyncio.sleep(1)
    return Row("300 idle connections, the service has 200 descriptors", 2, load)


async def starved_worker(settings: Settings) -> Row:
    """Sessions fill the workers' tables of descriptors; later they end."""
    async with running(settings, worker_descriptors=100) as (world, load):
        clients = [Client(world.port) for _ in range(200)]
        opening = [asyncio.create_task(opened(client)) for client in clients]
        await asyncio.sleep(4)
        for client, task in zip(clients, opening, strict=True):
            task.cancel()
            with contextlib.suppress(AttributeError):
                client.close()
        await asyncio.gather(*opening, return_exceptions=True)
        await asyncio.sleep(4)
    return Row("200 sessions at workers with 100 descriptors", 1, load)


async def half_open(settings: Settings) -> Row:
    """Connections that send half a preamble and wait, from forty addresses."""
    count = min(4000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3)
    async with running(settings) as (world, load):
        data = preamble(f"net.tcp://127.0.0.1:{world.port}/a")[:9]
        held = []
        for number in range(count):
            held.append(await connected(world.port, f"127.0.1.{number % 40 + 1}"))
            with contextlib.suppress(OSError):
                held[-1].send(data)
        await asyncio.sleep(5)
        for one in held:
            one.close()
    return Row(f"{count:,} half-open connections from 40 addresses", 1, load)


async def dead_relay(settings: Settings) -> Row:
    """A relay's server is down, and clients ask for it again and again."""
    with tempfile.TemporaryDirectory(prefix="netshare-chaos-") as directory:
        world = World(Path(directory))
        world._options.append(f"--relay={world.address('dead')}=tcp:127.0.0.1:1")
        load = Load(world.port, settings.rate)
        tally = Tally()
        try:
            await world.start()
            await load.start()
            for _ in range(100):
                await tally.count(dead(world.port))
                await asyncio.sleep(0.03)
        finally:
            await load.stop()
            await world.stop()
    answered = tally.refused["EndpointUnavailable"]
    return Row(f"a relay that is down ({answered} of 100 told so)", 1, load)


async def dead(port: int) -> None:
    """Ask for the relay."""
    client = Client(port)
    await client.connect()
    try:
        await client.open(b"dead")
    finally:
        client.close()


async def opened(client: Client) -> None:
    """Open a session, in whatever way it ends."""
    with contextlib.suppress(Refused, OSError, asyncio.IncompleteReadError):
        await client.connect()
        await client.open(b"a")
        await asyncio.sleep(60)


async def connected(port: int, source: str = "127.0.0.1") -> socket.socket:
    """A connection that nothing is sent on."""
    made = socket.socket()
    made.setblocking(False)
    made.bind((source, 0))
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(
            asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port)), 1
        )
    return made


SCENARIOS: dict[str, Callable[[Settings], Awaitable[Row]]] = {
    "quiet": quiet,
    **{
        f"{number.name.lower()}-{sockets.replace(' ', '-')}-{workers}": restarts(
            sockets, workers, number
        )
        for number in (signal.SIGTERM, signal.SIGKILL)
        for sockets, workers in (
            (INHERITED, SELF),
            (OWN, SELF),
            (ON_DEMAND, SELF),
            (INHERITED, SPAWNED),
        )
    },
    "take-over": take_over,
    "take-over-spawned": take_over_spawned,
    "haproxy-reload": haproxy_reload,
    "recycle": recycles,
    "drain": drains,
    "kill-registered": kill_registered,
    "kill-spawned": kill_spawned,
    "kill-only": kill_only,
    "stop": stopped_worker,
    "starved-service": starved_service,
    "starved-worker": starved_worker,
    "half-open": half_open,
    "relay": dead_relay,
}


def table(rows: list[Row]) -> str:
    """The rows as a list-table of reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for cells in (TITLES, *(row.cells() for row in rows)):
        for number, cell in enumerate(cells):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines)


async def run(names: list[str], settings: Settings) -> list[Row]:
    """Run scenarios, one after the other, saying each as it ends."""
    rows = []
    for name in names:
        began = time.monotonic()
        row = await SCENARIOS[name](settings)
        rows.append(row)
        said = "; ".join(
            f"{title} {cell}" for title, cell in zip(TITLES, row.cells(), strict=True) if cell
        )
        print(f"[{time.monotonic() - began:5.1f} s] {said}", flush=True)
    return rows


def main(arguments: list[str] | None = None) -> int:
    """:returns: 0; 1 if an answer was wrong"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"one or more of {', '.join(SCENARIOS)}")
    parser.add_argument("--rate", type=float, default=100.0, help="short clients in a second")
    parser.add_argument("--times", type=int, default=5, help="kills and restarts in each scenario")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two of them")
    parser.add_argument("--long", type=int, default=20, help="clients that keep a session")
    parser.add_argument("--hopping", type=int, default=10, help="clients that change the address")
    parser.add_argument(
        "--crowd", type=int, default=0, help="connections more under way, as fast as they are taken"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.scenario if name not in SCENARIOS]
    if unknown:
        parser.error(f"there is no scenario {unknown[0]}")
    settings = Settings(
        options.rate,
        options.times,
        options.pause,
        options.long,
        options.hopping,
        options.crowd,
    )
    rows = asyncio.run(run(options.scenario or list(SCENARIOS), settings))
    print("\n" + table(rows))
    return int(any(row.load.short.wrong + row.load.hops.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
