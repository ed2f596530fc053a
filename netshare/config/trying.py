"""
What a start would need, looked for without starting anything: ``twistd netshare --check``.

Sockets are bound and closed at once, and modules are imported in processes of their own, so that
a check beside a running service disturbs nothing.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from netshare.config.endpoints import listening_interface, listening_port
from netshare.config.values import Configuration
from netshare.service.activation.isolation import (
    environment_file,
    identity_of,
    launch_line,
    launchers_environment,
)
from netshare.service.activation.launcher import CANNOT_START
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.surroundings import environment_of_worker

#: Seconds that importing a worker's module may take.
_IMPORT_TIMEOUT = 30.0
_STANDARD_ERROR = 2
# sockaddr_un of unix(7) has 108 bytes, the last of them zero.
_LONGEST_PATH = 107

_IMPORT = """\
import sys
from netshare.worker.child import NoSuchTarget, load_target
try:
    load_target(sys.argv[1])
except NoSuchTarget as error:
    sys.exit(str(error))
except Exception as error:
    sys.exit(f"{sys.argv[1]}: importing it failed: {type(error).__name__}: {error}")
"""


def try_start(configuration: Configuration, control: Path) -> Iterator[str]:
    """
    Look for what a start would need.

    :param control: where the control socket is to be
    :returns: a sentence for everything that would fail, with the file and line of what asks for it
    """
    yield from _control(control)
    log = configuration.connectionLog
    if log is not None:
        where = configuration.origins.get("connectionLog", "")
        yield from _at(f"{where}: connectionLog" if where else "connectionLog", _writable(log))
    usable = []
    for interface in configuration.interface:
        problem = _bind(interface, 0)
        if problem is None:
            usable.append(interface)
        else:
            yield f"{configuration.origin(f'interface {interface}')}: {problem}"
    yield from _ports(configuration, usable, _answers(control))
    for spec in configuration.workers:
        yield from _at(configuration.origin(f"worker {spec.address}"), _worker(spec))


def _at(where: str, problems: Iterator[str]) -> Iterator[str]:
    return (f"{where}: {problem}" for problem in problems)


def _control(path: Path) -> Iterator[str]:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        yield f"control {path}: a socket's path has at most {_LONGEST_PATH} bytes"
        return
    parent = path.parent
    while not parent.exists():  # a start makes the directories that are missing
        parent = parent.parent
    if not parent.is_dir():
        yield f"control {path}: {parent} is no directory"
    elif not os.access(parent, os.W_OK | os.X_OK):
        yield f"control {path}: you may not write to {parent}"


def _writable(path: Path) -> Iterator[str]:
    if path.is_dir():
        yield f"{path} is a directory"
    elif path.exists():
        if not os.access(path, os.W_OK):
            yield f"you may not write to {path}"
    elif not path.parent.is_dir():
        yield f"{path}: there is no directory {path.parent}"
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        yield f"{path}: you may not write to {path.parent}"


def _ports(configuration: Configuration, interfaces: list[str], running: bool) -> Iterator[str]:
    """
    :param running: whether a service runs there already, whose ports are taken for that reason
    """
    asked: list[tuple[str, str, int]] = []
    for text in (one.endpoint for one in configuration.listen):
        number = listening_port(text)
        if number is not None:
            asked.append((f"listen {text}", listening_interface(text), number))
    named = {number for _, _, number in asked}
    for kind, specs in (("worker", configuration.workers), ("relay", configuration.relays)):
        for spec in specs:
            if spec.address.port not in named:
                named.add(spec.address.port)
                asked += [
                    (f"{kind} {spec.address}", one, spec.address.port)
                    for one in interfaces or ("0.0.0.0",)
                ]
    for what, interface, number in asked:
        problem = _bind(interface, number, running)
        if problem is not None:
            yield f"{configuration.origin(what)}: {problem}"


def _bind(interface: str, number: int, may_be_taken: bool = False) -> str | None:
    """:returns: why a port cannot be listened on; None: it can"""
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((interface, number))
            bound.listen(1)
    except socket.gaierror:
        return f"{interface} is no address; name an interface by its address, such as 192.0.2.1"
    except OSError as error:
        if error.errno == errno.EADDRINUSE and may_be_taken:
            return None
        if error.errno == errno.EADDRNOTAVAIL:
            return f"{interface} is no address of this machine"
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"port {number} needs a privilege (CAP_NET_BIND_SERVICE) that you do not have"
        return f"port {number} of {interface}: {os.strerror(error.errno or 0)}"
    return None


def _answers(control: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(control))
        except OSError:
            return False
    return True


def _worker(spec: WorkerSpec) -> Iterator[str]:
    """Whatever is set up for its process is set up here, and given up with the process."""
    isolation = spec.isolation
    try:
        identity = identity_of(isolation)
    except ValueError as error:
        yield str(error)
        return
    environment = environment_of_worker(os.environ, isolation, identity)
    only_look = spec.command is not None
    command = spec.command or (sys.executable, "-c", _IMPORT, str(spec.target))
    try:
        with environment_file(environment) as given:
            done = subprocess.run(
                launch_line(isolation, identity, given, command, _STANDARD_ERROR, only_look),
                env=launchers_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[given],
                timeout=_IMPORT_TIMEOUT,
            )
    except subprocess.TimeoutExpired:
        yield f"factory: importing {spec.target} takes longer than {_IMPORT_TIMEOUT:g} s"
        return
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    for path in spec.recycleAfter.files:
        if not Path(isolation.directory or ".", path).exists():
            yield f"recycleFiles: there is no {path}"
    if done.returncode == CANNOT_START and said:
        yield said[-1]
    elif done.returncode:
        yield f"factory: {said[-1] if said else 'importing it ended the process'}"
