"""Tests of the benchmark of calls: its rounds, its figures, its tables, and its floor."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.testing import StringTransport

from benchmarks import transport
from benchmarks.harness.build import HERE
from benchmarks.harness.processes import BenchmarkError, Process, free_port
from benchmarks.harness.results import Results
from benchmarks.harness.transport import datatables, tables
from benchmarks.harness.transport.bulk import Bulk
from benchmarks.harness.transport.floor import (
    ID_SIZE,
    MESSAGE_ID,
    Floor,
    Recording,
    Reply,
    load,
    save,
)
from benchmarks.harness.transport.loads import BINDING, DATA, MEGABYTE
from benchmarks.harness.transport.measure import Caller, measure
from benchmarks.harness.transport.recording import record_all, request
from benchmarks.harness.transport.samples import CpuWatch, Sample, Stopwatch, percentile
from benchmarks.harness.transport.stage import group_sizes
from netshare.framing.records import END, PREAMBLE_ACK, preamble
from netshare.framing.sized import envelope_header
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.clients.blocking import NetTcpClient
from tests.peers.contracts import IBasic
from tests.peers.services import pattern

TITLES = {
    tables.SHARED: ".NET, the shared port",
    tables.FLOOR: ".NET, the floor",
    tables.WHOLE_FLOOR: ".NET, no TCP_MAXSEG",
    "workers-1": "one",
    "workers-2": "two",
    "twisted": "ours",
}


def canned() -> Results:
    """Two rounds, in the second of which the machine is half as fast."""
    samples: list[Sample] = []
    for number, speed in ((1, 1.0), (2, 0.5)):
        for key, figure, rate, p50, cpu in (
            (tables.SHARED, "one", 4000, 0.2, 100),
            (tables.FLOOR, "one", 20_000, 0.05, 20),
            (tables.SHARED, "many", 9000, 5.0, 90),
            (tables.SHARED, "replies", 400, 4.0, 700),
            (tables.FLOOR, "replies", 500, 3.0, 400),
            (tables.SHARED, "requests", 300, 4.0, 700),
            ("workers-1", "growth", 10_000, 5.0, 100),
            ("workers-2", "growth", 13_000, 4.0, 125),
            ("twisted", "one", 3000, 0.3, 100),
        ):
            samples.append(
                {
                    "round": number,
                    "dispatcher": key,
                    "figure": figure,
                    "rate": rate * speed,
                    "p50": p50 / speed,
                    "p99": 9.0,
                    "cpu": cpu,
                    "client": 50.0,
                    "done": 100,
                    "failed": int(key == "twisted"),
                }
            )
    place: Sample = {"round": 1, "dispatcher": tables.WHOLE_FLOOR, "figure": "whole"}
    samples.append({**place, "p50": 12_000.0, "done": 1, "failed": 0})
    return Results(samples, TITLES, {"machine": "a machine"}, ["pynettcp is left out"])


# ---- tables


def test_floor_is_compared_within_rounds() -> None:
    """A row says what part of the floor it reaches, and CoreWCF's figures stand below."""
    rows = tables.calls(canned(), "one").splitlines()
    ours = next(row for row in rows if "the shared port" in row)
    assert [cell.strip() for cell in ours.split("|")[2:6]] == [
        "3,000",
        "2,000 - 4,000",
        "0.20",
        "0.30",
    ]
    assert "CoreWCF" in rows[-1]
    assert "3,300" in rows[-1]
    assert "0.27" in rows[-1]


def test_large_messages_are_in_megabytes() -> None:
    """Of messages of a megabyte the rate is MB/s; CoreWCF was not measured by them."""
    text = tables.calls(canned(), "replies")
    assert "MB/s" in text
    assert "300.0" in text
    assert "CoreWCF" not in text


def test_growth_is_vs_one_worker() -> None:
    """What several workers reach is compared with one, and with a processor for each."""
    rows = tables.growth(canned()).splitlines()
    two = next(row for row in rows if row.startswith("| 2 workers"))
    cells = [cell.strip() for cell in two.split("|")[2:8]]
    assert cells[:2] == ["9,750", "1.30"]
    assert cells[-1] == "16,000"
    assert "share" in rows[-1]


