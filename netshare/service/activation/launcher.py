"""
The program that a worker's process begins as: it gives up what the worker is not to have, and then
becomes the worker.

It is run as a file, by a Python that looks at nothing else (``-I -S``), so that it starts at once,
and it imports nothing of the package. The worker's environment, which may name libraries of its
user's, comes on a descriptor: while this program is root it is not its own.

Its arguments are settings, done in the order in which they stand, ``--``, and the worker's command
line. What fails is one sentence on the descriptor that ``report`` names; a program that could be
started leaves it empty.
"""

import ctypes
import errno
import os
import resource
import signal
import sys
from collections.abc import Callable

#: How it ends when the worker cannot be started, as a shell does.
CANNOT_START = 127

#: Stands instead of ``--``: everything is done as for a start, but the program only looked for.
ONLY_LOOK = "--look"

_PR_SET_NO_NEW_PRIVS = 38

#: What Python ignores, and other programs do not.
_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)


def _no_new_privileges(_: str) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _groups(numbers: str) -> None:
    os.setgroups([int(number) for number in numbers.split(",") if number])


def _group(number: str) -> None:
    wanted = (int(number),) * 3
    if os.getresgid() != wanted:  # a sandbox may not let us call what would change nothing
        os.setresgid(*wanted)


def _user(number: str) -> None:
    wanted = (int(number),) * 3
    if os.getresuid() != wanted:
        os.setresuid(*wanted)


def _limit(text: str) -> None:
    name, soft, hard = text.split(":")
    number = getattr(resource, f"RLIMIT_{name}")
    wanted = (int(soft), int(hard))
    try:
        resource.setrlimit(number, wanted)
    except (OSError, ValueError):
        raise ValueError(
            f"{name} cannot be {_words(wanted[1])}: {_why(number, wanted[1])}"
        ) from None


def _why(number: int, wanted: int) -> str:
    sandbox = "the service runs where limits may not be changed (SystemCallFilter of its unit?)"
    try:
        most = resource.getrlimit(number)[1]
    except (OSError, ValueError):
        return sandbox
    infinite = resource.RLIM_INFINITY
    if most == infinite or (wanted != infinite and wanted <= most):
        return sandbox
    return f"the hard limit of the service is {_words(most)}, and only root can raise it"


def _words(limit: int) -> str:
    return "Infinite" if limit == resource.RLIM_INFINITY else str(limit)


def _umask(number: str) -> None:
    os.umask(int(number))


def _environment(descriptor: str) -> None:
    with open(int(descriptor), "rb") as file:
        pairs = [pair.partition(b"=") for pair in file.read().split(b"\0") if pair]
    os.environb.clear()
    os.environb.update((name, value) for name, _, value in pairs)


#: What can be asked for, and what a sentence says that begins with it.
_SETTINGS: dict[str, tuple[Callable[[str], None], str]] = {
    "noNewPrivileges": (_no_new_privileges, "noNewPrivileges"),
    "resourceLimit": (_limit, "resourceLimits"),
    "groups": (_groups, "groups {}"),
    "group": (_group, "group {}"),
    "user": (_user, "user {}"),
    "umask": (_umask, "umask"),
    "directory": (os.chdir, "directory {}"),
    "environment": (_environment, "environment"),
}


class CannotStart(Exception):
    """
    The worker cannot be started; the message says why.
    """


def do(setting: str) -> None:
    """
    Do what one argument asks for.

    :param setting: such as ``umask=23``
    :raises CannotStart: the system does not let us
    """
    name, _, value = setting.partition("=")
    function, what = _SETTINGS[name]
    try:
        function(value)
    except OSError as error:
        raise CannotStart(f"{what.format(value)}: {error.strerror}") from None
    except ValueError as error:
        raise CannotStart(f"{what.format(value)}: {error}") from None
    except MemoryError:
        raise CannotStart("resourceLimits: they leave no memory to start with") from None


def candidates(program: str) -> list[str]:
    """
    Where a program may be. (``os.execvp`` imports a module for it, which the worker's user may not
    be able to read.)
    """
    if "/" in program:
        return [program]
    return [os.path.join(place, program) for place in os.environ.get("PATH", os.defpath).split(":")]


def leave_session() -> None:
    """
    Have a session of its own: what a terminal signals to all in the foreground, as at Ctrl-C, is
    for the service, which ends its workers in order.
    """
    try:
        os.setsid()
    except PermissionError:
        pass  # it leads one already


def become(command: list[str]) -> None:
    """
    Become the worker, which does not return.

    :raises CannotStart: there is no such program, or it cannot be run
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    problems = []
    for path in candidates(command[0]):
        try:
            os.execv(path, command)
        except OSError as error:
            absent = error.errno in (errno.ENOENT, errno.ENOTDIR)
            problems.append((absent, f"command {path}: {error.strerror}"))
    look_for(command[0])
    raise CannotStart(min(problems, key=lambda one: one[0])[1])


def look_for(program: str) -> None:
    """
    :raises CannotStart: there is no such program that this user may run
    """
    there = [path for path in candidates(program) if os.path.isfile(path)]
    if not there:
        raise CannotStart(f"command: there is no program {program}")
    if not any(os.access(path, os.X_OK) for path in there):
        raise CannotStart(f"command: {there[0]} may not be run by user {os.getuid()}")


def main(arguments: list[str]) -> None:
    """
    Do the settings, and become the worker.

    :raises SystemExit: it cannot be started, or was only to be looked for
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end = next(n for n, word in enumerate(arguments) if word in ("--", ONLY_LOOK))
    report, *settings = arguments[:end]
    descriptor = int(report.partition("=")[2])
    if descriptor > 2:
        os.set_inheritable(descriptor, False)
    try:
        for setting in settings:
            do(setting)
        if arguments[end] == ONLY_LOOK:
            look_for(arguments[end + 1])
        else:
            leave_session()
            become(arguments[end + 1 :])
    except CannotStart as error:
        os.write(descriptor, str(error).encode("utf-8", "surrogateescape"))
        raise SystemExit(CANNOT_START) from None


if __name__ == "__main__":
    main(sys.argv[1:])
