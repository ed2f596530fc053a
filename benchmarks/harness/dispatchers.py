"""
Everybody who can bring a connection to a worker, started the same way.

Each has two addresses to tell apart, ``/bench/one`` and ``/bench/two``, with a worker behind each;
the load goes to the first one. All of them listen on a port of their own on 127.0.0.1 at the same
time: who is not being measured sleeps.
"""

from __future__ import annotations

import os
import pwd
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .build import HERE, NJS_MODULE, find
from .processes import BenchmarkError, Process, free_port, wait_for_port

PATHS = ("/bench/one", "/bench/two")

_ESTABLISHED = frozenset({"bulk", "echo"})
_RATES = frozenset({"rate", "single", "storm"})


@dataclass(frozen=True)
class Dispatcher:
    """
    Somebody who brings connections to a worker, or the worker itself.
    """

    key: str
    title: str
    port: int
    #: Whose processor time and memory count; none for the worker that owns the port.
    dispatching: tuple[Process, ...]
    #: Whom a storm is held back at.
    accepting: Process
    #: Everything that was started for it, in order.
    processes: tuple[Process, ...]
    #: What is measured: rate, single, storm, bulk, echo, hold.
    figures: frozenset[str]
    #: How many connections it can hold; a proxy needs two descriptors for each.
    holds: int = 0
    #: Slow ones get this part of the connections only.
    share: float = 1.0
    #: How many connections are in flight at once, for the rate.
    flight: int = 64

    def via(self, path: str = PATHS[0]) -> str:
        """What a client asks for."""
        return f"net.tcp://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        """End all its processes, the last one first."""
        for process in reversed(self.processes):
            process.stop()


@dataclass(frozen=True)
class Setting:
    """
    What is needed to start one.
    """

    #: A directory for sockets, configurations and logs.
    directory: Path
    #: The C worker.
    worker: Path
    #: How much the service logs; None: everything, as it does by itself.
    logLevel: str | None = None
    #: Where the service's profile goes; None: it is not profiled.
    profile: Path | None = None


class NotOffered(Exception):
    """This version of the service has no such lane."""


def direct(setting: Setting) -> Dispatcher:
    """The worker owns the port."""
    port = free_port()
    worker = _tcp_worker(setting, "direct", port)
    return Dispatcher(
        "direct",
        "nobody (the worker owns the port)",
        port,
        (),
        worker,
        (worker,),
        _RATES | _ESTABLISHED,
    )


def netshare(setting: Setting, lane: str) -> Dispatcher:
    """
    The service, and C workers that ask for a lane: amp, records or batches.

    :raises NotOffered: the service does not have this lane
    """
    key, port = f"netshare-{lane}", free_port()
    service, control = _service(setting, key)
    processes = [service]
    try:
        for path in PATHS:
            worker = Process(
                f"{key}-worker{path.replace('/', '-')}",
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
        _RATES | _ESTABLISHED | {"hold"},
        20_000,
    )


def haproxy(setting: Setting) -> Dispatcher:
    """HAProxy in tcp mode, as anybody would write it."""
    return _haproxy(setting, "haproxy", "HAProxy, tcp mode, TCP backends", False)


def haproxy_best(setting: Setting) -> Dispatcher:
    """HAProxy at its best: UNIX sockets, one thread, nothing that is not needed."""
    return _haproxy(setting, "haproxy-best", "HAProxy at its best (UNIX backends, tuned)", True)


def _haproxy(setting: Setting, key: str, title: str, best: bool) -> Dispatcher:
    port = free_port()
    workers = []
    servers = []
    for number, name in enumerate(("one", "two")):
        if best:
            path = setting.directory / f"{key}-{name}"
            workers.append(
                _listening(setting, f"{key}-worker-{name}", [setting.worker, "unix", path])
            )
            servers.append(f"unix@{path}")
        else:
            backend = free_port()
            workers.append(_tcp_worker(setting, f"{key}-worker-{number}", backend))
            servers.append(f"127.0.0.1:{backend}")
    # One thread: with two, on as many processors as the clients and the worker need, HAProxy is
    # slower. The options are those that its manual recommends against needless packets and copies.
    tuning = (
        """
    nbthread 1
    maxpipes 400
    tune.maxaccept 200
    tune.maxpollevents 400"""
        if best
        else ""
    )
    options = (
        """
    option tcp-smart-accept
    option tcp-smart-connect
    option splice-auto
    option dontlognull"""
        if best
        else ""
    )
    # From byte 7 on, where the via begins: a string ends at the first NUL for HAProxy.
    route = (
        f"""
    tcp-request content accept if {{ req.payload(7,0) -m sub {PATHS[0]} {PATHS[1]} }}
    use_backend one if {{ req.payload(7,0) -m sub {PATHS[0]} }}
    default_backend two"""
        if best
        else f"""
    acl is_one req.payload(7,0) -m sub {PATHS[0]}
    acl is_two req.payload(7,0) -m sub {PATHS[1]}
    tcp-request content accept if is_one or is_two
    use_backend one if is_one
    use_backend two if is_two"""
    )
    configuration = setting.directory / f"{key}.cfg"
    configuration.write_text(
        f"""global
    maxconn 9000{tuning}
