"""netshare.service.routing.tree: who of several gets a via."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from zope.interface import implementer
from zope.interface.verify import verifyClass, verifyObject

from netshare.addresses import (
    BaseAddress,
    HostNameComparisonMode,
    Via,
    parse_base_address,
    parse_via,
)
from netshare.interfaces import IAddressResource, IRoute
from netshare.service.routing.tree import AddressResource, AddressTaken, Found, RoutingTree

STRONG = HostNameComparisonMode.STRONG_WILDCARD
EXACT = HostNameComparisonMode.EXACT
WEAK = HostNameComparisonMode.WEAK_WILDCARD


@implementer(IRoute)
class Route:
    """A route with a name."""

    kind = "test"

    def __init__(self, name: str) -> None:
        self.name = name
        self.rendered: list[Any] = []

    def render(self, arrival: Any) -> None:
        self.rendered.append(arrival)

    def __repr__(self) -> str:
        return self.name


def tree_of(*addresses: str) -> RoutingTree:
    """A tree with one route an address, named after it."""
    tree = RoutingTree()
    for address in addresses:
        tree.put(parse_base_address(address), Route(address))
    return tree


def reached(tree: RoutingTree, via: str) -> str | None:
    found = tree.find(parse_via(via))
    return None if found is None else str(found.resource.route)


def test_the_interfaces() -> None:
    """Resources and routes provide what the house promises."""
    verifyClass(IAddressResource, AddressResource)
    verifyObject(IAddressResource, AddressResource(Route("r")))
    verifyObject(IRoute, Route("r"))


PRECEDENCE = [
    # registered, via, who gets it
    (["net.tcp://+/a"], "net.tcp://h/a", "net.tcp://+/a"),
    (["net.tcp://+/a"], "net.tcp://h/a/b/c", "net.tcp://+/a"),
    (["net.tcp://+/a"], "net.tcp://h/ab", None),
    (["net.tcp://+/a"], "net.tcp://h/", None),
    (["net.tcp://+/a"], "net.tcp://h:809/a", None),
    (["net.tcp://+/a"], "http://h:808/a", None),
    (["net.tcp://+/"], "net.tcp://h", "net.tcp://+/"),
    (["net.tcp://+/", "net.tcp://+/a"], "net.tcp://h/b", "net.tcp://+/"),
    (["net.tcp://+/a", "net.tcp://+/a/b"], "net.tcp://h/a/b/c", "net.tcp://+/a/b"),
    (["net.tcp://+/a", "net.tcp://+/a/b"], "net.tcp://h/a/bc", "net.tcp://+/a"),
    (["net.tcp://+/a/b/c", "net.tcp://+/a"], "net.tcp://h/a/b", "net.tcp://+/a"),
    # A short strong wildcard comes before a longer exact host.
    (["net.tcp://+/", "net.tcp://h/a/b"], "net.tcp://h/a/b", "net.tcp://+/"),
    (["net.tcp://+/x", "net.tcp://h/a"], "net.tcp://h/a", "net.tcp://h/a"),
    (["net.tcp://h/", "net.tcp://*/a/b"], "net.tcp://h/a/b", "net.tcp://h/"),
    (["net.tcp://h/x", "net.tcp://*/a"], "net.tcp://h/a", "net.tcp://*/a"),
    (["net.tcp://g/a", "net.tcp://*/a"], "net.tcp://h/a", "net.tcp://*/a"),
    (["net.tcp://+/a", "net.tcp://h/a", "net.tcp://*/a"], "net.tcp://h/a", "net.tcp://+/a"),
    # The port is part of the key.
    (["net.tcp://+:1/a", "net.tcp://*:2/a"], "net.tcp://h:2/a", "net.tcp://*:2/a"),
    # Forms of one address.
    (["net.tcp://+/App/Orders"], "NET.TCP://H:808//app%2FORDERS/1", "net.tcp://+/App/Orders"),
    (["net.tcp://[::1]/a"], "net.tcp://[0::1]/a", "net.tcp://[::1]/a"),
    (["net.tcp://h/a"], "net.tcp://user@h/a", None),
]


@pytest.mark.parametrize(("registered", "via", "winner"), PRECEDENCE)
def test_precedence(registered: list[str], via: str, winner: str | None) -> None:
    """Strong wildcard, exact, weak wildcard; within one of them the longest prefix."""
    assert reached(tree_of(*registered), via) == winner
    assert reached(tree_of(*reversed(registered)), via) == winner


def test_what_was_found() -> None:
    """A lookup tells how the match came about."""
    tree = tree_of("net.tcp://*/a/b")
    found = tree.find(parse_via("net.tcp://h/A/B/c"))
    assert isinstance(found, Found)
    assert (found.mode, found.depth) == (WEAK, 2)


def test_render() -> None:
    """A resource renders through its route, and one without a route says so."""
    route = Route("r")
    arrival: Any = object()
    AddressResource(route).render(arrival)
    assert route.rendered == [arrival]
    with pytest.raises(LookupError):
        AddressResource().render(arrival)


def test_taken() -> None:
    """One address has one route, however it is spelled; another mode is another address."""
    tree = tree_of("net.tcp://+/a")
    with pytest.raises(AddressTaken):
        tree.put(parse_base_address("net.tcp://h:808//A/", STRONG), Route("x"))
    tree.put(parse_base_address("net.tcp://*/a"), Route("weak"))
    tree.put(parse_base_address("net.tcp://h/a"), Route("exact"))
    tree.put(parse_base_address("net.tcp://+/a/b"), Route("deeper"))
    assert len(tree) == 4
    assert str(tree.get(parse_base_address("net.tcp://*/A"))) == "weak"
    assert tree.get(parse_base_address("net.tcp://*/A/b")) is None
    assert tree.get(parse_base_address("net.tcp://+:9/a")) is None


@pytest.mark.parametrize(
    "missing",
    ["net.tcp://+/b", "net.tcp://+/a", "net.tcp://*/a/b", "net.tcp://h/a", "net.tcp://+:1/"],
)
def test_removing_what_is_not_there(missing: str) -> None:
    """Removing an address without a route is a KeyError and changes nothing."""
    tree = tree_of("net.tcp://+/a/b")
    generation = tree.generation
    with pytest.raises(KeyError):
        tree.remove(parse_base_address(missing))
    assert (len(tree), tree.generation) == (1, generation)
    assert reached(tree, "net.tcp://h/a/b") == "net.tcp://+/a/b"


def test_removal_prunes() -> None:
    """Nothing of a removed address stays behind, and everything of the others does."""
    addresses = ["net.tcp://+/a/b/c", "net.tcp://+/a", "net.tcp://h/x", "net.tcp://*:9/"]
    tree = tree_of(*addresses)
    tree.remove(parse_base_address("net.tcp://+/a/b/c"))
    strong = tree._ports[808].strong
    assert list(strong.children) == ["a"]
    assert not strong.children["a"].children  # type: ignore[attr-defined]
    tree.remove(parse_base_address("net.tcp://h/x"))
    assert not tree._ports[808].exact
    tree.remove(parse_base_address("net.tcp://+/a"))
    assert list(tree._ports) == [9]
    tree.remove(parse_base_address("net.tcp://*:9/"))
    assert not tree._ports
    assert len(tree) == 0


def test_a_middle_route_is_removed_alone() -> None:
    """Removing an address leaves those below it."""
    tree = tree_of("net.tcp://+/a", "net.tcp://+/a/b")
    tree.remove(parse_base_address("net.tcp://+/a"))
    assert reached(tree, "net.tcp://h/a") is None
    assert reached(tree, "net.tcp://h/a/b") == "net.tcp://+/a/b"


def test_the_generation() -> None:
    """Every change is seen in the generation, a lookup is not."""
    tree = RoutingTree()
    seen = {tree.generation}
    address = parse_base_address("net.tcp://+/a")
    for change in (
        lambda: tree.put(address, Route("r")),
        lambda: tree.remove(address),
        lambda: tree.putChild(address, AddressResource()),
    ):
        change()
        assert tree.generation not in seen
        seen.add(tree.generation)
        reached(tree, "net.tcp://h/a")
        assert tree.generation in seen


OVERSHADOWED = [
    # registered, new, who may lose vias to it
    (["net.tcp://+/", "net.tcp://+/a"], "net.tcp://+/a/b", {"net.tcp://+/", "net.tcp://+/a"}),
    (["net.tcp://+/a/b"], "net.tcp://+/a", set()),
    (["net.tcp://+/a"], "net.tcp://+/b", set()),
    (["net.tcp://+/a"], "net.tcp://+:9/a/b", set()),
    (["net.tcp://h/a/b", "net.tcp://*/a"], "net.tcp://+/a", {"net.tcp://h/a/b", "net.tcp://*/a"}),
    (["net.tcp://h/", "net.tcp://g/a"], "net.tcp://+/a/b", {"net.tcp://h/", "net.tcp://g/a"}),
    (["net.tcp://h/c"], "net.tcp://+/a", set()),
    (["net.tcp://+/", "net.tcp://*/a/b"], "net.tcp://h/a", {"net.tcp://*/a/b"}),
    (["net.tcp://g/"], "net.tcp://h/a", set()),
    (["net.tcp://+/a", "net.tcp://h/a"], "net.tcp://*/a/b", set()),
    (["net.tcp://*/"], "net.tcp://*/a", {"net.tcp://*/"}),
]


@pytest.mark.parametrize(("registered", "new", "losers"), OVERSHADOWED)
def test_overshadowed(registered: list[str], new: str, losers: set[str]) -> None:
    """A registration takes vias from shorter prefixes, and from hosts compared later."""
    tree = tree_of(*registered)
    address = parse_base_address(new)
    assert {str(route) for route in tree.overshadowed(address)} == losers
    tree.put(address, Route("new"))  # whether it is in the tree already makes no difference
    assert {str(route) for route in tree.overshadowed(address)} == losers


class CountingResource(AddressResource):
    """A resource that makes its children, and counts how often it is asked."""

    __slots__ = ("asked",)

    def __init__(self, route: IRoute | None = None) -> None:
        super().__init__(route)
        self.asked: list[str] = []

    def getChild(self, segment: str, via: Via) -> IAddressResource | None:
        self.asked.append(segment)
        return None if segment == "stop" else AddressResource(Route(f"made for {segment}"))


@implementer(IAddressResource)
class Foreign:
    """A resource that shares no code with netshare's."""

    route = None

    def __init__(self, child: Any = None) -> None:
        self.child = child

    def getChildWithDefault(self, segment: str, via: Via) -> Any:
        return self.child

    def putChild(self, segment: str, child: Any) -> None:
        raise NotImplementedError

    def render(self, arrival: Any) -> None:
        raise NotImplementedError


