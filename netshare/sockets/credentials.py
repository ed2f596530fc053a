"""
Who is at the other end of a UNIX socket, by the kernel's word.
"""

from __future__ import annotations

import grp
import pwd
import socket
import struct
from dataclasses import dataclass

_SO_PEERGROUPS = 59


@dataclass(frozen=True, slots=True)
class Peer:
    """
    The process at the other end of a control connection, at the time it connected.
    """

    pid: int
    uid: int
    groups: frozenset[int]

    @classmethod
    def of(cls, connection: socket.socket) -> Peer:
        """
        Ask the kernel (SO_PEERCRED and SO_PEERGROUPS of unix(7)).
        """
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid, uid, gid = struct.unpack("iII", credentials)
        try:
            # 1024 bytes, 256 groups, is as much as Python's getsockopt asks for.
            packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 1024)
        except OSError:
            packed = b""  # a kernel before 4.13, or a member of more groups than that
        others = struct.unpack(f"{len(packed) // 4}I", packed)
        return cls(pid, uid, frozenset((gid, *others)))

    @property
    def user(self) -> str:
        """The user's name, or its number where it has none."""
        return user_name(self.uid)

    @property
    def commandLine(self) -> str:
        """What the process was started as, as far as fits a line; empty when it is hidden."""
        try:
            with open(f"/proc/{self.pid}/cmdline", "rb") as file:
                return file.read(512).rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            return ""

    @property
    def isTraced(self) -> bool:
        """Whether another process, such as a debugger, has it in its hands."""
        try:
            with open(f"/proc/{self.pid}/status", "rb") as file:
                return any(
                    line.startswith(b"TracerPid:") and line.split()[1] != b"0" for line in file
                )
        except OSError:
            return False


def user_name(uid: int) -> str:
    """The name of a user number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The name of a group number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def user_number(name: str) -> int:
    """
    :raises ValueError: there is no such user
    """
    if name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ValueError(f"there is no user {name!r} on this machine") from None


def group_number(name: str) -> int:
    """
    :raises ValueError: there is no such group
    """
    if name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {name!r} on this machine") from None