defaults
    mode tcp
    maxconn 9000
    timeout connect 5s
    timeout client 60s
    timeout server 60s{options}
frontend shared
    bind 127.0.0.1:{port} backlog 4096
    tcp-request inspect-delay 5s{route}
backend one
    server one {servers[0]}
backend two
    server two {servers[1]}
"""
    )
    proxy = Process(key, [_program("haproxy"), "-db", "-f", configuration], setting.directory)
    wait_for_port(port, proxy)
    return Dispatcher(
        key,
        title,
        port,
        (proxy,),
        proxy,
        (*workers, proxy),
        _RATES | _ESTABLISHED | {"hold"},
        8000,
    )


def nginx(setting: Setting) -> Dispatcher:
    """nginx's stream module, with njs to look at the payload."""
    port, backends = free_port(), (free_port(), free_port())
    workers = [_tcp_worker(setting, f"nginx-worker-{backend}", backend) for backend in backends]
    here = setting.directory
    (here / "route.js").write_text(
        f"""function preread(s) {{
    s.on('upload', function (data, flags) {{
        if (data.indexOf('{PATHS[0]}') >= 0) {{
            s.variables.backend = 'one';
            s.done();
        }} else if (data.indexOf('{PATHS[1]}') >= 0) {{
            s.variables.backend = 'two';
            s.done();
        }}
    }});
}}
export default {{preread}};
"""
    )
    modules = NJS_MODULE.parent
    user = pwd.getpwuid(os.geteuid()).pw_name
    configuration = here / "nginx.conf"
    configuration.write_text(
        f"""load_module {modules}/ngx_stream_module.so;
load_module {NJS_MODULE};
user {user};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {here}/nginx.pid;
error_log {here}/nginx-error.log error;
events {{
    worker_connections 19000;
}}
stream {{
    access_log off;
    js_path {here};
    js_import route from route.js;
    js_var $backend;
    upstream one {{ server 127.0.0.1:{backends[0]}; }}
    upstream two {{ server 127.0.0.1:{backends[1]}; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        js_preread route.preread;
        proxy_pass $backend;
        proxy_timeout 60s;
    }}
}}
"""
    )
    proxy = Process(
        "nginx", [_program("nginx"), "-p", here, "-c", configuration, "-e", "stderr"], here
    )
    wait_for_port(port, proxy)
    return Dispatcher(
        "nginx",
        "nginx, stream + njs",
        port,
        (proxy,),
        proxy,
        (*workers, proxy),
        _RATES | _ESTABLISHED | {"hold"},
        8000,
    )


