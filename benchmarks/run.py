"""
Connections: netshare beside the worker that owns the port, HAProxy, nginx and sslh.

Run from the project's root: ``python benchmarks/run.py [--quick]``. README.rst beside this file
says what is measured, and how to read what is printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import twisted
from benchmarks import lookup
from benchmarks.harness.build import HERE, compile_programs, find, install_missing
from benchmarks.harness.dispatcher import Dispatcher, Setting
from benchmarks.harness.dispatchers import STARTERS, NotOffered, Starter, before
from benchmarks.harness.measure import FULL, QUICK, Measurement, Size
from benchmarks.harness.picture import draw
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.profiling import profile_lane
from benchmarks.harness.results import Results
from benchmarks.harness.tables import BEFORE, report

RESULTS = HERE / "results"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Compare netshare with HAProxy, nginx, sslh and the worker owning the port."
    )
    parser.add_argument(
        "--quick", action="store_true", help="the same ratios coarsely, in a minute"
    )
    parser.add_argument("--rounds", type=int, help="how many rounds [default: 6, quick: 3]")
    parser.add_argument("--only", help=f"a few of them, with commas between: {', '.join(STARTERS)}")
    parser.add_argument("--no-install", action="store_true", help="do not install what is missing")
    parser.add_argument(
        "--service-options",
        default="",
        type=shlex.split,
        help="more options for twistd netshare, such as --service-options='--maxSegmentSize 0'",
    )
    parser.add_argument(
        "--against",
        type=Path,
        help="another checkout: its service is measured beside this one's, in the same rounds",
    )
    parser.add_argument(
        "--profile", choices=("amp", "records", "batches"), help="only say where the time goes"
    )
    parser.add_argument(
        "--output", type=Path, help="the file for the raw results; the picture goes beside it"
    )
    parser.add_argument(
        "--from", dest="source", type=Path, help="measure nothing; print kept raw results again"
    )
    options = parser.parse_args(argv)
    if options.rounds is not None and not 1 <= options.rounds <= 100:
        parser.error("--rounds is a number from 1 to 100")
    unknown = set(options.only.split(",")) - set(STARTERS) if options.only else None
    if options.against and not (options.against / "netshare").is_dir():
        parser.error(f"--against {options.against}: there is no netshare/ in it")
    if options.output and (options.output.is_dir() or not options.output.parent.is_dir()):
        parser.error(f"--output {options.output}: it has to be a file in a directory that exists")
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: it knows {', '.join(STARTERS)}")
    return options


def start_all(
    setting: Setting, starters: Mapping[str, Starter], running: list[Dispatcher]
) -> tuple[dict[str, str], list[str]]:
    """
    Start everybody; who cannot be started is left out.

    :param running: gets them, so that they are ended whatever happens
    :returns: titles by key, and a sentence for each that was left out
    """
    notes = []
    for key, start in starters.items():
        try:
            running.append(start(setting))
        except (NotOffered, BenchmarkError) as error:
            notes.append(f"{key} is left out: {error}")
    return {one.key: one.title for one in running}, notes


def measure(options: argparse.Namespace) -> Results:
    """
    :raises BenchmarkError: something does not work that has to
    """
    size: Size = QUICK if options.quick else FULL
    if options.rounds:
        size = replace(size, rounds=options.rounds)
    programs = compile_programs()
    notes = install_missing(not options.no_install)
    keys = options.only.split(",") if options.only else list(STARTERS)
    absent = {note.split()[0] for note in notes}
    keys = [key for key in keys if key.split("-")[0] not in absent]
    starters = {key: STARTERS[key] for key in keys}
    if options.against:
        shared = [key for key in keys if key.startswith("netshare-")]
        starters |= {f"{BEFORE}{key}": before(key, options.against.resolve()) for key in shared}
    running: list[Dispatcher] = []
    with tempfile.TemporaryDirectory(prefix="netshare-bench-") as directory:
        setting = Setting(
            Path(directory),
            programs["worker"],
            tuple(options.service_options),
        )
        try:
            titles, left_out = start_all(setting, starters, running)
            samples = Measurement(programs["loadgen"], running, size, _say).run()
        finally:
            for one in reversed(running):
                one.stop()
    about: dict[str, Any] = {
        "machine": machine(),
        "versions": versions(),
        "when": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "quick": options.quick,
        "rounds": size.rounds,
        "serviceOptions": options.service_options,
        "lookup": lookup.measure(*((5, 10_000) if options.quick else ())),
    }
    return Results(samples, titles, about, [*notes, *left_out])


def profile(lane: str, options: tuple[str, ...] = ()) -> int:
    """Profile the service with one lane, and print what it shows."""
    try:
        programs = compile_programs()
        with tempfile.TemporaryDirectory(prefix="netshare-bench-") as directory:
            print(
                profile_lane(
                    programs["loadgen"], programs["worker"], Path(directory), lane, options
                )
            )
    except (NotOffered, BenchmarkError) as error:
        _say(str(error))
        return 1
    return 0


def machine() -> str:
    """The machine, in a line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    processors = len(os.sched_getaffinity(0))
    return f"{processors} x {model}, {platform.system()} {platform.release()}"


def versions() -> str:
    """What was compared, in a line."""
    said = [f"Python {platform.python_version()}", f"Twisted {twisted.__version__}"]
    for name, option in (("haproxy", "-v"), ("nginx", "-v"), ("sslh-select", "-V")):
        program = find(name)
        if program:
            done = subprocess.run([program, option], capture_output=True, text=True)
            line = (done.stdout + done.stderr).strip().splitlines()[:1]
            said += [part.split(" 20")[0].strip() for part in line]
    return ", ".join(said)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, keep, draw, print."""
    options = arguments(argv)
    if options.profile:
        return profile(options.profile, tuple(options.service_options))
    if options.source:
        try:
            results = Results.load(options.source)
        except (OSError, ValueError) as error:
            _say(f"{options.source} cannot be read as results: {error}")
            return 1
    else:
        try:
            results = measure(options)
        except BenchmarkError as error:
            _say(str(error))
            return 1
        except KeyboardInterrupt:
            _say("interrupted; nothing was kept")
            return 130
    raw = options.output or (
        RESULTS / "raw" / "quick.json" if options.quick else RESULTS / "connections.json"
    )
    if not options.source:
        results.save(raw)
    print(report(results))
    print(f"\n{lookup.report(results.about['lookup'])}" if "lookup" in results.about else "")
    picture = (options.source or raw).with_suffix(".svg")
    picture.write_text(draw(results))
    print(f"\nraw results: {options.source or raw}\npicture: {picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
