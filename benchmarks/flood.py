"""
Half-open floods: real clients beside ten thousand connections that say nothing.

Run from the project's root: ``python benchmarks/flood.py``. The service and HAProxy have the same
limits: so many connections that have not said where they go, and five seconds for the first byte.
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.harness.build import compile_programs
from benchmarks.harness.dispatcher import Dispatcher, Setting, program_path
from benchmarks.harness.dispatchers import STARTERS
from benchmarks.harness.processes import BenchmarkError, Process, wait_for_port
from netshare.framing.records import PREAMBLE_ACK, preamble

#: What both may have undecided, and seconds for the first byte.
LIMIT, FIRST_BYTE = 9_000, 5

#: How many connections the attackers open in a second.
PACE = 2_000

#: Seconds that a real client waits for its answer before it is counted as lost.
PATIENCE = 10.0


def flood(port: int, connections: int, addresses: int, burst: int) -> int:
    """
    A process that opens so many connections from so many addresses, says nothing, and opens
    another one for each that is cut.

    :param burst: how many it opens in one go
    :returns: its number
    """
    child = os.fork()
    if child:
        return child
    try:
        _flood(port, connections, addresses, burst)
    finally:
        os._exit(0)


def _flood(port: int, connections: int, addresses: int, burst: int) -> None:
    poller = selectors.DefaultSelector()
    opened = held = 0
    begun = time.monotonic()
    while True:
        while held < connections and opened < (time.monotonic() - begun) * PACE:
            one = socket.socket()
            one.setblocking(False)
            one.bind((f"127.0.1.{opened % addresses + 1}", 0))
            one.connect_ex(("127.0.0.1", port))
            poller.register(one, selectors.EVENT_READ)
            opened, held = opened + 1, held + 1
        time.sleep(burst / PACE)
        for key, _ in poller.select(0):
            poller.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]
            held -= 1


def clients(via: str, port: int, seconds: float, pause: float) -> tuple[list[float], int]:
    """
    Real clients, one after the other: connect, send a preamble, wait for the ack.

    :returns: the seconds that each took, in order of size, and how many got none
    """
    data, times, lost = preamble(via), [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as one:
                one.sendall(data)
                answered = one.recv(1) == PREAMBLE_ACK
        except OSError:
            answered = False
        if answered:
            times.append(time.perf_counter() - begun)
        else:
            lost += 1
        time.sleep(pause)
    return sorted(times), lost


def run(one: Dispatcher, options: argparse.Namespace) -> str:
    """Quiet, then under the flood; a line for the table."""
    cells = [f"{one.title:42}"]
    quiet = 0.0
    for flooded in (False, True):
        attacker = (
            flood(one.port, options.connections, options.addresses, options.burst) if flooded else 0
        )
        try:
            if flooded:
                time.sleep(options.connections / PACE)
            times, lost = clients(one.via(), one.port, options.seconds, options.pause)
        finally:
            if attacker:
                os.kill(attacker, signal.SIGKILL)
                os.waitpid(attacker, 0)
        p50, p99 = (times[int(len(times) * part)] if times else 0.0 for part in (0.5, 0.99))
        cells.append(f"{p50 * 1e3:8.2f} {p99 * 1e3:8.2f} {lost:5}")
        quiet = quiet or p99
        cells += [f"{p99 / quiet:6.1f}"] if flooded and quiet else []
    return "  ".join(cells)


def limited_haproxy(setting: Setting) -> Dispatcher:
    """HAProxy with the service's limits."""
    one = STARTERS["haproxy"](setting)
    one.dispatching[0].stop()
    configuration = setting.directory / "haproxy.cfg"
    text = configuration.read_text()
    for old, new in (
        ("maxconn 9000", f"maxconn {LIMIT}"),
        ("inspect-delay 5s", f"inspect-delay {FIRST_BYTE}s"),
        ("timeout client 60s", f"timeout client {FIRST_BYTE}s"),
    ):
        text = text.replace(old, new)
    configuration.write_text(text)
    command = [program_path("haproxy"), "-db", "-f", configuration]
    proxy = Process("haproxy-limited", command, setting.directory)
    wait_for_port(one.port, proxy)
    processes = (*one.processes[:-1], proxy)
    return replace(one, title="HAProxy, with the same limits", processes=processes)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Real clients beside a half-open flood.")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--addresses", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each of the four parts")
    parser.add_argument("--burst", type=int, default=10, help="connections opened in one go")
    parser.add_argument("--pause", type=float, default=0.005, help="seconds between two clients")
    options = parser.parse_args(argv)
    programs = compile_programs()
    print(f"{'':42}  quiet: p50  p99 ms, lost    flood: p50  p99 ms, lost    ratio of p99")
    with tempfile.TemporaryDirectory(prefix="netshare-flood-") as directory:
        limits = (f"--maxPendingConnections={LIMIT}", f"--firstByteTimeout={FIRST_BYTE}")
        setting = Setting(Path(directory), programs["worker"], limits)
        for start in (STARTERS["netshare-batches"], limited_haproxy):
            try:
                one = start(setting)
            except BenchmarkError as error:
                print(f"left out: {error}")
                continue
            try:
                print(run(one, options), flush=True)
            finally:
                one.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
