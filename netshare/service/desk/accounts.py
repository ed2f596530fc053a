"""
Who may register what.

The original has a list of SIDs (allowAccounts) and checks it when a process connects. Here the
kernel names the process at the other end of the control socket (SO_PEERCRED), users and groups
have names, and an address prefix can be reserved for some of them, as HTTP.SYS does with urlacl.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from netshare.addresses import BaseAddress, HostNameComparisonMode
from netshare.sockets.credentials import Peer, group_number, user_number

#: The group whose members may register, if it exists on the machine.
DEFAULT_GROUP = "netshare"


@dataclass(frozen=True, slots=True)
class Members:
    """
    Users and groups, by number.
    """

    users: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()

    @classmethod
    def named(cls, users: Iterable[str] = (), groups: Iterable[str] = ()) -> Members:
        """
        :raises ValueError: a name is not known on this machine
        """
        return cls(frozenset(map(user_number, users)), frozenset(map(group_number, groups)))

    def __contains__(self, peer: object) -> bool:
        return isinstance(peer, Peer) and (
            peer.uid in self.users or not self.groups.isdisjoint(peer.groups)
        )


#: The order in which host names are compared.
_RANKS = {mode: rank for rank, mode in enumerate(HostNameComparisonMode)}


def _is_prefix(prefix: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    return segments[: len(prefix)] == prefix


@dataclass(frozen=True, slots=True)
class Reservation:
    """
    Addresses at and below a prefix, which only some may register.
    """

    address: BaseAddress
    members: Members

    def covers(self, address: BaseAddress) -> bool:
        """
        Whether a registration of this address needs the reservation's permission.

        Host names of different comparison modes can mean the same connections, so a reservation
        covers its port and path whatever the host, but for two different exact hosts. And it
        covers a shorter address whose host is compared before its own: that would take all of
        the reserved address's connections.
        """
        ours = self.address
        if address.port != ours.port or (ours.mode is address.mode and ours.host != address.host):
            return False
        return _is_prefix(ours.segments, address.segments) or (
            _RANKS[address.mode] < _RANKS[ours.mode] and _is_prefix(address.segments, ours.segments)
        )


@dataclass(frozen=True, slots=True)
class Accounts:
    """
    The rules: who may register at all, and which addresses are kept for whom.

    Root and the service's own user may always.
    """

    allowed: Members = field(default_factory=Members)
    reservations: tuple[Reservation, ...] = ()

    @classmethod
    def default(cls) -> Accounts:
        """
        Root, the service's own user, and the group ``netshare`` if it exists.
        """
        try:
            return cls(Members.named(groups=[DEFAULT_GROUP]))
        except ValueError:
            return cls()

    def trusts(self, peer: Peer) -> bool:
        """Whether no rule is needed for this peer: root, and the service's own user."""
        return peer.uid in (0, os.geteuid())

    def manages(self, peer: Peer, address: BaseAddress) -> bool:
        """
        Whether this peer may start, stop and exchange the workers of this address: those for whom
        it is reserved may, and those who need no rule.
        """
        if self.trusts(peer):
            return True
        return self._reserved(address) and self.refusal(peer, address) is None

    def together(self, one: Peer, other: Peer, address: BaseAddress) -> bool:
        """
        Whether two that want to may serve an address together: those of one user, and those for
        whom it is reserved.
        """
        if one.uid == other.uid:
            return True
        return self.joins(one, address) and self.joins(other, address)

    def joins(self, peer: Peer, address: BaseAddress) -> bool:
        """
        Whether a reservation lets this peer serve an address beside other users' workers.
        """
        return self._reserved(address) and self.manages(peer, address)

    def _reserved(self, address: BaseAddress) -> bool:
        return any(r.covers(address) for r in self.reservations)

    def refusal(self, peer: Peer, address: BaseAddress) -> str | None:
        """
        Why this peer may not register this address, as a sentence; None when it may.
        """
        if self.trusts(peer):
            return None
        covering = [r for r in self.reservations if r.covers(address)]
        if covering:
            # The most specific reservation decides, as the longest prefix does everywhere; of
            # several with the same path, for different hosts, all do.
            longest = max(len(r.address.segments) for r in covering)
            for reservation in covering:
                if len(reservation.address.segments) == longest and peer not in reservation.members:
                    return (
                        f"{reservation.address} is reserved, and not for user {peer.user}: "
                        "ask the administrator to add you to the [[reservation]]"
                    )
            return None
        if peer in self.allowed:
            return None
        return (
            f"user {peer.user} may not register addresses: the administrator allows users and "
            "groups with --allow-user and --allow-group"
        )
