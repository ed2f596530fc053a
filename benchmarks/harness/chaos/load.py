"""
A steady load whose clients count what becomes of them.

Short clients come at a fixed rate: connect, open a session, send a message, read the answer,
leave. Long ones keep a session and send on it again and again; hopping ones end their session and
begin the next one, at the other address, on the same socket, as WCF's connection pools do.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from netshare.framing import END, PREAMBLE_ACK, Fault, RecordType, envelope_header
from netshare.framing.records import preamble

from .crowd import Crowd

#: Seconds after which a client takes its answer for lost.
PATIENCE = 10.0
#: Seconds between two messages of a long or hopping client.
PERIOD = 0.1

_PATHS = (b"a", b"b")


class Refused(Exception):
    """A connection, or a session, was not accepted; the text says with what."""


class Wrong(Exception):
    """An answer of another address, or to another message."""


@dataclass(slots=True)
class Tally:
    """
    What the clients saw.

    :ivar seconds: how long each answer took
    :ivar refused: by what, and how often
    """

    seconds: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    wrong: int = 0
    lost: int = 0

    @property
    def answered(self) -> int:
        """How many answers there were."""
        return len(self.seconds)

    def percentile(self, part: float) -> float:
        """:returns: in milliseconds, what this part of the answers took at most."""
        if not self.seconds:
            return float("nan")
        ordered = sorted(self.seconds)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)] * 1000

    async def count(self, conversation: Awaitable[None]) -> bool:
        """
        Carry a conversation out, and note its end.

        :returns: whether it went well
        """
        began = time.monotonic()
        try:
            await asyncio.wait_for(conversation, PATIENCE)
        except TimeoutError:
            self.lost += 1
        except ConnectionRefusedError:
            self.refused["ECONNREFUSED"] += 1
        except Refused as error:
            self.refused[str(error)] += 1
        except Wrong:
            self.wrong += 1
        except (ConnectionError, asyncio.IncompleteReadError, OSError):
            self.cut += 1
        else:
            self.seconds.append(time.monotonic() - began)
            return True
        return False


class Client:
    """
    A client of one port.

    :param port: of 127.0.0.1
    :param source: the address to come from
    """

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self._port = port
        self._source = source
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def connect(self) -> None:
        """Make a connection."""
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(self._source, 0)
        )

    async def open(self, path: bytes) -> None:
        """
        Open a session.

        :raises Refused: with a fault
        """
        self._path = path
        self._writer.write(preamble(f"net.tcp://127.0.0.1:{self._port}/{path.decode()}"))
        first = await self._reader.readexactly(1)
        if first[0] == RecordType.FAULT:
            size = (await self._reader.readexactly(1))[0]
            uri = (await self._reader.readexactly(size)).decode("utf-8", "replace")
            fault = Fault.from_uri(uri)
            raise Refused(fault.value if fault else uri)
        if first != PREAMBLE_ACK:
            raise Wrong

    async def ask(self, token: bytes) -> None:
        """
        Send a message and read the answer.

        :raises Wrong: it is another one
        """
        self._writer.write(envelope_header(len(token)) + token)
        expected = envelope_header(len(token) + 1) + self._path + token
        if await self._reader.readexactly(len(expected)) != expected:
            raise Wrong

    async def end(self) -> None:
        """End the session; the socket stays."""
        self._writer.write(END)
        if await self._reader.readexactly(1) != END:
            raise Wrong

    def close(self) -> None:
        """Leave."""
        self._writer.transport.abort()


class Load:
    """
    A load on a port, from :meth:`start` to :meth:`stop`.

    :param rate: short clients in a second
    :param long: how many clients keep a session
    :param hopping: how many change the address on the same socket
    :param crowd: how many connections more are under way at any time
    :ivar short: what the short ones saw
    :ivar kept: what the long ones saw
    :ivar hops: what the hopping ones saw
    """

    def __init__(
        self, port: int, rate: float = 100.0, long: int = 20, hopping: int = 10, crowd: int = 0
    ) -> None:
        self.short, self.kept, self.hops = Tally(), Tally(), Tally()
        self.crowd = Crowd(port, crowd)
        self._port = port
        self._rate = rate
        self._counts = long, hopping
        self._numbers = itertools.count()
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin; returns when the long and hopping clients are connected."""
        long, hopping = self._counts
        clients = [Client(self._port) for _ in range(long + hopping)]
        for number, client in enumerate(clients):
            await client.connect()
            await client.open(_PATHS[number % 2])
        for client in clients[:long]:
            self._run(self._keep(client, self._kept_once, self.kept))
        for client in clients[long:]:
            self._run(self._keep(client, self._hop, self.hops))
        self._run(self._arrive())
        self.crowd.start()

    async def stop(self) -> None:
        """End, when what is under way is over."""
        self._stopping = True
        await self.crowd.stop()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _run(self, coroutine: Awaitable[None]) -> None:
        async def run() -> None:
            await coroutine

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _token(self) -> bytes:
        return b"%016d" % next(self._numbers)

    async def _arrive(self) -> None:
        begin, number = time.monotonic(), 0
        while not self._stopping:
            number += 1
            path = _PATHS[number % 2]
            self._run(self._one(path))
            await asyncio.sleep(max(0.0, begin + number / self._rate - time.monotonic()))

    async def _one(self, path: bytes) -> None:
        client = Client(self._port)

        async def talk() -> None:
            await client.connect()
            try:
                await client.open(path)
                await client.ask(self._token())
                await client.end()
            finally:
                client.close()

        await self.short.count(talk())

    async def _kept_once(self, client: Client) -> None:
        await client.ask(self._token())

    async def _hop(self, client: Client) -> None:
        await client.ask(self._token())
        await client.end()
        await client.open(_PATHS[client._path == _PATHS[0]])

    async def _keep(
        self, client: Client, act: Callable[[Client], Awaitable[None]], tally: Tally
    ) -> None:
        """Act again and again; a client whose connection ends comes back, as programs do."""
        path = client._path
        while not self._stopping:
            if not await tally.count(act(client)):
                client.close()
                while not self._stopping:
                    await asyncio.sleep(PERIOD)
                    try:
                        await client.connect()
                        await asyncio.wait_for(client.open(path), PATIENCE)
                    except (Refused, OSError, TimeoutError, asyncio.IncompleteReadError):
                        client.close()
                        continue
                    break
            await asyncio.sleep(PERIOD)
        client.close()
