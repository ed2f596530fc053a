"""
What a worker process that the service starts may have of the service's own: little.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from netshare.service.activation.isolation import Identity, Isolation

#: The names in the service's environment that its workers get, too; and beginnings of names.
INHERITED = frozenset(
    {
        "HOME",
        "LANG",
        "LANGUAGE",
        "LOGNAME",
        "PATH",
        "PYTHONPATH",
        "SHELL",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
    }
)
_INHERITED_BEGINNING = "LC_"

#: Those that say who the service is.
_OF_A_USER = ("HOME", "USER", "LOGNAME", "SHELL")

_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 2, 4

#: What a set of capabilities has room for.
_MOST_CAPABILITIES = 64

#: How many generations of a process are looked at.
_MOST_GENERATIONS = 64


def environment_of_worker(
    environ: Mapping[str, str], isolation: Isolation, identity: Identity
) -> dict[str, str]:
    """
    What a worker gets of the service's environment, and what it is given beside that. Everything
    else, such as what a service manager says to the service alone, or a password, has to be named.

    :param environ: the service's
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name in INHERITED
        or name.startswith(_INHERITED_BEGINNING)
        or name in isolation.passEnvironment
    }
    if isolation.user is not None:
        for name in _OF_A_USER:
            kept.pop(name, None)
    user = identity.entry
    if user is not None:
        kept.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name, SHELL=user.pw_shell)
    return {**kept, **isolation.environment}


def drop_ambient_capabilities() -> None:
    """
    Let no process that is started from now on have a capability of this one's, which itself keeps
    what it has.
    """
    # Kernels before 4.3 have no ambient capabilities, and answer with an error.
    ctypes.CDLL(None).prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


@contextmanager
def ambient_capabilities() -> Iterator[None]:
    """
    Let a process that is started meanwhile have the capabilities that this one may pass on, as
    another process of the same service: what :func:`drop_ambient_capabilities` takes from workers.
    """
    control = ctypes.CDLL(None).prctl
    # Of those that it has not, or may not pass on, the kernel says no.
    for capability in range(_last_capability() + 1):
        control(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
    try:
        yield
    finally:
        drop_ambient_capabilities()


def descends_from(pid: int, ancestors: frozenset[int]) -> bool:
    """
    Whether a process is one of these, or was started by one of them, or by one that was. A process
    whose parents have ended has left the family, as far as anybody can tell.
    """
    for _ in range(_MOST_GENERATIONS):
        if pid in ancestors:
            return True
        if pid <= 1:
            return False
        pid = _parent(pid)
    return False


def memory_of(pid: int) -> int:
    """
    How many bytes of memory a process has resident; 0 if it has ended.
    """
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def user_of(pid: int) -> int | None:
    """
    The effective user number of a process; None if it has ended.
    """
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            return next(int(line.split()[2]) for line in file if line.startswith(b"Uid:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _last_capability() -> int:
    try:
        with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return _MOST_CAPABILITIES - 1


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name of the program stands in parentheses, and may hold any others.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
