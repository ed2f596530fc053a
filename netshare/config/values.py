"""
What a configuration comes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from netshare.addresses import BaseAddress
from netshare.service.activation.spec import WorkerSpec
from netshare.service.desk.accounts import Accounts, Members
from netshare.service.front.ports import DEFAULT_ALLOWED, AllowedPorts
from netshare.service.quotas import Quotas
from netshare.service.routing.relay import CONNECT_TIMEOUT
from netshare.sockets.credentials import group_name, user_name

#: The names of the quotas, which are options and keys of the file alike.
QUOTA_NAMES = tuple(quota.name for quota in fields(Quotas))


@dataclass(frozen=True, slots=True)
class RelaySpec:
    """
    An address whose connections go to an unmodified server, or to one of several.
    """

    address: BaseAddress
    #: Twisted client endpoint strings, such as ``tcp:127.0.0.1:9000``; at least one.
    to: tuple[str, ...]
    #: Tell the server the client's address by a PROXY protocol version 2 header.
    proxy: bool = False
    #: Seconds that each server may take to accept.
    connectTimeout: float = CONNECT_TIMEOUT
    #: Seconds without a byte from either side until a connection is cut; None: any time.
    idleTimeout: float | None = None


@dataclass(frozen=True, slots=True)
class ListenSpec:
    """
    Something to listen on from the start.
    """

    #: A Twisted server endpoint string, such as ``tcp:808``.
    endpoint: str
    #: Close what comes back instead of routing it: a front has chosen this service.
    closeReturned: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """
    Everything ``twistd netshare`` can be told.
    """

    #: What to listen on from the start.
    listen: tuple[ListenSpec, ...] = ()
    #: Addresses of the interfaces on which ports are opened; none of them means all.
    interface: tuple[str, ...] = ()
    #: The ports that registrations may open.
    allowPort: AllowedPorts = DEFAULT_ALLOWED
    #: Public ports, and the registered ports that they stand for.
    alias: Mapping[int, int] = field(default_factory=dict)
    #: The control socket; None: see :func:`netshare.control.paths.service_control_path`.
    control: Path | None = None
    #: A file for one JSON line a connection; None: connections are in Twisted's log.
    connectionLog: Path | None = None
    accounts: Accounts = field(default_factory=Accounts.default)
    workers: tuple[WorkerSpec, ...] = ()
    relays: tuple[RelaySpec, ...] = ()
    quotas: Quotas = field(default_factory=Quotas)
    #: Where it is written, by what it is: ``listen tcp:808``, ``worker net.tcp://+/x`` and so on.
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def who_may_register(self) -> dict[str, list[str]]:
        """:returns: the users, the groups and the reservations, in words, by option."""
        allowed = self.accounts.allowed
        return {
            "allow-user": _users(allowed),
            "allow-group": _groups(allowed),
            "reservation": [
                f"{one.address} for "
                + (", ".join([*_users(one.members), *_groups(one.members)]) or "root only")
                for one in self.accounts.reservations
            ],
        }

    def origin(self, what: str) -> str:
        """
        :param what: such as ``listen tcp:808``
        :returns: the file and line, or the option, and what it is
        """
        where = self.origins.get(what, "")
        return f"{where}: {what}" if where else what


def _users(members: Members) -> list[str]:
    return [user_name(uid) for uid in sorted(members.users)]


def _groups(members: Members) -> list[str]:
    return [group_name(gid) for gid in sorted(members.groups)]
