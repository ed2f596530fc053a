"""netshare.worker.session: one link for all addresses of a process, made again when it is lost."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory
from twisted.logger import capturedLogs, formatEvent

from netshare.control import commands
from netshare.sockets.held import HeldSocket
from netshare.testing import tcpPair
from netshare.worker.link import UntrustedService, Wish
from netshare.worker.port import ServiceNotRunning, SharedListeningPort
from netshare.worker.session import (
    RETRY_FIRST,
    RETRY_LONGEST,
    RETRY_SOON,
    retry_delay,
)
from tests.helpers.control import result_of
from tests.helpers.workersessions import CONTROL, Setting


@pytest.mark.parametrize(
    ("failures", "longest"),
    [(0, RETRY_FIRST), (5, RETRY_SOON), (1000, RETRY_LONGEST), (10**6, RETRY_LONGEST)],
)
def test_trying_again(failures: int, longest: float) -> None:
    """Soon at first, then less often, and never all at the same moment."""
    delays = {retry_delay(failures) for _ in range(20)}
    assert len(delays) > 1
    assert all(longest / 2 <= delay <= longest for delay in delays)


def test_one_link_for_all() -> None:
    """Seven hundred ports need one connection to the service, also after it was away."""
    setting = Setting()
    ports = [setting.listen(f"net.tcp://+/{number}") for number in range(700)]
    service = setting.answer()
    assert len(service.registered) == 700
    assert all(len(results) == 1 for results in ports)
    with capturedLogs() as logs:
        setting.lose()
        assert [formatEvent(event) for event in logs] == [
            "the sharing service is not there; trying again until it is "
            "(net.tcp://+/0 and 699 more)"
        ]
    for _ in range(3):
        setting.reactor.advance(RETRY_LONGEST)
        setting.be_away()
    setting.reactor.advance(RETRY_LONGEST)
    service = setting.answer()
    assert len(service.registered) == 700
    late = setting.listen("net.tcp://+/late", wait=False)
    assert setting.reactor.unixClients == []
    assert setting.link is not None
    setting.link.flush()
    assert len(late) == 1
    for (port,) in [*ports, late]:
        port.stopListening()
    setting.link.flush()
    assert len(service.unregistered) == 701
    setting.link.flush()
    assert not setting.link.connected
    assert setting.reactor.getDelayedCalls() == []


def test_one_that_is_refused() -> None:
    """It asks again over the same link, and the others are not touched."""
    setting = Setting()
    with capturedLogs() as logs:
        good, bad = setting.listen("net.tcp://+/good"), setting.listen("net.tcp://+/bad")
        service = setting.answer(frozenset({"net.tcp://+/bad"}))
        assert (len(good), bad) == (1, [])
        for _ in range(3):
            setting.reactor.advance(RETRY_SOON)
            assert setting.link is not None
            setting.link.flush()
    assert service.addresses == ["net.tcp://+/good", *["net.tcp://+/bad"] * 4]
    (line, *_) = [formatEvent(event) for event in logs if event["log_level"].name == "error"]
    assert line == "net.tcp://+/bad is not registered: somebody has it"
    service.refused = frozenset()
    setting.reactor.advance(RETRY_SOON)
    setting.link.flush()
    assert len(bad) == 1
    setting.reactor.advance(100)
    assert len(service.registered) == 6


@pytest.mark.parametrize("others", [0, 1])
def test_one_that_does_not_wait(others: int) -> None:
    """It fails with the service's reason, and only the last one takes the link along."""
    setting = Setting()
    for number in range(others):
        setting.listen(f"net.tcp://+/{number}")
    (failed,) = [setting.listen("net.tcp://+/bad", wait=False)]
    setting.answer(frozenset({"net.tcp://+/bad"}))
    assert failed[0].check(commands.ConflictingRegistration)
    assert setting.link is not None
    setting.link.flush()
    assert setting.link.connected is bool(others)
    assert setting.reactor.getDelayedCalls() == []


def test_no_service() -> None:
    """Those that do not wait learn where it was looked for; those that do go on."""
    setting = Setting()
    waiting, failed = setting.listen("net.tcp://+/a"), setting.listen("net.tcp://+/b", wait=False)
    setting.be_away()
    assert failed[0].check(ServiceNotRunning)
    assert str(CONTROL) in failed[0].getErrorMessage()
    setting.reactor.advance(RETRY_FIRST)
    service = setting.answer()
    assert (len(waiting), service.addresses) == (1, ["net.tcp://+/a"])


