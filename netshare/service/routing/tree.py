"""
The tree of addresses, and who of several gets a via.

After the idea of ``twisted.web``: a tree of resources, walked one path segment at a time with
``getChildWithDefault``, and the one where the walk ends renders the connection. Two things
differ from the web. A connection goes to the *deepest* resource on its way that has a route
(longest prefix, on whole segments), so that a child that does not exist is no error. And above
the paths there are two more levels: the port, which is part of the address, and the host, which
is tried three times, in the order of WCF's host name comparison modes: strong wildcard, exact,
weak wildcard. The first of the three with any match wins, even if a later one is longer.

An address can be *reserved*: vias at and below it go to a route at or below it, which only those
it is reserved for may register, and never to one above.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from zope.interface import implementer

from netshare.addresses import NET_TCP, AddressKey, BaseAddress, HostNameComparisonMode, Via
from netshare.interfaces import IAddressResource, IArrival, IRoute


class AddressTaken(Exception):
    """
    The address has a route already.
    """


@implementer(IAddressResource)
class AddressResource:
    """
    One segment of the tree. Subclasses may override :meth:`getChild` to have children that
    was not put there.
    """

    __slots__ = ("address", "children", "route")

    def __init__(self, route: IRoute | None = None) -> None:
        self.route = route
        #: The address that was registered here, as it was written.
        self.address: BaseAddress | None = None
        self.children: dict[str, IAddressResource] = {}

    def getChildWithDefault(self, segment: str, via: Via) -> IAddressResource | None:
        child = self.children.get(segment)
        return self.getChild(segment, via) if child is None else child

    def getChild(self, segment: str, via: Via) -> IAddressResource | None:
        """
        Called for a segment that was not put here.

        :returns: a resource, or None: the tree ends here
        """
        return None

    def putChild(self, segment: str, child: IAddressResource) -> None:
        self.children[segment] = child

    def render(self, arrival: IArrival) -> None:
        if self.route is None:
            raise LookupError("nothing is registered here")
        self.route.render(arrival)


@dataclass(frozen=True, slots=True)
class Found:
    """
    What a lookup came to, and how: for routing, and for ``netshare who``.
    """

    resource: IAddressResource
    mode: HostNameComparisonMode
    #: How many of the via's segments the match covers.
    depth: int


class _Hosts:
    """
    The three ways of comparing hosts, for one port.
    """

    __slots__ = ("exact", "strong", "weak")

    def __init__(self) -> None:
        self.strong = AddressResource()
        self.exact: dict[str, AddressResource] = {}
        self.weak = AddressResource()

    def candidates(self, host: str) -> Iterator[tuple[HostNameComparisonMode, AddressResource]]:
        yield HostNameComparisonMode.STRONG_WILDCARD, self.strong
        exact = self.exact.get(host)
        if exact is not None:
            yield HostNameComparisonMode.EXACT, exact
        yield HostNameComparisonMode.WEAK_WILDCARD, self.weak

    def root(self, mode: HostNameComparisonMode, host: str) -> AddressResource | None:
        if mode is HostNameComparisonMode.STRONG_WILDCARD:
            return self.strong
        if mode is HostNameComparisonMode.WEAK_WILDCARD:
            return self.weak
        return self.exact.get(host)


#: On how many other ports a path is looked for that is unknown on its own.
_MOST_OTHER_PORTS = 16


class RoutingTree:
    """
    Every address of a shared port, in process or registered.

    :param aliases: public ports, and the registered ports that they stand for: clients reach a
        container, or what is behind a forwarder, by another port than the one it knows of
    """

    def __init__(self, aliases: Mapping[int, int] | None = None) -> None:
        self._aliases = dict(aliases or {})
        self._ports: dict[int, _Hosts] = {}
        #: Reserved addresses by port, those with the longest path first.
        self._reserved: dict[int, list[BaseAddress]] = {}
        #: Every route by its number, in the order in which they came; and the numbers of addresses.
        self._routes: dict[int, tuple[BaseAddress, IRoute]] = {}
        self._numbers: dict[AddressKey, int] = {}
        #: The numbers in order; some of them are gone.
        self._order: list[int] = []
        self._last = 0
        #: Grows with every change; those who keep the result of a lookup compare it.
        self.generation = 0

    def __len__(self) -> int:
        return len(self._routes)

    def reserve(self, address: BaseAddress) -> None:
        """
        Let no route above an address have the vias at and below it.
        """
        reserved = self._reserved.setdefault(address.port, [])
        reserved.append(address)
        reserved.sort(key=lambda one: len(one.segments), reverse=True)
        self.generation += 1

    def unreserve(self, address: BaseAddress) -> None:
        """
        Take a reservation back.
        """
        self._reserved[address.port].remove(address)
        self.generation += 1

    def reservation(self, via: Via) -> BaseAddress | None:
        """
        The most specific reservation that a via lies in. One for a wildcard host covers every host,
        since the names of different comparison modes can mean the same connections.
        """
        for reserved in self._reserved.get(self._aliases.get(via.port, via.port), ()):
            exact = reserved.mode is HostNameComparisonMode.EXACT
            if (not exact or reserved.host == via.host) and (
                via.segments[: len(reserved.segments)] == reserved.segments
            ):
                return reserved
        return None

    def put(self, address: BaseAddress, route: IRoute) -> None:
        """
        :raises AddressTaken: the address has a route
        """
        node = self._make(address)
        if node.route is not None:
            raise AddressTaken(str(address))
        node.route = route
        node.address = address
        self._last += 1
        self._routes[self._last] = (address, route)
        self._numbers[address.key] = self._last
        self._order.append(self._last)
        self.generation += 1

    def putChild(self, address: BaseAddress, child: IAddressResource) -> None:
        """
        Put a resource of one's own, with a whole tree below it, at an address.

        :raises AddressTaken: something is there already
        """
        if not address.segments:
            raise AddressTaken(str(address))
        parent = self._make(address, address.segments[:-1])
        if address.segments[-1] in parent.children:
            raise AddressTaken(str(address))
        parent.putChild(address.segments[-1], child)
        self.generation += 1

    def get(self, address: BaseAddress) -> IRoute | None:
        """
        The route of exactly this address.
        """
        node = self._node(address)
        return None if node is None else node.route

    def remove(self, address: BaseAddress) -> None:
        """
        :raises KeyError: the address has no route
        """
        hosts = self._ports.get(address.port)
        root = hosts.root(address.mode, address.host) if hosts else None
        if hosts is None or root is None:
            raise KeyError(str(address))
        path = [root]
        for segment in address.segments:
            child = _child(path[-1], segment)
            if child is None:
                raise KeyError(str(address))
            path.append(child)
        node = path[-1]
        if node.route is None:
            raise KeyError(str(address))
        node.route = None
        node.address = None
        del self._routes[self._numbers.pop(address.key)]
        if len(self._order) > 2 * len(self._routes) + 64:
            self._order = list(self._routes)
        self.generation += 1
        for parent, segment in zip(reversed(path[:-1]), reversed(address.segments), strict=True):
            if not _is_empty(parent.children[segment]):
                return
            del parent.children[segment]
        if _is_empty(root) and address.mode is HostNameComparisonMode.EXACT:
            del hosts.exact[address.host]
        if not hosts.exact and _is_empty(hosts.strong) and _is_empty(hosts.weak):
            del self._ports[address.port]

    def find(self, via: Via) -> Found | None:
        """
        Where a connection goes that asks for ``via``; None when nothing is there for it.
        """
        hosts = self._ports.get(self._aliases.get(via.port, via.port))
        if hosts is None or via.scheme != NET_TCP:
            return None
        reserved = self.reservation(via)
        least = len(reserved.segments) if reserved is not None else 0
        for mode, root in hosts.candidates(via.host):
            found = Found(root, mode, 0) if root.route is not None and least == 0 else None
            node: IAddressResource = root
            for depth, segment in enumerate(via.segments, 1):
                child = node.getChildWithDefault(segment, via)
                if child is None:
                    break
                node = child
                if node.route is not None and depth >= least:
                    found = Found(node, mode, depth)
            if found is not None:
                return found
        return None

    def otherPort(self, via: Via) -> int | None:
        """
        A port on which there is something for the rest of the via; None where there is none, or
        none among the first ports that are looked at.
        """
        for port in islice(self._ports, _MOST_OTHER_PORTS):
            found = self.find(replace(via, port=port))
            if found is not None and found.depth:
                return port
        return None

    def overshadowed(self, address: BaseAddress) -> Iterator[IRoute]:
        """
        The routes that may lose vias to a new registration of ``address``: those whose prefix
        it lengthens, and those whose hosts are compared later.
        """
        hosts = self._ports.get(address.port)
        if hosts is None:
            return
        same = hosts.root(address.mode, address.host)
        if same is not None:
            yield from _above(same, address.segments)
        later: list[AddressResource] = []
        if address.mode is HostNameComparisonMode.STRONG_WILDCARD:
            later.extend(hosts.exact.values())
        if address.mode is not HostNameComparisonMode.WEAK_WILDCARD:
            later.append(hosts.weak)
        for root in later:
            yield from _above(root, address.segments)
            yield from _at_and_below(root, address.segments)

    def __iter__(self) -> Iterator[tuple[BaseAddress, IRoute]]:
        return iter(self._routes.values())

    def since(self, number: int) -> Iterator[tuple[int, BaseAddress, IRoute]]:
        """
        The routes from a number on, in the order in which they came, with their numbers: so that a
        long list can be read in pieces, each at the cost of that piece.

        :param number: 0, or one that was told before; its route may be gone by now
        """
        for at in range(bisect_left(self._order, number), len(self._order)):
            route = self._routes.get(self._order[at])
            if route is not None:
                yield self._order[at], *route

    def _make(
        self, address: BaseAddress, segments: tuple[str, ...] | None = None
    ) -> AddressResource:
        hosts = self._ports.setdefault(address.port, _Hosts())
        if address.mode is HostNameComparisonMode.EXACT:
            node = hosts.exact.setdefault(address.host, AddressResource())
        elif address.mode is HostNameComparisonMode.STRONG_WILDCARD:
            node = hosts.strong
        else:
            node = hosts.weak
        for segment in address.segments if segments is None else segments:
            child = node.children.get(segment)
            if child is None:
                child = node.children[segment] = AddressResource()
            if not isinstance(child, AddressResource):
                raise AddressTaken(f"{address}: what stands above it has children of its own")
            node = child
        return node

    def _node(self, address: BaseAddress) -> AddressResource | None:
        hosts = self._ports.get(address.port)
        node = hosts.root(address.mode, address.host) if hosts else None
        for segment in address.segments:
            if node is None:
                return None
            node = _child(node, segment)
        return node


def _child(node: AddressResource, segment: str) -> AddressResource | None:
    """The child of that name, if it is one that addresses can be registered on."""
    child = node.children.get(segment)
    return child if isinstance(child, AddressResource) else None


def _is_empty(node: object) -> bool:
    return type(node) is AddressResource and node.route is None and not node.children


def _above(root: AddressResource, segments: tuple[str, ...]) -> Iterator[IRoute]:
    """Routes at proper prefixes of the segments."""
    node: AddressResource | None = root
    for segment in segments:
        if node is None:
            return
        if node.route is not None:
            yield node.route
        node = _child(node, segment)


def _at_and_below(root: AddressResource, segments: tuple[str, ...]) -> Iterator[IRoute]:
    node = root
    for segment in segments:
        child = _child(node, segment)
        if child is None:
            return
        node = child
    for _, route in _registered(node):
        yield route


def _registered(root: AddressResource) -> Iterator[tuple[BaseAddress, IRoute]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.address is not None and node.route is not None:
            yield node.address, node.route
        waiting.extend(
            child for child in node.children.values() if isinstance(child, AddressResource)
        )
