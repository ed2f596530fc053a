"""Tests of the benchmarks' harness: its C programs, its figures, its tables and its picture."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import lookup, run
from benchmarks.harness import build, processes
from benchmarks.harness.measure import Sample
from benchmarks.harness.picture import bars, draw
from benchmarks.harness.processes import BenchmarkError, Process
from benchmarks.harness.results import Results
from benchmarks.harness.tables import GOALS, connections, goals, number, report, storms, table
from netshare.framing.records import preamble

TITLES = {
    "direct": "nobody",
    "haproxy": "HAProxy",
    "netshare-batches": "netshare & batches",
}


def canned() -> Results:
    """Three rounds in which the machine halves its speed each time."""
    samples: list[Sample] = []
    for number_, speed in ((1, 1.0), (2, 0.5), (3, 0.25)):
        for key, rate, cpu, p50 in (
            ("direct", 20_000, None, 20.0),
            ("haproxy", 10_000, 40.0, 60.0),
            ("netshare-batches", 18_000, 10.0, 40.0),
        ):
            place = {"round": number_, "dispatcher": key}
            sample = {**place, "figure": "rate", "rate": rate * speed, "p99": 5.0, "done": 100}
            samples.append(sample if cpu is None else {**sample, "cpu": cpu / speed})
            samples.append({**place, "figure": "single", "p50": p50 / speed, "p99": 90.0})
    ours = {"round": 1, "dispatcher": "netshare-batches"}
    samples += [
        {"round": 1, "dispatcher": "haproxy", "figure": "storm", "rate": 1e4, "failed": 0},
        {**ours, "figure": "storm", "rate": 5e4, "done": 3990, "failed": 10},
        {**ours, "figure": "hold", "held": 20_000, "before": 50_000_000, "during": 50_100_000},
    ]
    return Results(samples, TITLES, {"machine": "a machine"}, ["nginx is left out"])


def test_ratios_are_within_rounds() -> None:
    """A ratio compares what was measured in the same round, so that a slow round does no harm."""
    results = canned()
    assert results.median("haproxy", "rate", "rate") == 5000
    assert results.ratio("netshare-batches", "haproxy", "rate", "rate") == pytest.approx(1.8)
    assert results.ratio("netshare-batches", "haproxy", "rate", "cpu") == pytest.approx(0.25)
    assert results.added("netshare-batches", "haproxy", "direct") == pytest.approx(0.5)
    assert results.memory("netshare-batches") == pytest.approx(5.0)


def test_what_was_not_measured_is_none() -> None:
    """A figure that nobody measured has no median, no ratio and a dash in the table."""
    results = canned()
    assert results.median("nginx", "rate", "rate") is None
    assert results.ratio("netshare-batches", "nginx", "rate", "rate") is None
    assert results.ratio("direct", "haproxy", "rate", "cpu") is None
    assert results.added("nginx", "haproxy", "direct") is None
    assert results.memory("haproxy") is None
    assert number(None) == "-"


def test_results_survive_being_kept(tmp_path: Path) -> None:
    """Raw results read back as they were, a line for each sample."""
    results, path = canned(), tmp_path / "sub" / "raw.json"
    results.save(path)
    assert Results.load(path) == Results(
        results.samples, results.titles, results.about, results.notes
    )
    assert sum('"figure"' in line for line in path.read_text().splitlines()) == len(results.samples)


def test_tables_have_every_row() -> None:
    """The tables show ratios, dashes, failed connections, and what was left out."""
    results = canned()
    row = next(line for line in connections(results).splitlines() if "batches" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "netshare & batches", "9,000", "0.90", "1.80", "-", "20.0", "5", "80.0", "90", "0.67"
    ]  # fmt: skip
    assert "5.00" in storms(results)
    text = report(results)
    assert "nginx is left out" in text
    assert "netshare & batches, storm: 10 of 4000 failed" in text
    assert "A Twisted worker\n" not in text


def test_table_is_aligned() -> None:
    """All lines of a table are as long as its longest cells need."""
    lines = table(("who", "n"), [["somebody", "1"], ["x", "1,000"]]).splitlines()
    assert lines == [
        "| who      |     n |",
        "|----------|-------|",
        "| somebody |     1 |",
        "| x        | 1,000 |",
    ]


def test_goals_are_judged() -> None:
    """A goal's cell says whether it is reached; both ends of a range count."""
    lines = {line.split("|")[1].strip(): line for line in goals(canned()).splitlines()}
    assert "1.80 ✓" in lines["connection rate vs HAProxy"]
    assert "0.90 ✓" in lines["… vs the worker owning the port"]
    assert "0.25 ✓" in lines["CPU a connection vs HAProxy"]
    assert "5.00 ✗" in lines["storm of 4,000 vs HAProxy"]  # fast enough, but it lost some
    assert "5 ✓" in lines["memory a held connection, bytes"]
    flat = next(goal for goal in GOALS if goal.title.startswith("throughput"))
    assert [flat.reached(value) for value in (0.97, 0.98, 1.02, 1.03)] == [False, True, True, False]
    assert flat.text == "0.98 to 1.02"


