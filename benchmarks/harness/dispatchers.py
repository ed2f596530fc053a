"""
Everybody who can bring a connection to a worker, started the same way.

Each has two addresses to tell apart, ``/bench/one`` and ``/bench/two``, with a worker behind each;
the load goes to the first one. All of them listen on a port of their own on 127.0.0.1 at the same
time: who is not being measured sleeps.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .dispatcher import ESTABLISHED, PATHS, RATES, Dispatcher, Setting, listening, tcp_worker
from .processes import BenchmarkError, Process, free_port
from .proxies import haproxy, haproxy_best, nginx, sslh

Starter = Callable[[Setting], Dispatcher]


class NotOffered(Exception):
    """This version of the service has no such lane."""


def direct(setting: Setting) -> Dispatcher:
    """The worker owns the port."""
    port = free_port()
    worker = tcp_worker(setting, "direct", port)
    return Dispatcher(
        "direct",
        "none (the worker owns the port)",
        port,
        (),
        worker,
        (worker,),
        RATES | ESTABLISHED,
    )


def netshare(setting: Setting, lane: str) -> Dispatcher:
    """
    The service, and C workers that ask for a lane: amp, records or batches.

    :raises NotOffered: the service does not have this lane
    """
    key, port = f"netshare-{lane}", free_port()
    service, control = start_service(setting, f"{key}-{port}")
    processes = [service]
    try:
        for path in PATHS:
            worker = Process(
                f"{key}-{port}-worker{path.replace('/', '-')}",
                [
                    *(setting.worker, "netshare", control, f"net.tcp://+:{port}{path}"),
                    *([] if lane == "amp" else [lane]),
                ],
                setting.directory,
            )
            processes.append(worker)
            if f"lane={lane}" not in worker.wait_for("registered"):
                raise NotOffered(f"the service offers no lane of {lane}")
    except BaseException:
        for process in reversed(processes):
            process.stop()
        raise
    title = {
        "amp": "netshare, AMP (any worker)",
        "records": "netshare, fast lane, a record each",
        "batches": "netshare, fast lane, batches",
    }[lane]
    return Dispatcher(
        key,
        title,
        port,
        (service,),
        service,
        tuple(processes),
        RATES | ESTABLISHED | {"hold"},
        20_000,
    )


def netshare_many(setting: Setting, count: int) -> Dispatcher:
    """
    The service, and many C workers on its fast lane, each with an address of its own; the load goes
    to all of them in turn.
    """
    key, port = f"netshare-workers-{count}", free_port()
    service, control = start_service(setting, f"{key}-{port}")
    processes = [service]
    try:
        for at in range(1, count + 1):
            address = f"net.tcp://+:{port}/many/{at}"
            command = [setting.worker, "netshare", control, address, "batches"]
            processes.append(Process(f"{key}-{port}-worker-{at}", command, setting.directory))
        for worker in processes[1:]:
            worker.wait_for("registered")
    except BaseException:
        for process in reversed(processes):
            process.stop()
        raise
    return Dispatcher(
        key,
        f"netshare, batches, {count} workers in turn",
        port,
        (service,),
        service,
        tuple(processes),
        frozenset({"rate"}),
        addresses=count,
    )


def before(key: str, source: Path) -> Starter:
    """
    :param key: of a dispatcher that has a service
    :param source: another checkout
    :returns: what starts the same with the service of that checkout
    """

    def start(setting: Setting) -> Dispatcher:
        one = STARTERS[key](replace(setting, source=source))
        return replace(one, key=f"before-{key}", title=f"before: {one.title}")

    return start


def netshare_relay(setting: Setting) -> Dispatcher:
    """
    The service as a proxy: the workers own TCP ports and know nothing of it.
    """
    key, port = "netshare-relay", free_port()
    workers, options = [], []
    for number, path in enumerate(PATHS):
        backend = free_port()
        workers.append(tcp_worker(setting, f"{key}-worker-{number}", backend))
        options += ["--relay", f"net.tcp://+:{port}{path}=tcp:127.0.0.1:{backend}"]
    relaying = replace(setting, serviceOptions=(*setting.serviceOptions, *options))
    try:
        service, _ = start_service(relaying, f"{key}-{port}")
    except BaseException:
        for process in workers:
            process.stop()
        raise
    return Dispatcher(
        key,
        "netshare, a relay",
        port,
        (service,),
        service,
        (*workers, service),
        RATES | ESTABLISHED | {"hold"},
        8_000,
    )


def netshare_whole_segments(setting: Setting) -> Dispatcher:
    """
    The service with ``maxSegmentSize 0``, as it suits a machine without WCF clients: for what
    an established connection can do.
    """
    setting = replace(setting, serviceOptions=(*setting.serviceOptions, "--maxSegmentSize=0"))
    shared = netshare(setting, "batches")
    return replace(
        shared,
        key="netshare-whole-segments",
        title="netshare, maxSegmentSize 0",
        figures=ESTABLISHED,
    )


def twisted_direct(setting: Setting) -> Dispatcher:
    """A Twisted server that owns its port."""
    port = free_port()
    worker = _twisted_worker(
        setting, "twisted-direct", f"tcp:{port}:interface=127.0.0.1:backlog=4096"
    )
    return Dispatcher(
        "twisted-direct",
        "a Twisted server that owns the port",
        port,
        (),
        worker,
        (worker,),
        RATES,
        share=0.5,
    )


def twisted_netshare(setting: Setting) -> Dispatcher:
    """The same Twisted server behind the service, by its ``netshare:`` endpoint."""
    port = free_port()
    service, control = start_service(setting, "twisted-netshare")
    try:
        worker = _twisted_worker(
            setting,
            "twisted-netshare-worker",
            f"netshare:net.tcp\\://+\\:{port}{PATHS[0]}:control={control}",
        )
    except BaseException:
        service.stop()
        raise
    return Dispatcher(
        "twisted-netshare",
        "the same behind netshare (netshare: endpoint)",
        port,
        (service,),
        service,
        (service, worker),
        RATES,
        share=0.5,
    )


#: Everybody, by key, in the order of the tables.
STARTERS: dict[str, Starter] = {
    "direct": direct,
    "haproxy": haproxy,
    "haproxy-best": haproxy_best,
    "nginx": nginx,
    "sslh-select": lambda setting: sslh(setting, "sslh-select"),
    "sslh-fork": lambda setting: sslh(setting, "sslh"),
    "netshare-amp": lambda setting: netshare(setting, "amp"),
    "netshare-records": lambda setting: netshare(setting, "records"),
    "netshare-batches": lambda setting: netshare(setting, "batches"),
    "netshare-whole-segments": netshare_whole_segments,
    "netshare-workers-1": lambda setting: netshare_many(setting, 1),
    "netshare-workers-4": lambda setting: netshare_many(setting, 4),
    "netshare-workers-64": lambda setting: netshare_many(setting, 64),
    "netshare-workers-512": lambda setting: netshare_many(setting, 512),
    "netshare-relay": netshare_relay,
    "twisted-direct": twisted_direct,
    "twisted-netshare": twisted_netshare,
}


def start_service(setting: Setting, name: str) -> tuple[Process, Path]:
    """:returns: a running service of this version, and its control socket"""
    control = setting.directory / f"{name}.control"
    # As the systemd unit starts it, with a log of every connection.
    run = "from twisted.scripts.twistd import run; run()"
    if setting.profile:
        run = f"from benchmarks.harness import profiling; profiling.run({str(setting.profile)!r})"
    service = Process(
        name,
        [
            *(sys.executable, "-c", run, "-n", "--pidfile=", "netshare"),
            *("--control", control, "--interface", "127.0.0.1"),
            *("--connectionLog", setting.directory / f"{name}.connections.log"),
            *setting.serviceOptions,
        ],
        setting.directory,
        {"PYTHONPATH": str(setting.source)},
    )
    end = time.monotonic() + 15
    while time.monotonic() < end:
        service.must_run()
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(control)) == 0:
                return service, control
        time.sleep(0.02)
    service.stop()
    raise BenchmarkError(f"the service has no control socket: {service.tail()}")


def _twisted_worker(setting: Setting, name: str, endpoint: str) -> Process:
    program = Path(__file__).with_name("twisted_worker.py")
    return listening(setting, name, [sys.executable, program, endpoint])