def test_replies_without_segments() -> None:
    """A reply that took longer than anybody waits is said to have taken over that long."""
    results = canned()
    assert "12,000.0" in tables.segments(results)
    late: Sample = {"round": 1, "dispatcher": tables.WHOLE, "figure": "whole"}
    samples = [*results.samples, {**late, "p50": 30_000.0, "done": 0, "failed": 1}]
    assert "over 30,000.0" in tables.segments(Results(samples, TITLES))


def test_goals_are_judged() -> None:
    """A goal is reached, missed, or was not measured."""
    rows = {row[0]: row[1:] for row in tables.goals(canned())}
    assert rows["p50 of a call on one channel, ms"] == ["0.30", "≤ 0.4", "✓"]
    assert rows["calls/s on 64 channels"] == ["6,750.00", "≥ 5,000", "✓"]
    assert rows["MB/s of requests of 1 MB"] == ["225.00", "≥ 300", "✗"]
    assert rows["... vs the floor"] == ["0.80", "≥ 0.9", "✗"]
    fewer = [one for one in canned().samples if one["figure"] != "growth"]
    row = next(row for row in tables.goals(Results(fewer, TITLES)) if "two workers" in row[0])
    assert row[1:] == ["-", "≥ 1", ""]


def data(machine: str, line: float, rate: float) -> Results:
    """Calls with real data, a line of which takes so many µs; Mono's take 30."""
    samples: list[Sample] = []
    for key, each in ((datatables.OURS, line), (datatables.MONO, 30.0)):
        for figure, one in DATA.items():
            samples.append(
                {
                    "round": 1,
                    "dispatcher": key,
                    "figure": figure,
                    "rate": rate,
                    "p50": 1.0,
                    "p99": 2.0,
                    "cpu": 100 + each * one.length,
                    "client": 150 + 2.0 * one.length,
                }
            )
    titles = {datatables.OURS: "ours", datatables.MONO: "Mono"}
    return Results(samples, titles, {"machine": machine}, [])


def test_goals_of_real_data() -> None:
    """A line is judged by itself, beside Microsoft's client and Mono, and beside an old commit."""
    here = datatables.BEFORE_ON + ".1"
    rows = [row[1:] for row in datatables.goals(data(here, 4.5, 3 * datatables.BEFORE))]
    assert rows[0] == ["4.50", "≤ 4", "✗"]
    assert rows[1] == ["2.25", "≤ 2", "✗"]
    assert rows[2] == ["0.15", "≤ 0.2", "✓"]
    assert rows[3] == ["4.50", "≤ 20", "✓"]
    assert rows[4] == ["3.00", "≥ 3", "✓"]
    elsewhere = datatables.goals(data("another machine", 4.5, 1000))
    assert elsewhere[4][1:] == ["-", "≥ 3", ""]
    assert "a line of four members, 16 channels" in datatables.report(data(here, 4.5, 600))


def test_many_channels_make_many_calls() -> None:
    """Each channel makes so many calls that what its session learns first counts little."""
    calls = {load.channels: load.calls(320) for load in DATA.values() if load.op == "PutOrder"}
    assert calls == {1: 320, 16: 80}


def test_report_has_everything() -> None:
    """Every figure that was measured has a table; then come goals, and what went wrong."""
    text = tables.report(canned())
    for part in ("one channel", "64 channels", "Replies of 1 MB", "2 workers", "aimed at"):
        assert part in text
    assert "Open, Add, Close" not in text
    assert text.endswith("pynettcp is left out\nours, one: 2 of 202 failed")
    assert "aimed at" not in tables.report(Results([], {"twisted": "ours"}))


# ---- rounds


