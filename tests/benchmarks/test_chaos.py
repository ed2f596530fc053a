"""The chaos harness: what its clients count, and its table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from zope.interface.verify import verifyClass

from benchmarks import chaos
from benchmarks.harness.chaos import worker
from benchmarks.harness.chaos.load import Client, Load, Refused, Tally, Wrong
from netshare.framing import END, PREAMBLE_ACK, Fault
from netshare.transport.channels import IChannelAcceptor, IDuplexReceiver
from tests.helpers.wire import sized_envelope

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def outcome(error: BaseException | None) -> Tally:
    """What a conversation that ends so is counted as."""
    tally = Tally()

    async def conversation() -> None:
        if error is not None:
            raise error

    asyncio.run(tally.count(conversation()))
    return tally


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, (1, {}, 0, 0, 0)),
        (ConnectionRefusedError(), (0, {"ECONNREFUSED": 1}, 0, 0, 0)),
        (Refused("ServerTooBusy"), (0, {"ServerTooBusy": 1}, 0, 0, 0)),
        (ConnectionResetError(), (0, {}, 1, 0, 0)),
        (asyncio.IncompleteReadError(b"", 1), (0, {}, 1, 0, 0)),
        (Wrong(), (0, {}, 0, 1, 0)),
        (TimeoutError(), (0, {}, 0, 0, 1)),
    ],
)
def test_every_ending_is_counted(
    error: BaseException | None, expected: tuple[int, dict[str, int], int, int, int]
) -> None:
    """Each way in which a conversation ends has a counter of its own."""
    tally = outcome(error)
    counted = (tally.answered, dict(tally.refused), tally.cut, tally.wrong, tally.lost)
    assert counted == expected


def test_percentiles() -> None:
    """The times of answers are told in milliseconds."""
    tally = Tally(seconds=[number / 1000 for number in range(1, 101)])
    assert (tally.percentile(0.5), tally.percentile(0.99), tally.percentile(1.0)) == (51, 100, 100)
    assert Tally().percentile(0.5) != Tally().percentile(0.5)  # there is none


async def conversation(answers: bytes) -> None:
    """A short client's conversation with a server that answers with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.write(answers)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = Client(server.sockets[0].getsockname()[1])
    try:
        await client.connect()
        await client.open(b"a")
        await client.ask(b"token")
        await client.end()
    finally:
        client.close()
        server.close()
        await server.wait_closed()


GOOD = PREAMBLE_ACK + sized_envelope(b"atoken") + END


def test_a_good_conversation() -> None:
    """The answer of the address that was asked, to the message that was sent, is right."""
    asyncio.run(conversation(GOOD))


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (GOOD.replace(b"atoken", b"btoken"), Wrong),
        (GOOD.replace(b"atoken", b"atokem"), Wrong),
        (Fault.ENDPOINT_NOT_FOUND.record, Refused),
        (b"H" + GOOD, Wrong),
        (GOOD[:-1] + b"\x06", Wrong),
    ],
)
def test_other_conversations(answers: bytes, error: type[Exception]) -> None:
    """An answer of another address, or to another message, is wrong; a fault is a refusal."""
    with pytest.raises(error):
        asyncio.run(conversation(answers))


def test_the_worker_is_what_channels_ask_for() -> None:
    """The harness's worker provides the interfaces as they are now."""
    verifyClass(IChannelAcceptor, worker.Acceptor)
    verifyClass(IDuplexReceiver, worker.Answering)


def test_the_table() -> None:
    """Each scenario is a row with as many cells as there are titles."""
    load = Load(9000)
    load.short.refused["ServerTooBusy"] = 3
    load.short.seconds += [0.001, 0.002]
    row = chaos.Row("something", 5, load)
    assert len(row.cells()) == len(chaos.TITLES)
    text = chaos.table([row])
    assert "     - 3 ServerTooBusy\n" in text
    assert text.count("* -") == 2


def test_no_such_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is none ends before anything is started."""
    with pytest.raises(SystemExit):
        chaos.main(["nosuch"])
    assert "there is no scenario nosuch" in capsys.readouterr().err
