"""Who is at the other end of a UNIX socket."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import subprocess
import sys

import pytest

from netshare.sockets.credentials import Peer, group_number, user_name, user_number


def test_a_peer() -> None:
    """The kernel tells process, user and groups of the other end."""
    one, two = socket.socketpair()
    with one, two:
        peer = Peer.of(one)
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    assert {os.getgid(), *os.getgroups()} <= peer.groups
    assert peer.user == pwd.getpwuid(os.getuid()).pw_name
    assert "python" in peer.commandLine or "pytest" in peer.commandLine


def test_a_process_that_is_gone() -> None:
    """A process of which nothing can be read any more has no command line."""
    gone = Peer(2**22 + 1, 0, frozenset())
    assert (gone.commandLine, gone.isTraced) == ("", False)


#: Has the process that started it for its debugger.
TRACED = """
import ctypes, sys
failed = ctypes.CDLL(None, use_errno=True).ptrace(0, 0, None, None)
print("no" if failed else "yes", flush=True)
sys.stdin.read()
"""


def test_a_process_that_is_traced() -> None:
    """That it is in a debugger's hands is known."""
    command = [sys.executable, "-c", TRACED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        traced = process.stdout.readline() == b"yes\n"
        found = Peer(process.pid, os.getuid(), frozenset()).isTraced
        process.stdin.close()
    if not traced:
        pytest.skip("processes may not be traced here")
    assert found
    assert not Peer(os.getpid(), os.getuid(), frozenset()).isTraced


def test_names_and_numbers() -> None:
    """Users and groups may be given by name or by number."""
    root = pwd.getpwuid(0).pw_name
    assert user_number(root) == 0
    assert user_number("12345") == 12345
    assert user_name(0) == root
    assert user_name(3999999999) == "3999999999"
    assert group_number(grp.getgrgid(0).gr_name) == 0
    assert group_number("77") == 77


@pytest.mark.parametrize(("lookup", "kind"), [(user_number, "user"), (group_number, "group")])
def test_unknown_names(lookup: object, kind: str) -> None:
    """A name that this machine does not know is an error with the name in it."""
    with pytest.raises(ValueError, match=f"no {kind} 'no-such-name'"):
        lookup("no-such-name")  # type: ignore[operator]
