"""
Where a connection can go, but for workers (:mod:`netshare.service.workers.route`) and relays
(:mod:`netshare.service.routing.relay`).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from zope.interface import implementer

from netshare.endpoints.preamble import factory_for
from netshare.interfaces import IArrival, IRoute
from netshare.outcomes import Outcome
from netshare.reactors import IReactor
from netshare.sockets.adoption import ClientGone, adopt


@implementer(IRoute)
class LocalRoute:
    """
    Connections feed a Factory in this process.

    The Factory gets every byte from the preamble on: it speaks net.tcp itself, or is wrapped by
    :class:`netshare.endpoints.preamble.ConsumingFactory`.
    """

    kind = "local"

    def __init__(self, reactor: IReactor, factory: IProtocolFactory) -> None:
        self._reactor = reactor
        self.factory = factory

    def render(self, arrival: IArrival) -> None:
        def connected(_: Any) -> None:
            # From here on the descriptor is the Factory's own affair, as with any listening port.
            arrival.take(Outcome.LOCAL, type(self.factory).__name__)

        try:
            factory = factory_for(self.factory, arrival.readData)
            transport = adopt(self._reactor, arrival.held, factory, arrival.readData, connected)
        except ClientGone as error:
            arrival.take(Outcome.CLIENT_GONE, str(error))
            return
        if transport is None:
            arrival.refuse(Outcome.SERVER_TOO_BUSY, "the Factory wants no more connections")


@implementer(IRoute)
class FaultRoute:
    """
    Connections are refused: for addresses that are closed for maintenance, say.

    :param outcome: one of the outcomes that a fault belongs to
    """

    kind = "fault"

    def __init__(self, outcome: Outcome, detail: str) -> None:
        self.outcome = outcome
        self.detail = detail

    def render(self, arrival: IArrival) -> None:
        arrival.refuse(self.outcome, self.detail)