def test_established_connections_are_judged_with_whole_segments() -> None:
    """Smaller segments cost bulk transfers something by intention: another row counts."""
    samples: list[Sample] = [
        {"round": 1, "dispatcher": key, "figure": "bulk", "rate": rate}
        for key, rate in (
            ("direct", 100.0),
            ("netshare-batches", 70.0),
            ("netshare-whole-segments", 99.0),
        )
    ]
    lines = goals(Results(samples, TITLES, {})).splitlines()
    (line,) = [line for line in lines if "throughput" in line]
    assert "0.99 ✓" in line
    assert "0.70" not in line


def test_picture_is_svg() -> None:
    """The picture is well-formed, has a bar for each value, and escapes what titles contain."""
    results = canned()
    root = ElementTree.fromstring(draw(results))
    bars_drawn = root.findall("{http://www.w3.org/2000/svg}rect[@class]")
    figures = (
        ("rate", "rate", "haproxy"),
        ("storm", "rate", "haproxy"),
        ("rate", "cpu", None),
        ("single", "p50", None),
    )
    assert len(bars_drawn) == sum(len(bars(results, *one)) for one in figures) == 3 + 2 + 2 + 3
    assert any(text.text == "netshare & batches" for text in root.iter())
    for bar in bars_drawn:
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) < 860


def test_kept_results_are_printed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--from measures nothing, prints the tables and draws the picture beside the results."""
    path = tmp_path / "kept.json"
    canned().save(path)
    assert run.main(["--from", str(path)]) == 0
    assert "a machine" in capsys.readouterr().out
    assert (tmp_path / "kept.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    "content",
    [None, "", "[]", "{}", '{"samples": []}'],
    ids=["missing", "empty", "list", "nothing", "half"],
)
def test_unreadable_results_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    """A file that is no results is a sentence and a failing exit, not a traceback."""
    path = tmp_path / "kept.json"
    if content is not None:
        path.write_text(content)
    assert run.main(["--from", str(path)]) == 1
    assert "cannot be read as results" in capsys.readouterr().err


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A dispatcher that does not exist is named, with those that do."""
    with pytest.raises(SystemExit):
        run.arguments(["--only", "haproxy,apache"])
    assert "apache: it knows direct, haproxy" in capsys.readouterr().err


def test_where_results_cannot_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said before anything is measured."""
    for where in (tmp_path, tmp_path / "nowhere" / "results.json"):
        with pytest.raises(SystemExit):
            run.arguments(["--output", str(where)])
        assert "it has to be a file in a directory that exists" in capsys.readouterr().err
    assert run.arguments(["--output", str(tmp_path / "results.json")]).output


def test_missing_programs_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed, and may not be, is a sentence with the packages' names."""
    monkeypatch.setattr(build, "NEEDED", {"varnish": (lambda: False, ("varnish", "libvmod"))})
    assert build.install_missing(install=False) == [
        "varnish is not installed, and its rows are left out: apt-get install varnish libvmod"
    ]


def test_lookup_is_measured() -> None:
    """Each case has a cost for few and for many addresses, and their ratio."""
    measured = lookup.measure(rounds=1, lookups=20)
    cases = {"find, same", "text, same", "find, spread", "text, spread", "text, fresh"}
    assert set(measured["ns"]) == cases
    assert all(cost > 0 for costs in measured["ns"].values() for cost in costs.values())
    assert measured["ratios"].keys() == measured["ns"].keys()
    assert "find, spread" in lookup.report(measured)


def test_process_is_ended_with_its_children(tmp_path: Path) -> None:
    """With a process its children end, although nobody told them."""
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('child', child.pid, flush=True)\ntime.sleep(60)\n"
    )
    process = Process("parent", [sys.executable, "-c", program], tmp_path)
    child = int(process.wait_for("child").split()[1])
    assert process.family() == [process.pid, child]
    assert processes.cpu_seconds([process.pid]) > 0
    assert processes.resident_bytes([process.pid]) > 1_000_000
    with processes.stopped([process.pid]):
        assert processes.state(process.pid) in "Tt"
    process.stop()
    assert processes.state(process.pid) == "X"
    end = time.monotonic() + 5
    while processes.state(child) not in "XZ":  # a zombie until init looks
        assert time.monotonic() < end
        time.sleep(0.01)


