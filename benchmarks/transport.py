"""
Calls: Microsoft's own client and clients in Python, against Python workers.

Run from the project's root: ``python benchmarks/transport.py [--quick]``. README.rst beside this
file says what is measured, and how to read what is printed.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

import twisted
from benchmarks.harness.build import HERE
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.results import Results
from benchmarks.harness.transport import datatables, python, tables
from benchmarks.harness.transport.bulk import compile_bulk, compile_orders
from benchmarks.harness.transport.dotnet import DotNet
from benchmarks.harness.transport.loads import DATA, FULL, QUICK, Size
from benchmarks.harness.transport.measure import Caller, measure
from benchmarks.harness.transport.security import SecurityStage
from benchmarks.harness.transport.security import callers as secured_callers
from benchmarks.harness.transport.stage import Stage, group_sizes
from benchmarks.run import machine
from tests.peers.drivers import DotNetClient
from tests.peers.programs import find_dotnet_client

RESULTS = HERE / "results"
CALLS = ("one", "many", "pooled", "unpooled", "replies", "requests")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Measure calls of Microsoft's client and of Python's against Python workers."
    )
    parser.add_argument("--quick", action="store_true", help="the same coarsely, in a minute")
    parser.add_argument("--data", action="store_true", help="calls with real data, nothing else")
    parser.add_argument("--rounds", type=int, help="how many rounds [default: 5, quick: 2]")
    parser.add_argument("--output", type=Path, help="where the raw results go")
    parser.add_argument(
        "--from", dest="source", type=Path, help="measure nothing; print kept raw results again"
    )
    options = parser.parse_args(argv)
    if options.rounds is not None and not 1 <= options.rounds <= 100:
        parser.error("--rounds is a number from 1 to 100")
    return options


def dotnet_callers(client: DotNet) -> list[Caller]:
    """Microsoft's client, at every place."""
    callers = [
        Caller(tables.SHARED, ".NET, the shared port", client, "shared", CALLS),
        Caller(tables.OWN, ".NET, its own port", client, "own", CALLS),
        Caller(tables.FLOOR, ".NET, the floor: replies replayed", client, "floor", CALLS),
        Caller(tables.WHOLE, ".NET, maxSegmentSize 0", client, "whole", ("whole",)),
        Caller(tables.WHOLE_FLOOR, ".NET, no TCP_MAXSEG", client, "whole-floor", ("whole",)),
    ]
    for count in group_sizes():
        key = f"workers-{count}"
        callers.append(Caller(key, f".NET, {count} at one address", client, key, ("growth",)))
    return callers


def python_callers(reactor: Any, stage: Stage, size: Size) -> tuple[list[Caller], list[str]]:
    """
    :returns: the clients in Python, and a sentence for each that is not here
    """
    ours = python.TwistedClient(reactor, stage, size)
    callers = [
        Caller("twisted", "netshare's Twisted client", ours, "own", ours.figures),
        Caller(
            "twisted-floor", "netshare's Twisted client, the floor", ours, "floor", ours.figures
        ),
    ]
    kinds: list[tuple[str, str, type[python.PythonClient]]] = [
        ("asyncio", "netshare's asyncio client", python.AsyncioClient),
        ("blocking", "netshare's blocking client", python.BlockingClient),
    ]
    notes = []
    if importlib.util.find_spec("pynettcp") is None:
        notes.append("pynettcp is left out: it is not installed")
    else:
        kinds.append(("pynettcp", "pynettcp", python.OtherClient))
    for key, title, kind in kinds:
        callers.append(Caller(key, title, kind(reactor, stage, size), "own", kind.figures))
    return callers, notes


async def measured(reactor: Any, options: argparse.Namespace) -> Results:
    """
    :raises BenchmarkError: something does not work that has to
    """
    size = QUICK if options.quick else FULL
    if options.rounds:
        size = replace(size, rounds=options.rounds)
    async with AsyncExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="netshare-bench-"))
        orders = compile_orders(Path(name))
        stage = Stage(Path(name), orders)
        stack.callback(stage.stop)
        _say("starting services and workers")
        stage.start()
        callers: list[Caller] = []
        notes: list[str] = []
        if not options.data:
            callers, notes = python_callers(reactor, stage, size)
            secured = SecurityStage(Path(name))
            stack.callback(secured.stop)
            secured.start()
            more_callers, more_notes = secured_callers(reactor, secured, size)
            callers, notes = [*callers, *more_callers], [*notes, *more_notes]
        program = find_dotnet_client()
        if program is None:
            notes.append("Microsoft's client is left out: see tests/peers/README.rst")
        else:
            bulk = compile_bulk(Path(name))
            if bulk.assembly is None:
                notes.append(".NET's figures of 1 MB contain base64 and JSON: mcs is missing")
            found = [bulk.assembly, orders and orders.assembly]
            assemblies = [assembly for assembly in found if assembly]
            client = DotNetClient(reactor, program, assemblies)
            await client.start()
            stack.push_async_callback(client.stop)
            caller = DotNet(client, bulk, stage, size)
            _say("warming up")
            if not options.data:
                for place in ("shared", "own", "floor"):
                    await caller.warm_up(place)
                callers = [*dotnet_callers(caller), *callers]
            if orders is None:
                notes.append("calls with real data are left out: mono and mcs are missing")
            else:
                for key, title, place in datatables.SERVICES:
                    await caller.warm_up_data(place)
                    callers.append(Caller(key, f".NET, {title}", caller, place, tuple(DATA)))
        # Whatever was needed to get here is not to be searched through while clocks run.
        gc.collect()
        gc.freeze()
        samples = await measure(callers, size.rounds, _say)
    about = {
        "machine": machine(),
        "versions": f"Python {platform.python_version()}, Twisted {twisted.__version__}",
        "when": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "quick": options.quick,
        "rounds": size.rounds,
    }
    return Results(samples, {one.key: one.title for one in callers}, about, notes)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def run(reactor: Any, options: argparse.Namespace) -> None:
    """Measure, keep, print."""
    try:
        if options.source:
            results = Results.load(options.source)
        else:
            results = await measured(reactor, options)
    except BenchmarkError as error:
        raise SystemExit(str(error)) from None
    except (OSError, ValueError) as error:
        if not options.source:
            raise
        raise SystemExit(f"{options.source} cannot be read as results: {error}") from None
    print(tables.report(results))
    print("\n" + datatables.report(results))
    if not options.source:
        quick = RESULTS / "raw" / "transport-quick.json"
        raw = options.output or (quick if options.quick else RESULTS / "transport.json")
        results.save(raw)
        print(f"\nraw results: {raw}")


if __name__ == "__main__":
    chosen = arguments()
    react(lambda reactor: ensureDeferred(run(reactor, chosen)), [])
