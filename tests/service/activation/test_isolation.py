"""As whom, where and with what a worker's process runs."""

from __future__ import annotations

import os
import pwd
import sys

import pytest

from netshare.service.activation import launcher
from netshare.service.activation.isolation import (
    Identity,
    Isolation,
    ResourceLimit,
    environment_file,
    identity_of,
    launch_line,
    launchers_environment,
)

ROOT = pwd.getpwuid(0)


def test_nobody_else() -> None:
    """Without a word it is the service's user, with the service's groups."""
    identity = identity_of(Isolation())
    assert identity == Identity(os.geteuid(), os.getegid(), None, None)
    assert identity.all_groups == frozenset((os.getegid(), *os.getgroups()))


@pytest.mark.parametrize("user", ["root", "0"])
def test_a_user(user: str) -> None:
    """By name or number: group and further groups are those of the list of users."""
    identity = identity_of(Isolation(user))
    groups = tuple(os.getgrouplist("root", 0))
    assert identity == Identity(0, 0, groups, ROOT)


def test_groups() -> None:
    """They stand instead of the user's own."""
    assert identity_of(Isolation("root", "5", ("6", "7"))) == Identity(0, 5, (6, 7), ROOT)
    assert identity_of(Isolation("root", "5", ())).all_groups == {5}
    assert identity_of(Isolation(group="5")).groups is None


def test_a_number_that_is_not_listed() -> None:
    """It needs a group, and has no other."""
    assert identity_of(Isolation("3999999", "5")) == Identity(3999999, 5, (5,), None)
    with pytest.raises(ValueError, match="user 3999999 is not in the list of users"):
        identity_of(Isolation("3999999"))


@pytest.mark.parametrize(
    "isolation",
    [Isolation("no-such"), Isolation(group="no-such"), Isolation(groups=("no-such",))],
)
def test_who_is_not_there(isolation: Isolation) -> None:
    """A sentence names who is missing."""
    with pytest.raises(ValueError, match=r"there is no (user|group) 'no-such'"):
        identity_of(isolation)


def test_the_command_line() -> None:
    """Privileges are given up after what needs them, and before the directory is entered."""
    isolation = Isolation(
        umask=0o27,
        directory="/srv",
        resourceLimits={"NOFILE": ResourceLimit(10, -1)},
        noNewPrivileges=True,
    )
    line = launch_line(isolation, Identity(1, 2, (3, 4), None), 5, ["run", "--", "me"], 4)
    assert line == [
        sys.executable,
        "-I",
        "-S",
        launcher.__file__,
        "report=4",
        "noNewPrivileges",
        "resourceLimit=NOFILE:10:-1",
        "groups=3,4",
        "group=2",
        "user=1",
        "environment=5",
        "umask=23",
        "directory=/srv",
        "--",
        "run",
        "--",
        "me",
    ]
    line = launch_line(Isolation(), Identity(1, 2, None, None), 7, ["a"], 2, True)
    assert line[4:] == ["report=2", "group=2", "user=1", "environment=7", "--look", "a"]


def test_an_environment_on_a_descriptor() -> None:
    """Its bytes are the system's, and it is gone afterwards."""
    with environment_file({"A": "b=c", "PATH": "/\udcff"}) as descriptor:
        assert os.read(descriptor, 100) == b"A=b=c\0PATH=/\xff\0"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_the_environment_of_the_launcher() -> None:
    """It has what its Python may need to start, and nothing that a worker was given."""
    assert launchers_environment({"PATH": "/bin", "LD_LIBRARY_PATH": "/opt/lib"}) == {
        "LD_LIBRARY_PATH": "/opt/lib"
    }
    assert launchers_environment({"LD_PRELOAD": "/x"}) == {}
