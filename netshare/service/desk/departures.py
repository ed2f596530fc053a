"""
Workers that serve an address no longer and are not at their end yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from netshare.addresses import AddressKey, BaseAddress
from netshare.service.desk.registry import Registration


@dataclass(frozen=True, eq=False, slots=True)
class Leaving:
    """
    A registration that is no more, while its worker lets what it has come to an end.
    """

    registration: Registration
    #: When that has to be over, in the reactor's seconds.
    until: float


class Departures:
    """
    All of them, by address.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._leaving: dict[AddressKey, list[Leaving]] = {}

    def begin(self, registration: Registration, seconds: float) -> Leaving:
        """
        A registration was struck out; its worker has so many seconds.
        """
        leaving = Leaving(registration, self._clock.seconds() + seconds)
        self._leaving.setdefault(registration.address.key, []).append(leaving)
        return leaving

    def end(self, leaving: Leaving) -> None:
        """
        It is at its end.
        """
        key = leaving.registration.address.key
        self._leaving[key].remove(leaving)
        if not self._leaving[key]:
            del self._leaving[key]

    def of(self, address: BaseAddress) -> list[tuple[Registration, int]]:
        """
        Those of an address, each with the whole seconds that are left to it.
        """
        now = self._clock.seconds()
        return [
            (one.registration, max(round(one.until - now), 0))
            for one in self._leaving.get(address.key, ())
        ]