def test_process_that_ends_is_said(tmp_path: Path) -> None:
    """Waiting for a program that has failed says what it said."""
    process = Process("failing", [sys.executable, "-c", "raise SystemExit('no way')"], tmp_path)
    with pytest.raises(BenchmarkError, match="failing ended by itself: no way"):
        process.wait_for("ready")
    process.stop()


# ---- the C programs ------------------------------------------------------------------------

needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None and shutil.which("cc") is None, reason="no C compiler"
)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The load generator and the worker, compiled with every warning an error."""
    return build.compile_programs(tmp_path_factory.mktemp("programs"))


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP connection: the client's end, and what a service would have accepted."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname(), timeout=5)
        accepted, _ = server.accept()
    accepted.setblocking(False)
    with client, accepted:
        yield client, accepted


class StubService:
    """The service's end of one link: enough of AMP to register, and a lane."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "control"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._listening.settimeout(5)
        self.lane, self._workers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.lane.settimeout(5)
        self.link = self._listening

    def register(self, offer: bool) -> dict[bytes, bytes]:
        """Answer Register, with a lane if there is to be one; what it asked for."""
        self.link, _ = self._listening.accept()
        self.link.settimeout(5)
        box = self.box()
        answer = {b"_answer": box[b"_ask"], b"baseAddress": box[b"baseAddress"]}
        if offer:
            self.send({**answer, b"lane": b"0"}, self._workers.fileno())
        else:
            self.send(answer)
        return box

    def send(self, box: dict[bytes, bytes], descriptor: int | None = None) -> None:
        """Send a box, and a descriptor with its first byte."""
        data = b"".join(struct.pack(">H", len(p)) + p for pair in box.items() for p in pair)
        data += b"\0\0"
        if descriptor is not None:
            data = data[socket.send_fds(self.link, [data[:1]], [descriptor]) :]
        self.link.sendall(data)

    def box(self) -> dict[bytes, bytes]:
        """The next box."""
        box = {}
        while key := self._text():
            box[key] = self._text()
        return box

    def counts(self, wanted: int) -> None:
        """Read answers of the lane until so many connections are adopted."""
        adopted = 0
        while adopted < wanted:
            data = self.lane.recv(64)
            more, gone = struct.unpack(">II", data)
            assert gone == 0
            adopted += more
        assert adopted == wanted

    def _text(self) -> bytes:
        (size,) = struct.unpack(">H", self.link.recv(2, socket.MSG_WAITALL))
        return self.link.recv(size, socket.MSG_WAITALL) if size else b""

    def close(self) -> None:
        for one in (self.link, self._listening, self.lane, self._workers):
            one.close()


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubService]:
    """A service's end, for one worker."""
    service = StubService(tmp_path)
    yield service
    service.close()


ADDRESS = "net.tcp://+:9000/bench/one"
PREAMBLE = preamble("net.tcp://127.0.0.1:9000/bench/one")


def served(client: socket.socket) -> None:
    """A connection that the worker has is acknowledged, and echoes."""
    assert client.recv(1) == b"\x0b"
    client.sendall(b"\x06\x01Ehello")  # a record that says what is wanted, and bytes
    assert client.recv(64) == b"hello"


@needs_compiler
def test_worker_serves_amp(programs: dict[str, Path], stub: StubService, tmp_path: Path) -> None:
    """The C worker registers, adopts what Duplicate brings, and answers each."""
    worker = Process("worker", [programs["worker"], "netshare", stub.path, ADDRESS], tmp_path)
    try:
        assert b"lane" not in stub.register(offer=False)
        assert worker.wait_for("registered") == f"registered {ADDRESS} lane=amp"
        for number_ in range(3):
            with connected() as (client, accepted):
                box = {
                    b"_command": b"Duplicate",
                    b"_ask": b"%x" % number_,
                    b"readData": PREAMBLE,
                    b"socket": b"%d" % number_,
                }
                stub.send(box, accepted.fileno())
                assert stub.box() == {b"_answer": b"%x" % number_}
                served(client)
    finally:
        worker.stop()


