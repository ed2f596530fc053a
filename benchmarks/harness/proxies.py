"""
The proxies: HAProxy, nginx and sslh, each with the configuration it needs.
"""

from __future__ import annotations

import os
import pwd

from .build import NJS_MODULE
from .dispatcher import (
    ESTABLISHED,
    PATHS,
    RATES,
    Dispatcher,
    Setting,
    listening,
    program_path,
    tcp_worker,
)
from .processes import Process, free_port, wait_for_port


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
                listening(setting, f"{key}-worker-{name}", [setting.worker, "unix", path])
            )
            servers.append(f"unix@{path}")
        else:
            backend = free_port()
            workers.append(tcp_worker(setting, f"{key}-worker-{number}", backend))
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
    proxy = Process(key, [program_path("haproxy"), "-db", "-f", configuration], setting.directory)
    wait_for_port(port, proxy)
    return Dispatcher(
        key,
        title,
        port,
        (proxy,),
        proxy,
        (*workers, proxy),
        RATES | ESTABLISHED | {"hold"},
        8000,
    )


def nginx(setting: Setting) -> Dispatcher:
    """nginx's stream module, with njs to look at the payload."""
    port, backends = free_port(), (free_port(), free_port())
    workers = [tcp_worker(setting, f"nginx-worker-{backend}", backend) for backend in backends]
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
        "nginx", [program_path("nginx"), "-p", here, "-c", configuration, "-e", "stderr"], here
    )
    wait_for_port(port, proxy)
    return Dispatcher(
        "nginx",
        "nginx, stream + njs",
        port,
        (proxy,),
        proxy,
        (*workers, proxy),
        RATES | ESTABLISHED | {"hold"},
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
    workers = [tcp_worker(setting, f"{key}-worker-{backend}", backend) for backend in backends]
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
    proxy = Process(key, [program_path(program), f"-F{configuration}"], setting.directory)
    wait_for_port(port, proxy)
    forks = key == "sslh-fork"
    return Dispatcher(
        key,
        f"{key} (regex)",
        port,
        () if forks else (proxy,),  # a process for each connection: its time is gone with it
        proxy,
        (*workers, proxy),
        (RATES - {"storm"}) | ESTABLISHED,
        share=0.1 if forks else 1.0,
        flight=32,
    )
