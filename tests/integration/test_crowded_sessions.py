"""
More sessions at once than a service behind the shared port may have: they wait, and are served or
told that it is too busy.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import deferLater

from netshare.framing.faults import Fault
from netshare.framing.records import END, PREAMBLE_ACK
from netshare.outcomes import Outcome
from netshare.service.quotas import Quotas
from netshare.transport import ServiceHost, ServiceThrottle
from tests.integration.hosting import binding
from tests.integration.running import RawClient, RunningService
from tests.peers.contracts import IBasic
from tests.peers.services import Basic

#: How many connections may wait in the worker, as at a port of its own (``max_connections``).
WAITING = 4
ACK, TOO_BUSY = PREAMBLE_ACK, Fault.SERVER_TOO_BUSY.record


@dataclass
class Crowd:
    """
    Clients that open a session each, at once.

    :param service: with a host at /basic
    :param hold: seconds for which a session is kept open
    """

    service: RunningService
    hold: float = 0.0
    #: By what clients were answered: how many, and after how many seconds each.
    answers: Counter[bytes] = field(default_factory=Counter)
    waited: dict[bytes, list[float]] = field(default_factory=dict)

    async def come(self, count: int) -> None:
        """All of them, until each was answered and has left."""
        began = time.monotonic()
        clients = [await self.service.call("basic") for _ in range(count)]
        await gatherResults([ensureDeferred(self._session(one, began)) for one in clients])

    async def _session(self, client: RawClient, began: float) -> None:
        answer = await client.until(1)
        if answer != ACK:
            answer = await client.end()
        self.answers[answer] += 1
        self.waited.setdefault(answer, []).append(time.monotonic() - began)
        if answer == ACK:
            await deferLater(self.service.reactor, self.hold)
            client.send(END)
            assert await client.until(2) == ACK + END
        client.abort()


async def busy_host(service: RunningService, most: int) -> ServiceHost:
    """IBasic behind the port, with so many sessions at a time."""
    throttle = ServiceThrottle(max_concurrent_sessions=most)
    host = ServiceHost(Basic, service.reactor, control=service.control, throttle=throttle)
    host.add_endpoint(
        IBasic, binding(port_sharing_enabled=True, max_connections=1), service.address("basic")
    )
    await host.open()
    return host


async def crowd(
    folder: Path, reactor: Any, count: int, most: int, hold: float, patience: float
) -> tuple[Crowd, Counter[Outcome]]:
    """
    So many clients at a host with so many sessions at a time, each held for so long.

    :returns: how they were answered, and what the service has counted when all is over
    """
    service = RunningService(reactor, folder, quotas=Quotas(dispatchTimeout=patience))
    await service.start()
    host = await busy_host(service, most)
    one = Crowd(service, hold)
    await one.come(count)
    again = Crowd(service)
    await again.come(1)
    assert again.answers == {ACK: 1}
    await service.settle(lambda: service.count(Outcome.HANDED_OVER) == one.answers[ACK] + 1)
    await host.close(2.0)
    await service.settle(service.balanced)
    outcomes = Counter(
        {key: count for key, count in service.shared.counts.outcomes.items() if count}
    )
    await service.stop()
    return one, outcomes


@pytest.mark.parametrize("most", [2, 50])
async def test_a_crowd_is_served(tmp_path: Path, most: int) -> None:
    """All are served, so many at a time; none is refused, and nothing is left over."""
    from twisted.internet import reactor

    done, outcomes = await crowd(tmp_path, reactor, 300, most, 0.0, 30.0)
    assert done.answers == {ACK: 300}
    assert outcomes == {Outcome.HANDED_OVER: 301}


@pytest.mark.parametrize("most", [2, 50])
async def test_a_crowd_is_told(tmp_path: Path, most: int) -> None:
    """Those whose time is over while all sessions are held are told that the server is too busy."""
    from twisted.internet import reactor

    done, outcomes = await crowd(tmp_path, reactor, 200, most, 4.0, 2.0)
    # One address leaves an eighth of the sessions to others.
    share = most - most // 8
    served = done.answers[ACK]
    assert share <= served <= share + WAITING
    assert done.answers == {ACK: served, TOO_BUSY: 200 - served}
    assert outcomes == {Outcome.HANDED_OVER: served + 1, Outcome.SERVER_TOO_BUSY: 200 - served}
    assert min(done.waited[TOO_BUSY]) >= 1.9
    assert max(done.waited[TOO_BUSY]) < 4.0
