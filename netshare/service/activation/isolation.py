"""
As whom, where and with what a worker's process runs: what sets it apart from the service.
"""

from __future__ import annotations

import os
import pwd
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from netshare.service.activation import launcher
from netshare.sockets.credentials import group_number, user_number

#: The limits that setrlimit(2) knows here, by their names without RLIMIT.
LIMIT_NAMES = tuple(
    sorted(name[len("RLIMIT_") :] for name in dir(resource) if name.startswith("RLIMIT_"))
)


@dataclass(frozen=True, slots=True)
class ResourceLimit:
    """
    What a process may use of something; -1 is any amount.
    """

    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Isolation:
    """
    What is asked for. What is not is as the service has it.
    """

    #: The user it runs as, by name or number. Only root can choose another than the service's.
    user: str | None = None
    #: Its group; None: the user's own.
    group: str | None = None
    #: Its further groups; None: those that the user is a member of.
    groups: tuple[str, ...] | None = None
    #: The permissions that files it makes do not have.
    umask: int | None = None
    directory: str | None = None
    #: Names and values, besides what :mod:`.surroundings` lets through.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Names whose values in the service's environment are let through, too.
    passEnvironment: tuple[str, ...] = ()
    #: By the name that setrlimit(2) has for it, without RLIMIT, such as ``NOFILE``.
    resourceLimits: Mapping[str, ResourceLimit] = field(default_factory=dict)
    #: Neither it nor what it starts can become more, as by a set-user-ID program.
    noNewPrivileges: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """
    Who that is on this machine.
    """

    uid: int
    gid: int
    #: None: those of the service.
    groups: tuple[int, ...] | None
    #: What is known of the user; None: nothing, or it is the service's own.
    entry: pwd.struct_passwd | None

    @property
    def all_groups(self) -> frozenset[int]:
        """All that a process has."""
        others = os.getgroups() if self.groups is None else self.groups
        return frozenset((self.gid, *others))


def identity_of(isolation: Isolation) -> Identity:
    """
    Look up the user and the groups.

    :raises ValueError: one is not there
    """
    uid, gid = os.geteuid(), os.getegid()
    groups: tuple[int, ...] | None = None
    entry = None
    if isolation.user is not None:
        uid = user_number(isolation.user)
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            if isolation.group is None:
                raise ValueError(
                    f"user {uid} is not in the list of users: give it a group"
                ) from None
        if entry is not None:
            gid = entry.pw_gid
    if isolation.group is not None:
        gid = group_number(isolation.group)
    if isolation.groups is not None:
        groups = tuple(map(group_number, isolation.groups))
    elif entry is not None:
        groups = tuple(os.getgrouplist(entry.pw_name, gid))
    elif isolation.user is not None:
        groups = (gid,)
    return Identity(uid, gid, groups, entry)


def launch_line(
    isolation: Isolation,
    identity: Identity,
    environment: int,
    command: Sequence[str],
    report: int,
    only_look: bool = False,
) -> list[str]:
    """
    The command line that becomes the worker's, see :mod:`.launcher`.

    :param environment: the descriptor on which the worker's comes, see :func:`environment_file`
    :param report: the descriptor on which it says why it cannot
    :param only_look: do not start the command, but see whether it is there
    """
    words = [f"report={report}"]
    if isolation.noNewPrivileges:
        words.append("noNewPrivileges")
    for name, limit in isolation.resourceLimits.items():
        words.append(f"resourceLimit={name}:{limit.soft}:{limit.hard}")
    if identity.groups is not None:
        words.append(f"groups={','.join(map(str, identity.groups))}")
    # Also where they are the service's: it may have others that it could go back to.
    words += [f"group={identity.gid}", f"user={identity.uid}", f"environment={environment}"]
    if isolation.umask is not None:
        words.append(f"umask={isolation.umask}")
    if isolation.directory is not None:
        words.append(f"directory={isolation.directory}")
    start = launcher.ONLY_LOOK if only_look else "--"
    return [sys.executable, "-I", "-S", launcher.__file__, *words, start, *command]


@contextmanager
def environment_file(environment: Mapping[str, str]) -> Iterator[int]:
    """
    :returns: a descriptor that has an environment for the launcher; it is closed here afterwards
    :raises OSError: there is no room for it
    """
    with open(os.memfd_create("environment"), "wb") as file:
        for name, value in environment.items():
            file.write(os.fsencode(f"{name}={value}") + b"\0")
        file.seek(0)
        yield file.fileno()


def launchers_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """
    What the launcher itself has of the service's environment: what its Python cannot start without.
    """
    return {name: environ[name] for name in ("LD_LIBRARY_PATH",) if name in environ}