class Told:
    """A client that does nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def measure(self, figure: str, place: str) -> Sample:
        """Remember it."""
        if place == "nowhere":
            raise BenchmarkError("nobody is there")
        self.asked.append((figure, place))
        return {"rate": 1.0}


def finished(coroutine: Any) -> Any:
    """What a coroutine that waits for nothing returns."""
    done: Deferred[Any] = ensureDeferred(coroutine)
    results: list[Any] = []
    done.addBoth(results.append)
    if hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]


def test_everybody_is_measured_in_turn() -> None:
    """Within a figure all take their turns, each round another first; the slow figure once."""
    client = Told()
    callers = [
        Caller("a", "A", client, "here", ("one", "whole")),
        Caller("b", "B", client, "there", ("one", "many")),
    ]
    said: list[str] = []
    samples = finished(measure(callers, 2, said.append, lambda: 0.0))
    assert client.asked == [
        *[("one", "there"), ("one", "here"), ("many", "there"), ("whole", "here")],
        *[("one", "here"), ("one", "there"), ("many", "there")],
    ]
    assert samples[0] == {"round": 1, "dispatcher": "b", "figure": "one", "rate": 1.0}
    assert len(samples) == 7
    assert "round 1 of 2: many (0 s)" in said


def test_who_is_not_served_is_named() -> None:
    """An error says who called, and what for."""
    with pytest.raises(BenchmarkError, match="A, one: nobody is there"):
        finished(measure([Caller("a", "A", Told(), "nowhere", ("one",))], 1, lambda _: None))


def test_growth_needs_two() -> None:
    """One worker is compared with two at least, and with more where there are processors."""
    assert group_sizes(1) == [1, 2]
    assert group_sizes(2) == [1, 2]
    assert group_sizes(8) == [1, 2, 4]
    assert group_sizes()[:2] == [1, 2]


# ---- samples


def test_percentile() -> None:
    """The 99th percentile of few values is the largest, of many the 99th of a hundred."""
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile(range(1000), 0.99) == 990
    assert percentile([5.0], 0.5) == 5.0


def test_stopwatch_measures_both_sides(tmp_path: Path) -> None:
    """Calls are counted and timed, and each side's processor time is divided among them."""
    server = Process("server", [sys.executable, "-c", "while True: pass"], tmp_path)
    try:
        watch, cpu = Stopwatch([server]), CpuWatch([], server.pid)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            pass
        watch.spans += [0.03, 0.01, 0.02, 0.5]
        sample, other = watch.sample(), cpu.microseconds(1)
    finally:
        server.stop()
    assert (sample["done"], sample["failed"]) == (4, 0)
    assert sample["rate"] == pytest.approx(8, rel=0.2)
    assert (sample["p50"], sample["p99"]) == (pytest.approx(25), pytest.approx(500))
    for each in (sample["cpu"] * 4, sample["client"] * 4, other["client"]):
        assert 10_000 < each < 600_000
    assert other["cpu"] == 0


def test_arguments_of_large_messages() -> None:
    """With the assembly .NET makes its bytes itself; without it they are base64."""
    with_, without = Bulk("IBulk", Path("Bulk.dll")), Bulk("IBasic", None)
    assert with_.arguments("Bytes", 5) == [{"count": 5}]
    assert with_.arguments("Count", 5) == [{"Length": 5}]
    assert without.arguments("Bytes", 5) == [5]
    assert without.arguments("Count", 3) == ["AB8+"]


# ---- the floor


IDENTIFIERS = [bytes([n]) * ID_SIZE for n in range(1, 5)]
FIRST, LATER = Reply(b"<first ", b"/>"), Reply(b"<later ", b"/>")
RECORDING: Recording = {"Add": (FIRST, LATER)}


def envelope(identifier: bytes, size: int = 0) -> bytes:
    """A request with an identifier, and so many bytes behind it."""
    body = b"table and headers" + MESSAGE_ID + identifier + b"\x01" * size
    return envelope_header(len(body)) + body


def replayed(data: bytes, size: int) -> bytes:
    """What the floor answers to bytes that come in reads of a size."""
    floor = Floor(RECORDING)
    transport = StringTransport()
    transport.setTcpNoDelay = lambda on: None  # type: ignore[attr-defined]
    floor.makeConnection(transport)
    for at in range(0, len(data), size):
        floor.dataReceived(data[at : at + size])
    return transport.value()


