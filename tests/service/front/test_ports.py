"""netshare.service.front.ports: what is listened on, and since when."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ServerEndpoint

from netshare.service.front.arrival import Ending
from netshare.service.front.ports import (
    DEFAULT_ALLOWED,
    AllowedPorts,
    PortNotAllowed,
    Ports,
    PortUnavailable,
)
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.quotas import Admission, Quotas
from netshare.testing import RecordingOutcomes
from tests.helpers.listening import port_numbers

PARSED = [
    (["808"], ((808, 808),)),
    (["9000-9999"], ((9000, 9999),)),
    (["1024-"], ((1024, 65535),)),
    (["1-65535", " 80 "], ((1, 65535), (80, 80))),
    ([], ()),
]


@pytest.mark.parametrize(("texts", "ranges"), PARSED)
def test_allowed_ports(texts: list[str], ranges: tuple[tuple[int, int], ...]) -> None:
    """Ports and ranges are read, both ends included."""
    allowed = AllowedPorts.parse(texts)
    assert allowed.ranges == ranges
    for low, high in ranges:
        assert low in allowed
        assert high in allowed
    assert 0 not in allowed
    assert 65536 not in allowed
    assert "808" not in allowed


@pytest.mark.parametrize(
    "text", ["", "-", "x", "0", "65536", "-80", "9-8", "0-5", "1-70000", "1-2-3", "80,81", "8.0"]
)
def test_what_is_no_range(text: str) -> None:
    """Anything else is a ValueError that names the text."""
    with pytest.raises(ValueError, match="port") as caught:
        AllowedPorts.parse(["808", text])
    assert repr(text) in str(caught.value)


def test_allowed_ports_for_people() -> None:
    """The set is shown as it is written, and the default has 808 and what needs no privilege."""
    assert str(DEFAULT_ALLOWED) == "808, 1024-65535"
    assert AllowedPorts.parse(str(DEFAULT_ALLOWED).split(",")) == DEFAULT_ALLOWED
    assert [port in DEFAULT_ALLOWED for port in (80, 808, 1023, 1024)] == [False, True, False, True]


def free_port() -> int:
    """A port that nobody listens on, on either family."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def ports(**options: Any) -> tuple[Ports, Admission]:
    from twisted.internet import reactor

    admission = Admission(Quotas(maxPendingConnections=1, listenBacklog=7))
    ending = Ending(reactor, admission, RecordingOutcomes())
    factory = SharedPortFactory(lambda arrival: None, ending)
    return Ports(reactor, factory, admission, **options), admission


def answers(number: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        return probe.connect_ex((host, number)) == 0


async def test_opened_with_the_first_and_closed_with_the_last() -> None:
    """A port is open while anybody is registered on it."""
    one, _ = ports()
    number = free_port()
    one.acquire(number)
    one.acquire(number)
    assert answers(number)
    assert port_numbers(one) == {number}
    one.release(number)
    assert answers(number)
    one.release(number)
    one.release(number)
    assert port_numbers(one) == set()
    await one.stop()
    assert not answers(number)


async def test_interfaces() -> None:
    """Ports are opened on the chosen interfaces only."""
    one, _ = ports(interfaces=["127.0.0.2"])
    number = free_port()
    one.acquire(number)
    assert answers(number, "127.0.0.2")
    assert not answers(number, "127.0.0.1")
    assert one.describe() == [f"127.0.0.2:{number}"]
    await one.stop()


async def test_both_families() -> None:
    """Without interfaces, clients of both families get in."""
    one, _ = ports()
    number = free_port()
    one.acquire(number)
    assert answers(number)
    if len(one.describe()) == 2:
        assert answers(number, "::1")
    await one.stop()


async def test_policy() -> None:
    """A port outside the allowed set is not opened, and the sentence says whom to ask."""
    one, _ = ports(allowed=AllowedPorts.parse(["1-2"]))
    with pytest.raises(PortNotAllowed, match="--allow-port"):
        one.acquire(free_port())
    await one.stop()


async def test_a_port_of_somebody_else() -> None:
    """A port that another program has cannot be opened, and the next attempt is a new one."""
    one, _ = ports()
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        with pytest.raises(PortUnavailable, match="in use"):
            one.acquire(number)
        assert port_numbers(one) == set()
    one.acquire(number)
    assert answers(number)
    await one.stop()


async def test_a_second_interface_that_fails() -> None:
    """When one interface does not have the port, the others are closed again."""
    one, admission = ports(interfaces=["127.0.0.2", "192.0.2.1"])
    number = free_port()
    with pytest.raises(PortUnavailable):
        one.acquire(number)
    await turn()
    assert not answers(number, "127.0.0.2")
    assert admission._ports == []
    await one.stop()


async def test_after_the_end() -> None:
    """A service that is stopping opens nothing any more."""
    one, _ = ports()
    await one.stop()
    number = free_port()
    with pytest.raises(PortUnavailable, match="stopping"):
        one.acquire(number)
    assert not answers(number)


async def test_not_on_demand() -> None:
    """Without it, registered addresses open nothing."""
    one, _ = ports(onDemand=False)
    number = free_port()
    one.acquire(number)
    one.release(number)
    assert not answers(number)
    await one.stop()


async def test_named_ports() -> None:
    """A named port is open until the end, whoever is registered on it, allowed or not."""
    from twisted.internet import reactor

    one, _ = ports(allowed=AllowedPorts.parse([]))
    listening = await one.listen(TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"))
    host: Any = listening.getHost()
    assert one.namedNumbers() == port_numbers(one) == {host.port}
    one.acquire(host.port)
    one.release(host.port)
    assert answers(host.port)
    await one.stop()
    assert not answers(host.port)


async def test_limits_pause_the_ports() -> None:
    """Named ports and others stop accepting at the limits, also those opened meanwhile."""
    one, admission = ports()
    first, second = free_port(), free_port()
    one.acquire(first)
    admission.pause("for the test")
    assert admission.paused
    one.acquire(second)
    from twisted.internet import reactor

    listening = [port for opened in one._opened.values() for port in opened.listening]
    assert not set(listening) & set(reactor.getReaders())  # type: ignore[attr-defined]
    admission.resume("for the test")
    assert set(listening) <= set(reactor.getReaders())  # type: ignore[attr-defined]
    await one.stop()
    assert admission._ports == []


async def turn() -> None:
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    await deferLater(reactor, 0.01)  # type: ignore[arg-type]
