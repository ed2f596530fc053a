"""netshare.service.desk.registry: claims, conflicts and quotas, and what is kept for whom."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from typing import Any

import pytest

from netshare.addresses import AddressKey, parse_base_address
from netshare.control.commands import ConflictingRegistration, RegistrationQuotaExceeded
from netshare.control.protocol import ControlProtocol
from netshare.interfaces import IErrand
from netshare.outcomes import Outcome
from netshare.service.desk.accounts import Accounts, Members, Reservation
from netshare.service.desk.registry import SEGMENTS_EACH, Registration
from netshare.service.front.ports import AllowedPorts
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.service.workers.lanes import AmpLane
from netshare.sockets.credentials import Peer
from netshare.testing import AdoptingReactor, RecordedArrival
from tests.peers.drivers import free_port

STRANGER, OTHER = os.geteuid() + 1000, os.geteuid() + 1001


class Link:
    """A worker's control connection."""

    def __init__(self, name: str, uid: int, *granted: str) -> None:
        self.name = name
        self.peer = Peer(os.getpid(), uid, frozenset())
        self.claimedPid = None
        self.closed = False
        self._granted = frozenset(parse_base_address(text).key for text in granted)

    def __str__(self) -> str:
        return self.name

    @property
    def granted(self) -> Set[AddressKey]:
        return self._granted

    def close(self) -> None:
        self.closed = True


class Lane(AmpLane):
    """A lane that only notes what the worker is given and told."""

    def __init__(self, reactor: Any, name: str) -> None:
        super().__init__(reactor, ControlProtocol(), 10, Quotas(), name)
        self.given: list[IErrand] = []
        self.told: list[str] = []

    def give(self, errand: IErrand) -> None:
        self.given.append(errand)

    def routesChanged(self, address: object) -> None:
        self.told.append(str(address))


class Setting:
    """A registry, and workers that register with it."""

    def __init__(self, **quotas: Any) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, Quotas(**quotas))
        self.registry = self.shared.registry
        self.changes = 0
        self.registry.changed = self.changed

    def changed(self) -> None:
        self.changes += 1

    def claim(self, link: Link, text: str, shared: bool = False) -> Registration:
        address = parse_base_address(text)
        self.registry.check_room(link.peer, address)
        made = Registration(address, link, Lane(self.reactor, link.name), shared)
        self.registry.claim(made)
        return made

    def register(self, link: Link, text: str, shared: bool = False) -> Registration:
        made = self.claim(link, text, shared)
        self.registry.activate(made)
        self.reactor.advance(0)
        return made

    def arrive(self, path: str) -> RecordedArrival:
        arrival = RecordedArrival(f"net.tcp://localhost/{path}")
        self.shared.factory.router(arrival)
        return arrival


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    one.registry.stop()


def test_one_address_one_worker(setting: Setting) -> None:
    """A second worker is refused, and told who has the address; its neighbour is not."""
    setting.register(Link("the first worker", STRANGER), "net.tcp://+/a")
    for uid in (STRANGER, OTHER):
        with pytest.raises(ConflictingRegistration, match=r"by the first worker .*netshare list"):
            setting.claim(Link("another", uid), "net.tcp://+/A/")
    setting.register(Link("another", OTHER), "net.tcp://+/a/b")
    assert len(setting.registry) == 2


def test_the_same_worker_twice(setting: Setting) -> None:
    """A worker that registers an address again is told that it has it, shared or not."""
    link = Link("worker", STRANGER)
    setting.register(link, "net.tcp://+/a", shared=True)
    with pytest.raises(ConflictingRegistration, match="by this very worker"):
        setting.claim(link, "net.tcp://+/a", shared=True)


@pytest.mark.parametrize(
    ("first", "second", "uid", "allowed"),
    [
        (True, True, STRANGER, True),
        (True, False, STRANGER, False),
        (False, True, STRANGER, False),
        (True, True, OTHER, False),
    ],
)
def test_shared(setting: Setting, first: bool, second: bool, uid: int, allowed: bool) -> None:
    """Workers of one user that all say so share an address."""
    setting.register(Link("one", STRANGER), "net.tcp://+/a", first)
    link = Link("two", uid)
    if allowed:
        setting.register(link, "net.tcp://+/a", second)
        address = parse_base_address("net.tcp://+/a")
        assert [str(one.link) for one in setting.registry.registrationsOf(address)] == [
            "one",
            "two",
        ]
    else:
        with pytest.raises(ConflictingRegistration):
            setting.claim(link, "net.tcp://+/a", second)


def test_an_address_of_a_spawned_worker(setting: Setting) -> None:
    """Only the worker that the service started for it registers a supervised address."""
    setting.registry.supervise(parse_base_address("net.tcp://+/a"))
    with pytest.raises(ConflictingRegistration, match="a worker that the service starts itself"):
        setting.claim(Link("stranger", STRANGER), "net.tcp://+/a")
    setting.register(Link("ours", STRANGER, "net.tcp://+/a"), "net.tcp://+/a")