@pytest.mark.parametrize("size", [1, 2, 7, 100, 1000, 5000, 1 << 20])
def test_floor_replays(size: int) -> None:
    """The first request of a session gets the first reply, others the other; with their ids."""
    one, two, three, four = IDENTIFIERS
    requests = envelope(one) + envelope(two, 9000) + envelope(three, 20)
    session = preamble("net.tcp://127.0.0.1:1/Add")
    data = session + requests + END + session + envelope(four, 70_000) + END
    assert replayed(data, size) == b"".join(
        (
            *(PREAMBLE_ACK, b"<first ", one, b"/>", b"<later ", two, b"/>"),
            *(b"<later ", three, b"/>", END, PREAMBLE_ACK, b"<first ", four, b"/>", END),
        )
    )


def test_recordings_are_kept(tmp_path: Path) -> None:
    """A recording is read as it was written; a reply to something else is not cut."""
    save(RECORDING, tmp_path / "it")
    assert load(tmp_path / "it") == RECORDING
    assert Reply.cut(b"ab" + IDENTIFIERS[0] + b"c", IDENTIFIERS[0]) == Reply(b"ab", b"c")
    with pytest.raises(ValueError, match="not found"):
        Reply.cut(b"abc", IDENTIFIERS[0])


@pytest.fixture(scope="module", autouse=True)
def background() -> None:
    """The clients' reactor lives as long as the program: it is none of a test's leaks."""
    BackgroundReactor.shared()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Addresses of a worker, and of the floor with what it recorded there."""
    port, floor_port = free_port(), free_port()
    address = f"net.tcp://127.0.0.1:{port}/basic"
    environment = {"PYTHONPATH": str(HERE.parent)}
    with ExitStack() as stack:

        def start(module: str, *arguments: object) -> None:
            program = HERE / "harness" / "transport" / f"{module}.py"
            command = [sys.executable, program, *map(str, arguments)]
            process = Process(module, command, tmp_path, environment)
            stack.callback(process.stop)
            process.wait_for("listening", 20.0)

        start("worker", address)
        record_all(port, address, tmp_path / "replies.json")
        start("floor", tmp_path / "replies.json", floor_port, 16000)
        yield address, f"net.tcp://127.0.0.1:{floor_port}"


def test_clients_take_the_floor_for_the_service(running: tuple[str, str]) -> None:
    """A client cannot tell the floor's replies from those that were recorded."""
    address, floor = running
    data = pattern(MEGABYTE)
    for op, arguments, expected in (
        ("Add", (40, 2), 42),
        ("Bytes", (MEGABYTE,), data),
        ("Count", (data,), MEGABYTE),
    ):
        for where in (address, f"{floor}/{op}"):
            with NetTcpClient(IBasic, where, BINDING) as client:
                for _ in range(3):
                    assert getattr(client, op)(*arguments) == expected


def test_requests_are_recorded_with_the_contract() -> None:
    """A request to be recorded is the one that a client would send."""
    assert request("Add", 1, 2).action == "urn:peers:basic/IBasic/Add"
    with pytest.raises(TypeError):
        request("Add", 1)


# ---- the program


def test_kept_results_are_printed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--from`` prints the tables of kept results and measures nothing."""
    path = tmp_path / "kept.json"
    canned().save(path)
    finished(transport.run(None, transport.arguments(["--from", str(path)])))
    assert tables.report(canned()) in capsys.readouterr().out


def test_unreadable_results_are_said(tmp_path: Path) -> None:
    """What are no results is said in a sentence."""
    path = tmp_path / "it"
    for content in (None, "{", "[]"):
        if content is not None:
            path.write_text(content)
        with pytest.raises(SystemExit, match="cannot be read as results"):
            finished(transport.run(None, transport.arguments(["--from", str(path)])))


@pytest.mark.parametrize("rounds", ["0", "101", "x"])
def test_nonsense_is_refused(rounds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number of rounds that is none is refused."""
    with pytest.raises(SystemExit):
        transport.arguments(["--rounds", rounds])
    assert "--rounds" in capsys.readouterr().err
