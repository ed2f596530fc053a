"""
What a start would need, looked for without starting anything: ``twistd netshare --check``.

Sockets are bound and closed at once, and modules are imported in processes of their own, so that
a check beside a running service disturbs nothing.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from netshare.config.endpoints import listening_interface, listening_port
from netshare.config.values import Configuration
from netshare.service.activation.spec import WorkerSpec
from netshare.sockets.credentials import user_number

#: Seconds that importing a worker's module may take.
_IMPORT_TIMEOUT = 30.0
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
    if spec.user is not None:
        try:
            user_number(spec.user)
        except ValueError as error:
            yield f"user: {error}"
    if spec.directory is not None and not Path(spec.directory).is_dir():
        yield f"directory: there is no directory {spec.directory}"
        return
    environment = {**os.environ, **spec.environment}
    look: Callable[[WorkerSpec, dict[str, str]], Iterator[str]]
    look = _program if spec.command is not None else _target
    yield from look(spec, environment)


def _program(spec: WorkerSpec, environment: dict[str, str]) -> Iterator[str]:
    assert spec.command is not None
    program = spec.command[0]
    path = Path(spec.directory or ".", program) if "/" in program else Path(program)
    found = shutil.which(str(path), path=environment.get("PATH"))
    if found is None:
        yield f"command: there is no program {program}, or you may not run it"


def _target(spec: WorkerSpec, environment: dict[str, str]) -> Iterator[str]:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT, str(spec.target)],
            env=environment,
            cwd=spec.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_IMPORT_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        yield f"factory: importing {spec.target} takes longer than {_IMPORT_TIMEOUT:g} s"
        return
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        yield f"factory: {said[-1] if said else 'importing it ended the process'}"