RESERVED = Reservation(parse_base_address("net.tcp://+/a"), Members(frozenset({STRANGER, OTHER})))


def test_users_for_whom_an_address_is_reserved(setting: Setting) -> None:
    """They serve it together if both say so; elsewhere they do not, and others not with them."""
    setting.registry.accounts = Accounts(reservations=(RESERVED,))
    setting.register(Link("one", STRANGER), "net.tcp://+/a", True)
    with pytest.raises(ConflictingRegistration):
        setting.claim(Link("alone", OTHER), "net.tcp://+/a", False)
    with pytest.raises(ConflictingRegistration):
        setting.claim(Link("not one of them", OTHER + 1), "net.tcp://+/a", True)
    setting.register(Link("two", OTHER), "net.tcp://+/a", True)
    setting.register(Link("one", STRANGER), "net.tcp://+/b", True)
    with pytest.raises(ConflictingRegistration):
        setting.claim(Link("two", OTHER), "net.tcp://+/b", True)


@pytest.mark.parametrize(
    ("joinable", "shared", "uid", "allowed"),
    [
        (True, True, STRANGER, True),
        (True, True, os.geteuid(), True),
        (True, False, STRANGER, False),
        (False, True, STRANGER, False),
        (True, True, OTHER + 1, False),
    ],
)
def test_joining_spawned_workers(
    setting: Setting, joinable: bool, shared: bool, uid: int, allowed: bool
) -> None:
    """Where several serve an address others may, too, for whom it is reserved, and that say so."""
    address = RESERVED.address
    setting.registry.accounts = Accounts(reservations=(RESERVED,))
    setting.registry.supervise(address, joinable)
    setting.register(Link("ours", os.geteuid(), str(address)), str(address), joinable)
    joiner = Link("joiner", uid)
    if allowed:
        setting.register(joiner, str(address), shared)
        assert len(setting.registry.registrationsOf(address)) == 2
    else:
        with pytest.raises(ConflictingRegistration, match="a worker that the service starts"):
            setting.claim(joiner, str(address), shared)


def test_an_unreserved_address_of_spawned_workers(setting: Setting) -> None:
    """It is joined by no others, and no more when it is not for several any longer."""
    address = RESERVED.address
    setting.registry.supervise(address, joinable=True)
    with pytest.raises(ConflictingRegistration):
        setting.claim(Link("joiner", STRANGER), str(address), True)
    setting.registry.accounts = Accounts(reservations=(RESERVED,))
    setting.registry.supervise(address)
    with pytest.raises(ConflictingRegistration):
        setting.claim(Link("joiner", STRANGER), str(address), True)


def test_an_address_of_the_configuration(setting: Setting) -> None:
    """The address of a relay is no worker's, and the refusal says of what kind it is."""
    address = parse_base_address("net.tcp://+/a")
    setting.registry.tree.put(address, _Route())
    with pytest.raises(ConflictingRegistration, match="a relay route of the service's own"):
        setting.claim(Link("worker", STRANGER), "net.tcp://+/a")
    setting.registry.expect(address, 5)  # and nothing is kept for one
    assert setting.registry.addresses() == []


class _Route:
    """A route that is no worker's."""

    kind = "relay"
    state = "ready"

    def render(self, arrival: object) -> None:
        raise AssertionError


def test_quotas() -> None:
    """Of all, of one user, and of one user's path segments; each with its numbers."""
    setting = Setting(maxRegistrations=3, maxRegistrationsPerUser=2)
    stranger = Link("worker", STRANGER)
    setting.register(stranger, "net.tcp://+/a")
    last = setting.register(stranger, "net.tcp://+/b")
    with pytest.raises(RegistrationQuotaExceeded, match=r"has 2 registrations.*PerUser"):
        setting.claim(stranger, "net.tcp://+/c")
    setting.registry.deactivate(last, "test")
    long = "/".join("x" * (2 * SEGMENTS_EACH))
    with pytest.raises(RegistrationQuotaExceeded, match=f"would have {2 * SEGMENTS_EACH + 1} seg"):
        setting.claim(stranger, f"net.tcp://+/{long}")
    ours = Link("ours", os.geteuid())
    setting.register(ours, f"net.tcp://+/{long}")
    setting.register(ours, "net.tcp://+/d")
    with pytest.raises(RegistrationQuotaExceeded, match="the service has 3 registrations"):
        setting.claim(ours, "net.tcp://+/e")
    setting.registry.stop()