@needs_compiler
@pytest.mark.parametrize("kind", ["records", "batches"])
def test_worker_serves_fast_lane(
    programs: dict[str, Path], stub: StubService, tmp_path: Path, kind: str
) -> None:
    """The C worker adopts records and batches of the fast lane, and counts every connection."""
    worker = Process("worker", [programs["worker"], "netshare", stub.path, ADDRESS, kind], tmp_path)
    try:
        assert stub.register(offer=True)[b"lane"] == kind.encode()
        assert worker.wait_for("registered") == f"registered {ADDRESS} lane={kind}"
        with contextlib.ExitStack() as stack:
            pairs = [stack.enter_context(connected()) for _ in range(5)]
            if kind == "records":
                for _, accepted in pairs:
                    socket.send_fds(stub.lane, [PREAMBLE], [accepted.fileno()])
            else:
                peers = [b"", b"192.0.2.1:5000", b"", b"[2001:db8::1]:5000", b""]
                sizes = [struct.pack(">IB", len(PREAMBLE), len(peer)) for peer in peers]
                texts = [peer + PREAMBLE for peer in peers]
                message = b"".join([struct.pack(">H", 5), *sizes, *texts])
                socket.send_fds(stub.lane, [message], [accepted.fileno() for _, accepted in pairs])
            stub.counts(5)
            for client, _ in pairs:
                served(client)
    finally:
        worker.stop()


@needs_compiler
def test_worker_takes_preamble_in_pieces(programs: dict[str, Path], tmp_path: Path) -> None:
    """A worker that owns its port acknowledges a preamble however it comes, and nothing else."""
    port = processes.free_port()
    worker = Process("worker", [programs["worker"], "tcp", "127.0.0.1", str(port)], tmp_path)
    try:
        worker.wait_for("listening")
        for size in (1, 7, len(PREAMBLE)):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(PREAMBLE), size):
                    client.sendall(PREAMBLE[at : at + size])
                served(client)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
    finally:
        worker.stop()


@needs_compiler
def test_loadgen_measures(programs: dict[str, Path], tmp_path: Path) -> None:
    """Every mode of the load generator comes to an end and says what it measured."""
    port = processes.free_port()
    worker = Process("worker", [programs["worker"], "tcp", "127.0.0.1", str(port)], tmp_path)
    via = f"net.tcp://127.0.0.1:{port}/bench/one"

    def load(mode: str, *numbers: float) -> Sample:
        command = [str(programs["loadgen"]), mode, "127.0.0.1", str(port), via]
        command += [str(number_) for number_ in numbers]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=30)
        assert done.returncode == 0, done.stderr
        said: Sample = json.loads(done.stdout)
        return said

    try:
        worker.wait_for("listening")
        rate = load("rate", 200, 16, 10)
        assert (rate["done"], rate["failed"]) == (200, 0)
        assert 0 < rate["p50"] <= rate["p99"] <= rate["max"]
        assert load("hold", 50, 8, 10)["done"] == 50
        assert load("bulk", 2, 2, 0.1)["rate"] > 1e6
        assert load("echo", 2, 2, 0.1)["rate"] > 100
        with processes.stopped([worker.pid]):
            assert load("storm", 100, 1, 10, worker.pid)["done"] == 100
    finally:
        worker.stop()


@needs_compiler
def test_loadgen_counts_failures(programs: dict[str, Path]) -> None:
    """Connections that nobody acknowledges are failed ones; the run ends all the same."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        via = f"net.tcp://127.0.0.1:{port}/bench/one"
        command = [str(programs["loadgen"]), "rate", "127.0.0.1", str(port), via, "5", "5", "0.3"]
        done = subprocess.run(command, capture_output=True, timeout=20)
    assert done.returncode == 2
    said = json.loads(done.stdout)
    assert (said["done"], said["failed"]) == (0, 5)


@needs_compiler
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("sprint", "127.0.0.1", "9", "net.tcp://x/", "1", "1", "1"),
        ("rate", "localhost", "9", "net.tcp://x/", "1", "1", "1"),
        ("rate", "127.0.0.1", "9", "net.tcp://x/", "0", "1", "1"),
        ("rate", "127.0.0.1", "9", "net.tcp://x/", "1", "1", "1e9"),
        ("rate", "127.0.0.1", "9", "", "1", "1", "1"),
    ],
    ids=["none", "mode", "host", "count", "seconds", "via"],
)
def test_loadgen_refuses_nonsense(programs: dict[str, Path], arguments: tuple[str, ...]) -> None:
    """Arguments that make no sense are a sentence and exit status 1."""
    done = subprocess.run([str(programs["loadgen"]), *arguments], capture_output=True, timeout=5)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert os.strerror(2).encode() not in done.stderr
