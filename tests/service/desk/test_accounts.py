"""netshare.service.desk.accounts and netshare.sockets.credentials: who may register what."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile

import pytest

from netshare.addresses import parse_base_address
from netshare.service.desk.accounts import Accounts, Members, Reservation
from netshare.sockets.credentials import Peer, group_number, user_name, user_number

NOBODY = 65534


def peer(uid: int = 4001, *groups: int) -> Peer:
    return Peer(1, uid, frozenset(groups))


def reserve(address: str, *uids: int) -> Reservation:
    return Reservation(parse_base_address(address), Members(frozenset(uids)))


def test_members() -> None:
    """A member is named by user or by any of its groups."""
    members = Members(frozenset({4001}), frozenset({5001}))
    assert peer(4001) in members
    assert peer(4002, 5000, 5001) in members
    assert peer(4002, 5000) not in members
    assert "4001" not in members
    assert peer(4001) not in Members()


def test_members_by_name() -> None:
    """Names of this machine become numbers; digits are numbers already; others are refused."""
    assert Members.named(["root", "4001"], ["root", "77"]) == Members(
        frozenset({0, 4001}), frozenset({0, 77})
    )
    with pytest.raises(ValueError, match="no user 'nosuchuser'"):
        Members.named(users=["nosuchuser"])
    with pytest.raises(ValueError, match="no group 'nosuchgroup'"):
        Members.named(groups=["nosuchgroup"])


def test_names_and_numbers() -> None:
    """Users without a name are shown by number."""
    assert user_name(0) == "root"
    assert user_name(3_999_999_999) == "3999999999"
    assert (user_number("root"), group_number("root")) == (0, 0)


def test_who_needs_no_rule() -> None:
    """Root and the service's own user may register anything."""
    accounts = Accounts(reservations=(reserve("net.tcp://+/"),))
    address = parse_base_address("net.tcp://+/a")
    assert accounts.refusal(peer(0), address) is None
    assert accounts.refusal(peer(os.geteuid()), address) is None
    assert accounts.refusal(peer(), address) is not None


def test_the_allowed() -> None:
    """Others are allowed by user or group, and are told how when they are not."""
    accounts = Accounts(Members(frozenset({4001}), frozenset({5001})))
    address = parse_base_address("net.tcp://+/a")
    assert accounts.refusal(peer(4001), address) is None
    assert accounts.refusal(peer(4002, 5001), address) is None
    refusal = accounts.refusal(peer(4002, 5002), address)
    assert refusal is not None
    assert "--allow-user" in refusal
    assert "4002" in refusal


RESERVED = [
    # who, address, may
    (4001, "net.tcp://+/apps", True),
    (4001, "net.tcp://+/apps/x", True),
    (4002, "net.tcp://+/apps/x", False),
    (4009, "net.tcp://+/apps/x", False),
    (4002, "net.tcp://+/apps/orders", True),
    (4002, "net.tcp://+/APPS/Orders/deep", True),
    (4001, "net.tcp://+/apps/orders", False),
    (4009, "net.tcp://+/appsish", True),
    (4009, "net.tcp://+/", False),
    (4009, "net.tcp://+:9/apps", True),
    # Wildcards and hosts may mean the same connections.
    (4009, "net.tcp://*/apps", False),
    (4009, "net.tcp://h/apps", False),
    # Two exact hosts do not.
    (4001, "net.tcp://a/hosted", True),
    (4009, "net.tcp://a/hosted", False),
    (4009, "net.tcp://b/hosted", True),
    (4009, "net.tcp://+/hosted", False),
]


@pytest.mark.parametrize(("uid", "address", "may"), RESERVED)
def test_reservations(uid: int, address: str, may: bool) -> None:
    """The most specific reservation decides; where there is none, the allowed may."""
    accounts = Accounts(
        Members(frozenset({4009})),
        (
            reserve("net.tcp://+/apps", 4001),
            reserve("net.tcp://+/apps/orders", 4002),
            reserve("net.tcp://a/hosted", 4001),
        ),
    )
    refusal = accounts.refusal(peer(uid), parse_base_address(address))
    assert (refusal is None) == may
    if refusal is not None and "hosted" in address:
        assert "net.tcp://a/hosted is reserved" in refusal


def test_serving_together() -> None:
    """Workers of one user may, and those of users for whom the address is reserved."""
    accounts = Accounts(reservations=(reserve("net.tcp://+/a", 4001, 4002),))
    a, b = parse_base_address("net.tcp://+/a"), parse_base_address("net.tcp://+/b")
    assert accounts.together(peer(4001), peer(4002), a)
    assert accounts.together(peer(4001), peer(0), a)
    assert not accounts.together(peer(4001), peer(4003), a)
    assert accounts.together(peer(4003), peer(4003), b)
    assert not accounts.together(peer(4001), peer(4002), b)
    assert not accounts.together(peer(0), peer(4001), b)
    assert (accounts.joins(peer(0), a), accounts.joins(peer(0), b)) == (True, False)


def test_the_default() -> None:
    """Without configuration there are no reservations, and no user is allowed by name."""
    accounts = Accounts.default()
    assert accounts.reservations == ()
    assert accounts.allowed.users == frozenset()


def test_a_peer_in_this_process() -> None:
    """The kernel names this process, its user and its groups."""
    one, other = socket.socketpair()
    with one, other:
        found = Peer.of(one)
    assert (found.pid, found.uid) == (os.getpid(), os.geteuid())
    assert found.groups >= {os.getegid()} | set(os.getgroups())
    assert "python" in found.commandLine or "pytest" in found.commandLine
    assert found.user == user_name(os.geteuid())


CONNECT = """
import os, socket, sys
os.setgroups([5002, 5003, 4_000_000_001])
os.setgid(5001)
os.setuid(int(sys.argv[1]))
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[2])
connection.recv(1)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process as another user")
@pytest.mark.parametrize("uid", [NOBODY, 4001, 0xFFFFFFF0])
def test_a_peer_of_another_user(uid: int) -> None:
    """User, group and every further group of a process are known, whatever their numbers."""
    # Not below tmp_path, which other users may not enter.
    path = f"{tempfile.gettempdir()}/netshare-test-{os.getpid()}-{uid}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        try:
            os.chmod(path, 0o666)
            listener.listen(1)
            listener.settimeout(20)
            arguments = [sys.executable, "-I", "-S", "-c", CONNECT, str(uid), path]
            with subprocess.Popen(arguments) as process:
                connection, _ = listener.accept()
                with connection:
                    found = Peer.of(connection)
                    assert found.commandLine.endswith(path)
        finally:
            os.unlink(path)
    assert (found.pid, found.uid) == (process.pid, uid)
    assert found.groups == {5001, 5002, 5003, 4_000_000_001}
    assert found.commandLine == ""