def test_resources_of_ones_own() -> None:
    """A resource of the embedding program decides below its address; nobody else does there."""
    tree = tree_of("net.tcp://+/a")
    custom = CountingResource()
    tree.putChild(parse_base_address("net.tcp://+/a/custom"), custom)
    assert reached(tree, "net.tcp://h/a/custom") == "net.tcp://+/a"
    assert reached(tree, "net.tcp://h/a/custom/Some") == "made for some"
    assert reached(tree, "net.tcp://h/a/custom/stop/some") == "net.tcp://+/a"
    assert custom.asked == ["some", "stop"]
    # Addresses may be registered on it, too, as long as it is one of ours.
    tree.put(parse_base_address("net.tcp://+/a/custom/fixed"), Route("fixed"))
    assert reached(tree, "net.tcp://h/a/custom/fixed") == "fixed"
    tree.remove(parse_base_address("net.tcp://+/a/custom/fixed"))
    assert reached(tree, "net.tcp://h/a/custom/fixed") == "made for fixed"


def test_foreign_resources() -> None:
    """A resource of another make is walked, kept, and nothing is registered below it."""
    tree = RoutingTree()
    foreign = Foreign(AddressResource(Route("child")))
    verifyObject(IAddressResource, foreign)
    address = parse_base_address("net.tcp://+/f")
    tree.putChild(address, foreign)
    assert reached(tree, "net.tcp://h/f/x") == "child"
    for attempt in (
        lambda: tree.put(address, Route("x")),
        lambda: tree.put(parse_base_address("net.tcp://+/f/x"), Route("x")),
        lambda: tree.putChild(address, AddressResource()),
        lambda: tree.putChild(parse_base_address("net.tcp://+/"), AddressResource()),
    ):
        with pytest.raises(AddressTaken):
            attempt()
    assert reached(tree, "net.tcp://h/f/x") == "child"
    assert list(tree) == []
    assert list(tree.overshadowed(parse_base_address("net.tcp://+/f/x/y"))) == []
    with pytest.raises(KeyError):
        tree.remove(parse_base_address("net.tcp://+/f"))


