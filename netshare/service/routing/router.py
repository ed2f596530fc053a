"""
The router: what an arrival's via says about where it goes.
"""

from __future__ import annotations

from collections.abc import Callable

from netshare.addresses import AddressError, Via, parse_via
from netshare.interfaces import IAddressResource, IArrival, IRoute
from netshare.outcomes import Outcome
from netshare.service.routing.tree import RoutingTree

#: How many vias' resources are remembered.
_MOST_REMEMBERED = 4096

#: Takes an arrival without a route that is to wait for one, its via, and whether that is reserved;
#: returns whether it waits.
Wait = Callable[[IArrival, Via, bool], bool]


def _never(arrival: IArrival, via: Via, reserved: bool) -> bool:
    return False


class Router:
    """
    Looks vias up in the tree, once each until the tree changes, and lets the resource render.

    :param tree: the addresses
    :param wait: asked before an arrival is told that its address has no route
    """

    def __init__(self, tree: RoutingTree, wait: Wait = _never) -> None:
        self._tree = tree
        self._wait = wait
        self._known: dict[str, IAddressResource] = {}
        #: The tree's generation that what is known belongs to.
        self._generation = tree.generation

    def route(self, arrival: IArrival) -> None:
        """
        Bring an arrival to the resource of its via, or refuse it.
        """
        if self._generation != self._tree.generation:
            self._known.clear()
            self._generation = self._tree.generation
        known = self._known.get(arrival.via)
        if known is not None:
            known.render(arrival)
            return
        try:
            via = parse_via(arrival.via)
        except AddressError as error:
            arrival.refuse(Outcome.BAD_VIA, f"the via is no address: {error}")
            return
        found = self._tree.find(via)
        if found is not None:
            self._remember(arrival.via, found.resource)
            found.resource.render(arrival)
        else:
            self._refuse(arrival, via)

    def leadsTo(self, via: str) -> IRoute | None:
        """
        The route of a via, as the tree is now; None where there is none.
        """
        try:
            found = self._tree.find(parse_via(via))
        except AddressError:
            return None
        return None if found is None else found.resource.route

    def _refuse(self, arrival: IArrival, via: Via) -> None:
        reserved = self._tree.reservation(via)
        if self._wait(arrival, via, reserved is not None):
            return
        if reserved is not None:
            arrival.refuse(
                Outcome.ENDPOINT_UNAVAILABLE, f"{reserved} is reserved and has no worker now"
            )
        else:
            arrival.refuse(Outcome.ENDPOINT_NOT_FOUND, self._notFound(via))

    def _notFound(self, via: Via) -> str:
        port = self._tree.otherPort(via)
        if port is None:
            return "no worker has registered this address"
        return (
            f"no worker has registered this address; its path is known on port {port}, and if "
            f"clients reach that as port {via.port}, set alias {via.port}={port}"
        )

    def _remember(self, via: str, resource: IAddressResource) -> None:
        """
        Keep the result of a lookup, but not one that an embedding program's resource made for
        this via: it may make another the next time.
        """
        if getattr(resource, "address", None) is not None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[via] = resource
