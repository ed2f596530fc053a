"""
What is different between two configurations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from netshare.config.values import Configuration, ListenSpec, RelaySpec
from netshare.service.activation.spec import WorkerSpec

#: What a running service cannot change; each is an option.
_FIXED = ("control", "interface", "alias", "connectionLog")

_Spec = TypeVar("_Spec", WorkerSpec, RelaySpec)


@dataclass(frozen=True, slots=True)
class Difference:
    """
    From one configuration to the next. What has changed at an address is removed and added.
    """

    listenAdded: tuple[ListenSpec, ...]
    listenRemoved: tuple[ListenSpec, ...]
    relaysAdded: tuple[RelaySpec, ...]
    relaysRemoved: tuple[RelaySpec, ...]
    workersAdded: tuple[WorkerSpec, ...]
    workersRemoved: tuple[WorkerSpec, ...]
    #: Whether other users or groups may register, or on other ports.
    permissions: tuple[str, ...]
    #: Options that take a restart.
    restart: tuple[str, ...]

    @classmethod
    def between(cls, old: Configuration, new: Configuration) -> Difference:
        """:returns: what it takes to go from one to the other"""
        return cls(
            tuple(one for one in new.listen if one not in old.listen),
            tuple(one for one in old.listen if one not in new.listen),
            _without(new.relays, old.relays),
            _without(old.relays, new.relays),
            _without(new.workers, old.workers),
            _without(old.workers, new.workers),
            tuple(_permissions(old, new)),
            (
                *(name for name in _FIXED if getattr(old, name) != getattr(new, name)),
                *(
                    quota.name
                    for quota in fields(new.quotas)
                    if getattr(old.quotas, quota.name) != getattr(new.quotas, quota.name)
                ),
            ),
        )

    @property
    def added(self) -> tuple[RelaySpec | WorkerSpec, ...]:
        """Addresses that are new, or served in another way."""
        return (*self.relaysAdded, *self.workersAdded)

    @property
    def removed(self) -> tuple[RelaySpec | WorkerSpec, ...]:
        """Addresses that are no longer served, or not in this way."""
        return (*self.relaysRemoved, *self.workersRemoved)

    def described(self) -> dict[str, list[str]]:
        """:returns: what is added, removed, changed, and what takes a restart, in words"""
        added = [
            *(f"listen {one.endpoint}" for one in self.listenAdded),
            *(f"relay {one.address}" for one in self.relaysAdded),
            *(f"worker {one.address}" for one in self.workersAdded),
        ]
        removed = [
            *(f"listen {one.endpoint}" for one in self.listenRemoved),
            *(f"relay {one.address}" for one in self.relaysRemoved),
            *(f"worker {one.address}" for one in self.workersRemoved),
        ]
        return {
            "added": [one for one in added if one not in removed],
            "removed": [one for one in removed if one not in added],
            "changed": [*(one for one in added if one in removed), *self.permissions],
            "restart": list(self.restart),
        }


def _without(specs: Sequence[_Spec], others: Sequence[_Spec]) -> tuple[_Spec, ...]:
    return tuple(spec for spec in specs if spec not in others)


def _permissions(old: Configuration, new: Configuration) -> list[str]:
    before, after = old.who_may_register(), new.who_may_register()
    changed = [name for name in after if before[name] != after[name]]
    return changed + (["allow-port"] if old.allowPort != new.allowPort else [])