def sslh(setting: Setting, program: str) -> Dispatcher:
    """
    sslh with its regex probe.

    It listens with a backlog of 50: no storm can be queued at it, and with 64 connections in flight
    it would be measured by the second after which lost SYNs are sent again; so 32 are. And
    sslh-select, as the name says, uses select(), so that it cannot hold many connections.
    """
    port, backends = free_port(), (free_port(), free_port())
    key = "sslh-select" if program == "sslh-select" else "sslh-fork"
    workers = [_tcp_worker(setting, f"{key}-worker-{backend}", backend) for backend in backends]
    probes = ",\n".join(
        f'  {{ name: "regex"; host: "127.0.0.1"; port: "{backend}"; regex_patterns: ["{path}"]; '
        "log_level: 0; }"
        for path, backend in zip(PATHS, backends, strict=True)
    )
    configuration = setting.directory / f"{key}.cfg"
    configuration.write_text(
        "verbose: false; foreground: true; inetd: false; numeric: true; transparent: false;\n"
        f'timeout: 5;\nlisten: ( {{ host: "127.0.0.1"; port: "{port}"; }} );\n'
        f"protocols: (\n{probes}\n);\n"
    )
    proxy = Process(key, [_program(program), f"-F{configuration}"], setting.directory)
    wait_for_port(port, proxy)
    forks = key == "sslh-fork"
    return Dispatcher(
        key,
        f"{key} (regex)",
        port,
        () if forks else (proxy,),  # a process for each connection: its time is gone with it
        proxy,
        (*workers, proxy),
        (_RATES - {"storm"}) | _ESTABLISHED,
        share=0.1 if forks else 1.0,
        flight=32,
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
        _RATES,
        share=0.5,
    )


def twisted_netshare(setting: Setting) -> Dispatcher:
    """The same Twisted server behind the service, by its ``netshare:`` endpoint."""
    port = free_port()
    service, control = _service(setting, "twisted-netshare")
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
        _RATES,
        share=0.5,
    )


#: Everybody, by key, in the order of the tables.
STARTERS: dict[str, Callable[[Setting], Dispatcher]] = {
    "direct": direct,
    "haproxy": haproxy,
    "haproxy-best": haproxy_best,
    "nginx": nginx,
    "sslh-select": lambda setting: sslh(setting, "sslh-select"),
    "sslh-fork": lambda setting: sslh(setting, "sslh"),
    "netshare-amp": lambda setting: netshare(setting, "amp"),
    "netshare-records": lambda setting: netshare(setting, "records"),
    "netshare-batches": lambda setting: netshare(setting, "batches"),
    "twisted-direct": twisted_direct,
    "twisted-netshare": twisted_netshare,
}


def _service(setting: Setting, name: str) -> tuple[Process, Path]:
    control = setting.directory / f"{name}.control"
    # As the systemd unit starts it; only twist knows levels.
    run = "from twisted.scripts.twistd import run; run()"
    if setting.profile:
        run = f"from benchmarks.harness import profiling; profiling.run({str(setting.profile)!r})"
    runner = [sys.executable, "-c", run, "-n", "--pidfile="]
    if setting.logLevel:
        runner = [sys.executable, "-m", "twisted", "--log-level", setting.logLevel]
        runner += ["--log-format", "text"]
    service = Process(
        name,
        [*runner, "netshare", "--control", control, "--interface", "127.0.0.1"],
        setting.directory,
        {"PYTHONPATH": str(HERE.parent)},
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
    return _listening(setting, name, [sys.executable, program, endpoint])


def _tcp_worker(setting: Setting, name: str, port: int) -> Process:
    return _listening(setting, name, [setting.worker, "tcp", "127.0.0.1", str(port)])


def _listening(setting: Setting, name: str, command: Sequence[str | Path]) -> Process:
    process = Process(name, command, setting.directory)
    process.wait_for("listening")
    return process


def _program(name: str) -> str:
    path = find(name)
    if path is None:
        raise BenchmarkError(f"{name} is not installed")
    return path
