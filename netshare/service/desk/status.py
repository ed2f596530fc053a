"""
What operators see: the answers to ``netshare list``, ``who`` and ``stats``, as plain values.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from netshare import __version__
from netshare.addresses import BaseAddress, HostNameComparisonMode, parse_via
from netshare.interfaces import IRoute, IWorkerManager
from netshare.outcomes import Outcome
from netshare.service.desk.departures import Departures
from netshare.service.desk.registry import Registration, Registry
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.quotas import Admission
from netshare.service.recorders import OutcomeCounts
from netshare.service.routing.relay import RelayRoute
from netshare.service.workers.route import WorkerRoute

_WHY = {
    HostNameComparisonMode.STRONG_WILDCARD: "a strong wildcard (+), which comes before every host",
    HostNameComparisonMode.EXACT: "this very host",
    HostNameComparisonMode.WEAK_WILDCARD: "a weak wildcard (*), since no other host matched",
}

#: How many workers of one address are told of.
_MOST_WORKERS = 1000


class Status:
    """
    Reads the service's books.
    """

    def __init__(
        self,
        registry: Registry,
        admission: Admission,
        counts: OutcomeCounts,
        front: SharedPortFactory,
        settings: dict[str, Any],
    ) -> None:
        self._registry = registry
        self._admission = admission
        self._counts = counts
        self._front = front
        self._settings = settings
        #: Has the workers that the service starts, if it starts any.
        self.workers: IWorkerManager | None = None
        self.departures = Departures(registry.reactor)
        #: When the service began, in seconds since the epoch; the first one of those that took
        #: over from each other.
        self.started = registry.reactor.seconds()
        #: Services that were taken over and have not ended, by number, with how many connections
        #: need them.
        self.draining: dict[int, int] = {}

    def registrations(self, start: int, count: int) -> tuple[list[dict[str, Any]], int]:
        """
        A page of the list.

        :param start: where the page begins: 0, or what was returned with the page before
        :param count: how many rows it has at least, if there are so many; those of one address
            stay together, up to ten pages of them
        :returns: the rows, and where the next page begins: -1 behind the last
        """
        rows: list[dict[str, Any]] = []
        for number, address, route, registrations in self._registry.rows(start):
            if len(rows) >= count:
                return rows, number
            rows += self._describe(address, route, registrations[: 10 * count])
        return rows, -1

    def who(self, uri: str) -> dict[str, Any]:
        """
        Which registration a via reaches, and why.

        :raises AddressError: it is not a URI
        """
        via = parse_via(uri)
        found = self._registry.tree.find(via)
        answer: dict[str, Any] = {"via": uri, "found": found is not None}
        if found is None or found.resource.route is None:
            reserved = self._registry.tree.reservation(via)
            answer["why"] = f"no address on port {via.port} is a prefix of its path"
            if reserved is not None:
                answer["why"] = f"{reserved} is reserved, and no worker of it is registered"
            answer["fault"] = "EndpointUnavailable" if reserved else "EndpointNotFound"
            return answer
        route = found.resource.route
        matched = "/" + "/".join(via.segments[: found.depth])
        answer["why"] = (
            f"port {via.port}, {_WHY[found.mode]}; the longest registered prefix is {matched}"
        )
        address = getattr(found.resource, "address", None)
        registrations = []
        if address is not None:
            workers = self._registry.registrationsOf(address)
            registrations = self._describe(address, route, workers[:_MOST_WORKERS])
        answer["registrations"] = registrations or [{"kind": route.kind}]
        return answer

    def stats(self) -> dict[str, Any]:
        """
        Counters, and every setting in effect.
        """
        admission = self._admission
        return {
            "version": __version__.public(),
            "pid": os.getpid(),
            "since": _when(self.started),
            "draining": [
                {"pid": pid, "connections": count} for pid, count in self.draining.items()
            ],
            "listening": self._registry.ports.describe(),
            "accepted": self._counts.accepted,
            "returned": self._counts.returned,
            "outcomes": {
                outcome.value: self._counts.outcomes[outcome]
                for outcome in Outcome
                if self._counts.outcomes[outcome]
            },
            "undecided": self._front.holds,
            "accepting": not admission.paused,
            "pauses": admission.pauses,
            "links": admission.links,
            "linksCut": admission.linksCut,
            "descriptors": admission.descriptors,
            "descriptorLimit": admission.descriptorLimit,
            "registrations": len(self._registry),
            "addresses": len(self._registry.tree),
            "settings": {**asdict(admission.quotas), **self._settings},
        }

    def _describe(
        self, address: BaseAddress, route: IRoute, registrations: list[Registration]
    ) -> list[dict[str, Any]]:
        row: dict[str, Any] = {
            "address": str(address),
            "hostNameComparisonMode": address.mode.value,
            "kind": route.kind,
        }
        if not isinstance(route, WorkerRoute):
            if isinstance(route, RelayRoute):
                route.check()
                return [{**row, "state": route.state, "to": route.where}]
            return [{**row, "state": "ready"}]
        if self.workers is not None:
            row.update(self.workers.describe(address) or {})
        leaving = self.departures.of(address)[:_MOST_WORKERS]
        return [
            *(
                {
                    **row,
                    **_worker(registration),
                    "given": route.given[registration.lane],
                    "waiting": route.waiting,
                    "state": registration.lane.stateFor(registration.address),
                }
                for registration in registrations
            ),
            *([] if registrations else [{**row, "state": route.state}]),
            *(
                {
                    **row,
                    **_worker(registration),
                    "state": "draining",
                    "secondsLeft": seconds,
                }
                for registration, seconds in leaving
            ),
        ]


def _worker(registration: Registration) -> dict[str, Any]:
    """Who serves it."""
    link = registration.link
    return {
        "pid": link.peer.pid,
        **_claimed(registration),
        **({"generation": link.generation} if link.generation else {}),
        "user": link.peer.user,
        "commandLine": link.peer.commandLine,
        "since": _when(registration.since),
        "outstanding": registration.lane.outstanding,
        **_live(registration),
    }


def _live(registration: Registration) -> dict[str, int]:
    """How many connections it says it has, if it does."""
    live = registration.lane.live
    return {} if live is None else {"connections": live}


def _claimed(registration: Registration) -> dict[str, int]:
    """The worker's own number, where it is another: in a container, or behind one (0 to us)."""
    claimed, seen = registration.link.claimedPid, registration.link.peer.pid
    return {} if claimed is None or claimed == seen else {"claimedPid": claimed}


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