def test_a_taken_place_is_not_replaced() -> None:
    """A resource cannot be put where something is registered, at the place or below."""
    tree = tree_of("net.tcp://+/a/b")
    for place in ("net.tcp://+/a", "net.tcp://+/a/b"):
        with pytest.raises(AddressTaken):
            tree.putChild(parse_base_address(place), CountingResource())


class CountingDict(dict[str, Any]):
    """Counts how often it is looked into."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        CountingDict.looks += 1
        return super().get(key, default)


def test_a_hundred_thousand_addresses() -> None:
    """A lookup takes as many steps as its via has segments, however many are registered."""
    tree = RoutingTree()
    for number in range(100_000):
        tree.put(
            BaseAddress("+", 808, ("all", f"s{number // 100}", f"a{number % 100}"), STRONG, "/x"),
            Route(str(number)),
        )
    assert len(tree) == len(list(tree)) == 100_000
    waiting = [tree._ports[808].strong]
    while waiting:
        node = waiting.pop()
        waiting.extend(node.children.values())  # type: ignore[arg-type]
        node.children = CountingDict(node.children)
    for number in (0, 4321, 99_999):
        CountingDict.looks = 0
        via = parse_via(f"net.tcp://h/all/s{number // 100}/a{number % 100}/x/y")
        found = tree.find(via)
        assert found is not None
        assert str(found.resource.route) == str(number)
        assert CountingDict.looks == 4  # three segments, and one that is not there
    for number in range(100_000):
        tree.remove(
            BaseAddress("+", 808, ("all", f"s{number // 100}", f"a{number % 100}"), STRONG, "")
        )
    assert not tree._ports


HOSTS = st.sampled_from(["+", "*", "h", "g"])
PATHS = st.lists(st.sampled_from("ab"), max_size=3).map("/".join)
PORTS = st.sampled_from(["", ":9"])
ADDRESSES = st.builds(
    lambda host, port, path: parse_base_address(f"net.tcp://{host}{port}/{path}"),
    HOSTS,
    PORTS,
    PATHS,
)
VIAS = st.builds(
    lambda host, port, path: parse_via(f"net.tcp://{host}{port}/{path}"),
    st.sampled_from(["h", "g", "other"]),
    PORTS,
    st.lists(st.sampled_from("abc"), max_size=4).map("/".join),
)


def naive(registered: dict[BaseAddress, Route], via: Via) -> Route | None:
    """The rules, on a plain list."""
    for mode in (STRONG, EXACT, WEAK):
        matching = [
            address
            for address in registered
            if address.mode is mode
            and address.port == via.port
            and (mode is not EXACT or address.host == via.host)
            and via.segments[: len(address.segments)] == address.segments
        ]
        if matching:
            return registered[max(matching, key=lambda address: len(address.segments))]
    return None


class Model(RuleBasedStateMachine):
    """The tree against the plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = RoutingTree()
        self.registered: dict[BaseAddress, Route] = {}

    @rule(address=ADDRESSES)
    def put(self, address: BaseAddress) -> None:
        route = Route(str(address))
        if address in self.registered:
            with pytest.raises(AddressTaken):
                self.tree.put(address, route)
        else:
            self.tree.put(address, route)
            self.registered[address] = route

    @rule(address=ADDRESSES)
    def remove(self, address: BaseAddress) -> None:
        if address in self.registered:
            del self.registered[address]
            self.tree.remove(address)
        else:
            with pytest.raises(KeyError):
                self.tree.remove(address)

    @rule(via=VIAS)
    def find(self, via: Via) -> None:
        found = self.tree.find(via)
        assert (found and found.resource.route) == naive(self.registered, via)

    @rule(new=ADDRESSES, vias=st.lists(VIAS, max_size=5))
    def overshadow(self, new: BaseAddress, vias: list[Via]) -> None:
        """Whoever really loses a via to a new address is among those who are told."""
        if new in self.registered:
            return
        told = set(map(id, self.tree.overshadowed(new)))
        with_new = {**self.registered, new: Route("new")}
        for via in vias:
            before, after = naive(self.registered, via), naive(with_new, via)
            if before is not None and before is not after:
                assert id(before) in told

    @invariant()
    def as_many(self) -> None:
        assert len(self.tree) == len(self.registered)
        assert {(str(a), id(r)) for a, r in self.tree} == {
            (str(a), id(r)) for a, r in self.registered.items()
        }
        if not self.registered:
            assert not self.tree._ports