def test_what_is_given_up_counts_no_more(setting: Setting) -> None:
    """A user whose registrations have gone is as one who never had any."""
    link = Link("worker", STRANGER)
    for _ in range(3):
        made = setting.register(link, "net.tcp://+/a/b/c")
        setting.registry.deactivate(made, "test")
        claimed = setting.claim(link, "net.tcp://+/a/b/c")
        setting.registry.disclaim(claimed)
    assert (len(setting.registry), len(setting.registry.tree)) == (0, 0)
    assert setting.arrive("a/b/c").outcome is Outcome.ENDPOINT_NOT_FOUND
    assert setting.changes == 9  # three came, and six went


def test_overshadowed_workers_are_told(setting: Setting) -> None:
    """The worker above a new address is told, since its sockets may belong elsewhere now."""
    above = setting.register(Link("above", STRANGER), "net.tcp://+/a")
    beside = setting.register(Link("beside", STRANGER), "net.tcp://+/b")
    below = setting.register(Link("below", STRANGER), "net.tcp://+/a/b")
    told = [made.lane.told for made in (above, beside, below) if isinstance(made.lane, Lane)]
    assert told == [["net.tcp://+/a"], [], []]


def test_expected(setting: Setting) -> None:
    """For an expected address connections wait, at most so long; then it is unknown again."""
    address = parse_base_address("net.tcp://+/a")
    setting.registry.expect(address, 5)
    assert setting.registry.addresses() == [address]
    waiting = setting.arrive("a/b")
    assert waiting.outcome is None
    setting.reactor.advance(6)
    assert waiting.outcome is Outcome.ENDPOINT_UNAVAILABLE
    assert setting.registry.addresses() == []
    assert setting.arrive("a/b").outcome is Outcome.ENDPOINT_NOT_FOUND


def test_expected_and_there(setting: Setting) -> None:
    """What waited goes to the worker that comes, and not before it has its own answer."""
    setting.registry.expect(parse_base_address("net.tcp://+/a"), 5)
    waiting = setting.arrive("a")
    made = setting.claim(Link("worker", STRANGER), "net.tcp://+/a")
    setting.registry.activate(made)
    assert isinstance(made.lane, Lane)
    assert made.lane.given == []
    setting.reactor.advance(0)
    assert [errand.arrival for errand in made.lane.given] == [waiting]
    waiting.close()


def test_a_port_is_kept_for_an_expected_worker() -> None:
    """The port of an address that is expected stays open until the expectation ends."""
    reactor = AdoptingReactor()
    shared = SharedPort(reactor, openPorts=True, allowedPorts=AllowedPorts.parse(["1024-65535"]))
    port = free_port()
    shared.registry.expect(parse_base_address(f"net.tcp://+:{port}/a"), 5)
    assert any(f":{port}" in one for one in shared.ports.describe())
    reactor.advance(6)
    assert shared.ports.describe() == []


def test_a_worker_that_is_expected_back(setting: Setting) -> None:
    """The last worker of an address may leave with a time in which it is expected back."""
    made = setting.register(Link("worker", STRANGER), "net.tcp://+/a")
    setting.registry.deactivate(made, "its link ended", expected=5)
    waiting = setting.arrive("a")
    assert waiting.outcome is None
    setting.reactor.advance(6)
    assert waiting.outcome is Outcome.ENDPOINT_UNAVAILABLE


def test_supervised_no_more(setting: Setting) -> None:
    """What waits for a worker that is not started any more is told."""
    address = parse_base_address("net.tcp://+/a")
    setting.registry.supervise(address)
    setting.registry.expect(address, 5)
    waiting = setting.arrive("a")
    setting.registry.unsupervise(address)
    assert waiting.outcome is Outcome.ENDPOINT_UNAVAILABLE
    assert len(setting.registry.tree) == 0


def test_rows(setting: Setting) -> None:
    """Every address, oldest first and as its worker writes it, from any number on."""
    setting.register(Link("one", STRANGER), "net.tcp://+/First")
    setting.register(Link("two", STRANGER), "net.tcp://+/second")
    rows = list(setting.registry.rows(0))
    assert [str(address) for _, address, _, _ in rows] == [
        "net.tcp://+/First",
        "net.tcp://+/second",
    ]
    assert [len(made) for *_, made in rows] == [1, 1]
    ((number, *_),) = setting.registry.rows(rows[1][0])
    assert number == rows[1][0]


def test_stopped() -> None:
    """When the service stops what waits is refused, and every link closed."""
    setting = Setting()
    setting.registry.expect(parse_base_address("net.tcp://+/a"), 50)
    waiting, link = setting.arrive("a"), Link("worker", STRANGER)
    setting.registry.links.add(link)
    setting.registry.stop()
    assert (waiting.outcome, link.closed) == (Outcome.ENDPOINT_UNAVAILABLE, True)
    assert setting.reactor.getDelayedCalls() == []