def test_one_that_comes_while_it_is_tried_again() -> None:
    """It is tried at once."""
    setting = Setting()
    setting.listen("net.tcp://+/a")
    for _ in range(10):
        setting.be_away()
        setting.reactor.advance(RETRY_SOON)
    setting.be_away()
    failed = setting.listen("net.tcp://+/b", wait=False)
    setting.be_away()
    assert failed[0].check(ServiceNotRunning)
    setting.reactor.advance(RETRY_SOON)
    assert len(setting.answer().registered) == 1


def test_a_service_that_ends() -> None:
    """What would go back is kept for the next one, from the moment at which it says so."""
    setting = Setting()
    setting.listen("net.tcp://+/a")
    service = setting.answer()
    assert setting.link is not None
    assert result_of(setting.link, service.callRemote(commands.ServiceEnds)) == {}
    returned: list[Any] = []
    client, ours = tcpPair()
    with client:
        held = HeldSocket(ours.detach())
        setting.session.giveBack(held, b"x", "p").addBoth(returned.append)
        setting.link.flush()
        assert (returned, service.returned) == ([], [])
        setting.lose()
        setting.reactor.advance(RETRY_SOON)
        service = setting.answer()
        setting.link.flush()
        assert [(data, peer) for _, data, peer in service.returned] == [(b"x", "p")]
        assert returned == [None]
        for back, _, _ in service.returned:
            back.close()


def test_a_service_that_ends_and_a_worker_that_has_stopped() -> None:
    """One that registers nothing any more has no next service: what goes back goes at once."""
    setting = Setting()
    setting.listen("net.tcp://+/a")
    service = setting.answer()
    setting.session._wanted.clear()
    assert setting.link is not None
    assert result_of(setting.link, service.callRemote(commands.ServiceEnds)) == {}
    assert setting.session.returns.way is setting.session.link


def test_a_service_that_is_not_trusted() -> None:
    """It is asked for nothing, and its link is closed."""
    setting = Setting()
    setting.session._trusted = frozenset({4001})
    failed = setting.listen("net.tcp://+/a", wait=False)
    service = setting.answer()
    assert failed[0].check(UntrustedService)
    assert service.registered == []
    assert setting.link is not None
    assert not setting.link.connected


def test_one_that_is_given_up() -> None:
    """Before the link is there nothing is asked for; while it is asked for, it is unregistered."""
    setting = Setting()
    setting.listen("net.tcp://+/a")
    port = SharedListeningPort(setting.reactor, setting.session, Wish("net.tcp://+/b"), Factory())
    starting: Deferred[Any] = ensureDeferred(port.start(wait=True))
    starting.addErrback(lambda _: None)
    starting.cancel()
    service = setting.answer()
    assert service.addresses == ["net.tcp://+/a"]
    other = SharedListeningPort(setting.reactor, setting.session, Wish("net.tcp://+/c"), Factory())
    starting = ensureDeferred(other.start(wait=True))
    starting.addErrback(lambda _: None)
    starting.cancel()
    assert setting.link is not None
    setting.link.flush()
    setting.link.flush()
    assert service.unregistered == ["net.tcp://+/c"]
    assert setting.link.connected


def test_an_address_that_was_made_up_stays() -> None:
    """It is asked for by its name the next time."""
    setting = Setting()
    results = setting.listen("net.tcp://+/a", unique=True)
    setting.answer()
    (port,) = results
    assert port.getHost().uri == "net.tcp://+/a/unique"
    setting.lose()
    setting.reactor.advance(RETRY_FIRST)
    service = setting.answer()
    (arguments,) = service.registered
    assert (arguments["baseAddress"], arguments["unique"]) == ("net.tcp://+/a/unique", False)


def test_whose_connection_it_is() -> None:
    """It is found by its address, however another worker that shares it has written it."""
    setting = Setting()
    both = [setting.listen("net.tcp://+/One"), setting.listen("net.tcp://+/two")]
    setting.answer()
    (one,), (two,) = both
    find = setting.session.find
    assert (find("net.tcp://+/One"), find("net.tcp://+/two")) == (one.intake, two.intake)
    assert (find("net.tcp://+:808/ONE/"), find("net.tcp://+/three")) == (one.intake, None)
    assert find("nonsense") is None
    before = two.intake.epoch
    setting.session.routesChanged("net.tcp://+/one")
    assert two.intake.epoch == before