TestModel = Model.TestCase


@given(st.lists(ADDRESSES, max_size=12, unique=True), VIAS)
def test_against_a_plain_list(addresses: list[BaseAddress], via: Via) -> None:
    """The tree finds what the rules say, whatever is registered in whatever order."""
    tree, registered = RoutingTree(), {a: Route(str(a)) for a in addresses}
    for address, route in registered.items():
        tree.put(address, route)
    found = tree.find(via)
    assert (found and found.resource.route) == naive(registered, via)


RESERVED = [
    # reserved, registered, via, who gets it
    ("net.tcp://+/secret", ["net.tcp://+/"], "net.tcp://h/secret/x", None),
    ("net.tcp://+/secret", ["net.tcp://+/"], "net.tcp://h/secrets", "net.tcp://+/"),
    ("net.tcp://+/secret", ["net.tcp://h/", "net.tcp://*/"], "net.tcp://h/secret", None),
    ("net.tcp://*/secret", ["net.tcp://+/", "net.tcp://h/"], "net.tcp://h/secret", None),
    (
        "net.tcp://+/secret",
        ["net.tcp://+/", "net.tcp://+/secret"],
        "net.tcp://h/secret/x",
        "net.tcp://+/secret",
    ),
    (
        "net.tcp://+/secret",
        ["net.tcp://+/", "net.tcp://*/secret/deep"],
        "net.tcp://h/SECRET/deep/x",
        "net.tcp://*/secret/deep",
    ),
    ("net.tcp://a/secret", ["net.tcp://+/"], "net.tcp://a/secret", None),
    ("net.tcp://a/secret", ["net.tcp://+/"], "net.tcp://b/secret", "net.tcp://+/"),
    ("net.tcp://+:9/secret", ["net.tcp://+/"], "net.tcp://h/secret", "net.tcp://+/"),
]


