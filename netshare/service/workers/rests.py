"""
Which addresses of a worker rest, since it has said that it is busy with them.

A process has one lane for all of its addresses. What one Factory is too busy for says nothing about
the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from netshare.addresses import AddressKey, BaseAddress
from netshare.interfaces import IErrand
from netshare.reactors import IReactor

#: Seconds after which a worker that has said that it is busy is tried again.
BUSY_PAUSE = 0.05


class _Rest:
    """
    One address: how many connections may be under way for it, and which were given since.
    """

    __slots__ = ("given", "timer", "window")

    def __init__(self) -> None:
        self.window = 0
        self.given: set[IErrand] = set()
        self.timer: Any = None


class Rests:
    """
    The addresses of one lane that rest: each is given nothing for a while, then one connection,
    then twice as many with each answer that takes some, until it has as many as the lane.

    :param limit: how many connections may be under way on the lane
    :param freed: called when an address may be given some again
    """

    def __init__(self, reactor: IReactor, limit: int, freed: Callable[[], None]) -> None:
        self._reactor = reactor
        self._limit = limit
        self._freed = freed
        self._resting: dict[AddressKey, _Rest] = {}

    def __bool__(self) -> bool:
        return bool(self._resting)

    def busy(self, address: BaseAddress) -> None:
        """
        The worker takes no more for this address now.
        """
        rest = self._resting.setdefault(address.key, _Rest())
        rest.window = 0
        if rest.timer is None:
            rest.timer = self._reactor.callLater(BUSY_PAUSE, self._over, rest)

    def takes(self, address: BaseAddress) -> bool:
        """Whether this address may be given one more."""
        rest = self._resting.get(address.key)
        return rest is None or len(rest.given) < rest.window

    def gave(self, errand: IErrand) -> None:
        """A connection is under way."""
        rest = self._resting.get(errand.address.key)
        if rest is not None:
            rest.given.add(errand)

    def answered(self, errands: Iterable[IErrand], adopted: bool) -> None:
        """
        The worker has answered for these, in one go.

        :param adopted: it has taken them
        """
        told: dict[AddressKey, _Rest] = {}
        for errand in errands:
            key = errand.address.key
            rest = self._resting.get(key)
            if rest is not None:
                rest.given.discard(errand)
                told[key] = rest
        if adopted:
            for key, rest in told.items():
                rest.window = min(2 * rest.window, self._limit)
                if rest.window == self._limit:
                    del self._resting[key]

    def stop(self) -> None:
        """The lane is gone."""
        resting, self._resting = self._resting, {}
        for rest in resting.values():
            if rest.timer is not None:
                rest.timer.cancel()
                rest.timer = None

    def _over(self, rest: _Rest) -> None:
        rest.timer = None
        rest.window = 1
        self._freed()
