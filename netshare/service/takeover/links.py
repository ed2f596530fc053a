"""
The links of all workers, and what waits for them: given to another process, and taken up there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from twisted.internet.protocol import Factory

from netshare.addresses import parse_base_address
from netshare.control.commands import RegistrationError
from netshare.interfaces import IErrand
from netshare.logger import Logger
from netshare.service.desk.passing import PassableLink
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.desk.registry import Registry
from netshare.service.front.arrival import Arrival
from netshare.service.front.ports import PortNotAllowed, PortUnavailable
from netshare.service.records import FORMAT, ExpectRecord, Handed, LinkRecord, SentRecord
from netshare.service.shared import SharedPort
from netshare.service.workers.fastlane import FastLane
from netshare.service.workers.lanes import Lane
from netshare.service.workers.route import Errand, WorkerRoute
from netshare.sockets.credentials import Peer
from netshare.sockets.held import HeldSocket

log = Logger()


class Links:
    """
    Those of a service that gives.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._passed: set[Any] = set()

    def freeze(self, frozen: bool) -> None:
        """
        Give workers nothing, so that what is under way comes to rest; or give again.
        """
        for lane in self._lanes():
            lane.freeze(frozen)

    def settled(self) -> bool:
        """Whether no connection is in this process's hands and a worker's at once."""
        return all(lane.settled for lane in self._lanes())

    def handed_over(self, format: int, successor: Peer) -> Iterator[Handed]:
        """
        Links, in the form that the successor knows; addresses whose links cannot go; and what
        waits.
        """
        registry = self._registry
        self._passed.clear()
        for lane in self._lanes():
            if isinstance(lane, FastLane):
                lane.flush()
        for link in list(registry.links) if format == FORMAT else ():
            if isinstance(link, PassableLink) and link.peer.pid != successor.pid:
                handed = link.state_for()
                if handed is not None:
                    self._passed.add(link)
                    yield from link.handed_over(handed)
        for route, registrations in registry.places():
            seconds = route.expectation()
            if registrations and not any(one.link in self._passed for one in registrations):
                seconds = max(seconds, registry.quotas.expectAfterStart)
            if seconds > 0:
                yield Handed(ExpectRecord(str(route.address), seconds))
        for route, _ in registry.places():
            yield from route.handed_over()
        for lane in self._lanes():
            yield from lane.handed_over()

    def letGo(self) -> None:
        """
        Another process has what was handed over. Links that could not go are closed: their
        workers come again, to that process.
        """
        for route, _ in self._registry.places():
            route.letGo()
        for link in list(self._registry.links):
            if isinstance(link, PassableLink):
                if link in self._passed:
                    link.leave()
                else:
                    link.letGo()

    def _lanes(self) -> list[Lane]:
        links = [link for link in self._registry.links if isinstance(link, PassableLink)]
        return [link.lane for link in links if link.lane is not None]


def take_up_link(shared: SharedPort, handed: Handed, sent: Sequence[SentRecord]) -> None:
    """
    Go on with a link.

    :param sent: what its worker has not answered for
    """
    record: Any = handed.record
    assert isinstance(record, LinkRecord)
    fast = record.lane is not None and bool(record.lane.form)
    count = 3 if fast else 1
    least = count + len(record.conversation.unclaimed)
    if len(handed.descriptors) != least:
        for descriptor in handed.descriptors:
            os.close(descriptor)
        log.warn("a link came with {count} descriptors", count=len(handed.descriptors))
        return
    (link_end, *ends), unclaimed = handed.descriptors[:count], handed.descriptors[count:]
    granted = [parse_base_address(one) for one in record.granted]
    peer = Peer(record.pid, record.uid, frozenset(record.groups))
    watcher = None
    if granted and shared.desk.workers is not None:
        watcher = shared.desk.workers.watcherOf(peer.pid)
    link = DeskProtocol(shared.desk, granted, peer, watcher)
    os.set_blocking(link_end, False)
    shared.reactor.adoptStreamConnection(link_end, socket.AF_UNIX, _Only(link))
    os.close(link_end)
    lane = None
    if fast:
        lane = socket.socket(fileno=ends[0]), socket.socket(fileno=ends[1])
    try:
        link.resume(record, lane, unclaimed, partial(_errands, shared, sent))
    except (RegistrationError, PortNotAllowed, PortUnavailable) as error:
        link.cut(f"it is not registered any more: {error}")
    else:
        if watcher is not None and record.registered:
            watcher.registered(link)


def _errands(shared: SharedPort, sent: Sequence[SentRecord]) -> list[IErrand]:
    routes = {str(route.address): route for route, _ in shared.registry.places()}
    return [_errand(shared, one, routes.get(one.address)) for one in sent]


def _errand(shared: SharedPort, record: SentRecord, route: WorkerRoute | None) -> IErrand:
    if route is None:  # it is registered no more: there is only the answer to be counted
        address = parse_base_address(record.address)
        route = WorkerRoute(shared.reactor, address, shared.quotas)
    ending, gone = shared.factory.ending, HeldSocket(-1)
    arrival = Arrival(ending, gone, record.via, record.readData, record.peer, record.local)
    arrival.named = record.named
    errand = Errand(route, arrival)
    errand.over = record.over
    if not record.over:
        shared.admission.hold()
    return errand


class _Only(Factory):
    """Makes the service's end of one link."""

    noisy = False

    def __init__(self, link: PassableLink) -> None:
        self._link = link

    def buildProtocol(self, addr: object) -> Any:
        return self._link