@pytest.mark.parametrize(("reserved", "registered", "via", "expected"), RESERVED)
def test_a_reservation_binds(
    reserved: str, registered: list[str], via: str, expected: str | None
) -> None:
    """What lies in a reservation never goes to a route above it, whatever its host."""
    tree = tree_of(*registered)
    tree.reserve(parse_base_address(reserved))
    assert reached(tree, via) == expected


def test_the_most_specific_reservation() -> None:
    """It is the one that counts, in whatever order they are made."""
    for addresses in (["net.tcp://+/a", "net.tcp://+/a/b"], ["net.tcp://+/a/b", "net.tcp://+/a"]):
        tree = tree_of("net.tcp://+/a")
        for address in addresses:
            tree.reserve(parse_base_address(address))
        assert reached(tree, "net.tcp://h/a/x") == "net.tcp://+/a"
        assert reached(tree, "net.tcp://h/a/b/x") is None
        assert str(tree.reservation(parse_via("net.tcp://h/a/b/x"))) == "net.tcp://+/a/b"
        assert tree.reservation(parse_via("net.tcp://h/other")) is None


def test_an_alias_of_a_port() -> None:
    """A public port stands for the registered one, also where an address is reserved."""
    tree = RoutingTree({31808: 8808})
    route = Route("one")
    tree.put(parse_base_address("net.tcp://+:8808/a"), route)
    found = tree.find(parse_via("net.tcp://host:31808/a/b"))
    assert found is not None
    assert found.resource.route is route
    tree.reserve(parse_base_address("net.tcp://+:8808/a/secret"))
    assert tree.find(parse_via("net.tcp://host:31808/a/secret")) is None
    assert tree.reservation(parse_via("net.tcp://host:31808/a/secret")) is not None
    assert tree.find(parse_via("net.tcp://host:1808/a")) is None


def test_the_path_on_another_port() -> None:
    """Where only the port is wrong, the right one is known; a catch-all is no hint."""
    tree = RoutingTree()
    tree.put(parse_base_address("net.tcp://+:8808/a"), Route("one"))
    tree.put(parse_base_address("net.tcp://+:9000/"), Route("one"))
    assert tree.otherPort(parse_via("net.tcp://host:31808/a/b")) == 8808
    assert tree.otherPort(parse_via("net.tcp://host:31808/c")) is None
