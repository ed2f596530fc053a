"""One link of the control socket: what it may do, and how much of it at once."""

from __future__ import annotations

import os
import struct
from typing import Any

import pytest
from twisted.protocols import amp

from netshare.control import commands, management
from netshare.service.desk.budget import SHORT_BOX
from netshare.service.desk.protocol import PAGE
from netshare.service.desk.registry import SEGMENTS_EACH
from netshare.sockets.credentials import Peer
from tests.helpers.desk import Setting


def long_value(size: int) -> bytes:
    """The beginning of a box with one long value after the other."""
    value = b"x" * 60_000
    number = 0
    box = b""
    while len(box) < size:
        key = b"k%d" % number
        box += struct.pack("!H", len(key)) + key + struct.pack("!H", len(value)) + value
        number += 1
    return box


def test_a_long_box_before_the_first_registration(setting: Setting) -> None:
    """A link that has registered nothing has no use for long boxes; a worker has."""
    stranger, _, link = setting.link()
    stranger.transport.write(long_value(SHORT_BOX + 1))
    setting.settle()
    assert not link.connected
    worker, _, link = setting.link()
    assert setting.register(worker, "a")["baseAddress"] == "net.tcp://+/a"
    worker.transport.write(long_value(2 * SHORT_BOX))
    setting.settle()
    assert link.connected


def test_many_keys(setting: Setting) -> None:
    """A box of tiny keys, each of which costs much memory, ends the link."""
    worker, _, link = setting.link()
    setting.register(worker, "a")
    keys = b"".join(b"\0\4%04d\0\0" % number for number in range(200))
    worker.transport.write(keys)
    setting.settle()
    assert not link.connected


def test_descriptors_before_the_first_registration(setting: Setting) -> None:
    """They are closed, and the link with them."""
    stranger, _, link = setting.link()
    reading, writing = os.pipe()
    try:
        stranger.transport.sendFileDescriptor(reading)
        setting.settle()
        assert not link.connected
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("start", [2**70, 9_999_999, -1, -(2**70)])
def test_a_page_from_anywhere(setting: Setting, start: int) -> None:
    """A number that no page begins with is before all pages, or behind them."""
    worker, _, _ = setting.link()
    setting.register(worker, "a")
    answer = setting.ask(worker, commands.ListRegistrations, start=start)
    assert answer["next"] == -1
    assert (answer["json"] == b"[]") == (start > 0)


def test_pages(setting: Setting) -> None:
    """All pages together have each registration once, also when some go in between."""
    worker, _, _ = setting.link()
    for number in range(PAGE + 20):
        setting.register(worker, f"n{number}")
    rows, following = setting.shared.status.registrations(0, PAGE)
    assert len(rows) == PAGE
    setting.ask(worker, commands.Unregister, baseAddress=f"net.tcp://+/n{PAGE}")
    more, end = setting.shared.status.registrations(following, PAGE)
    addresses = [row["address"] for row in (*rows, *more)]
    assert end == -1
    assert len(set(addresses)) == len(addresses) == PAGE + 19


def test_a_page_costs_no_more_far_behind(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is skipped is neither described nor walked over."""
    worker, _, _ = setting.link()
    for number in range(300):
        setting.register(worker, f"n{number}")
    asked: list[int] = []
    monkeypatch.setattr(Peer, "commandLine", property(lambda peer: asked.append(peer.pid) or ""))
    rows, _ = setting.shared.status.registrations(295, PAGE)
    assert len(rows) == len(asked) < 10


def test_a_path_of_many_segments(setting: Setting) -> None:
    """Each segment costs much more memory than its text."""
    worker, _, _ = setting.link()
    failure = setting.register(worker, "a/" * 65)
    assert failure.check(commands.PathTooLong)
    assert "64 are possible" in failure.getErrorMessage()


def test_segments_of_one_user() -> None:
    """All addresses of a user together have a limit."""
    setting = Setting(maxRegistrationsPerUser=10)
    worker, desk, link = setting.link()
    desk.registry.accounts = _Trusting()  # type: ignore[assignment]
    assert "baseAddress" in setting.register(worker, "a/" * 60)
    failure = setting.register(worker, "b/" * (10 * SEGMENTS_EACH - 59))
    assert failure.check(commands.RegistrationQuotaExceeded)
    setting.ask(worker, commands.Unregister, baseAddress="net.tcp://+/" + "/".join("a" * 60))
    assert "baseAddress" in setting.register(worker, "b/" * 60)
    link.lose()


class _Trusting:
    """Accounts by which everybody may register, and is counted."""

    def trusts(self, peer: Peer) -> bool:
        return False

    def refusal(self, peer: Peer, address: Any) -> str | None:
        return None


def test_changes_for_a_worker_that_does_not_read(setting: Setting) -> None:
    """On the plain lane they are told once each when it reads again, and not kept meanwhile."""
    worker, desk, _ = setting.link()
    setting.register(worker, "a")
    setting.register(worker, "b")
    desk.transport.producer.pauseProducing()
    other, _, _ = setting.link()
    for _ in range(50):
        for path in ("a/deeper", "b/deeper"):
            setting.register(other, path)
            setting.ask(other, commands.Unregister, baseAddress=f"net.tcp://+/{path}")
    assert len(desk.transport.queue) == 0
    desk.transport.producer.resumeProducing()
    assert sum(b"RoutesChanged" in item for item in desk.transport.queue) == 2
    desk.transport.queue.clear()


def test_links_count_as_descriptors(setting: Setting) -> None:
    """Accepting pauses before links have taken what connections need."""
    admission = setting.shared.admission
    before = admission.room
    admission.descriptorLimit = admission.descriptors + 4
    setting.link()
    assert (admission.room, admission.paused) == (2, False)
    setting.link()
    assert (admission.room, admission.paused) == (0, True)
    assert before > 0


@pytest.mark.parametrize(
    ("command", "arguments", "says"),
    [
        (management.Reload, {}, "may not reload"),
        (commands.TakeOver, {"format": 1}, "may not take"),
        (management.Replace, {}, "may not have the service replaced"),
    ],
)
def test_who_may_reload_and_take_over(
    setting: Setting, command: Any, arguments: dict[str, int], says: str
) -> None:
    """Root and the service's own user may, and every other user is told so; nothing happens."""
    done: list[str] = []

    def refuse(error: type[Exception]) -> Any:
        done.append("asked")
        raise error("it was asked")

    setting.shared.desk.reload = lambda: refuse(management.ReloadFailed)
    setting.shared.desk.takeOver = lambda format, peer, workers: refuse(commands.TakeOverRefused)
    setting.shared.desk.replace = lambda: refuse(commands.TakeOverRefused)
    stranger, desk, _ = setting.link()
    desk.peer = Peer(os.getpid(), 4001, frozenset({4001}))
    failure = setting.ask(stranger, command, **arguments)
    assert failure.check(commands.AccessDenied)
    assert says in failure.getErrorMessage()
    assert done == []
    for uid in (0, os.geteuid()):
        desk.peer = Peer(os.getpid(), uid, frozenset())
        failure = setting.ask(stranger, command, **arguments)
        assert failure.check(management.ReloadFailed, commands.TakeOverRefused)
    assert done == ["asked", "asked"]


def test_no_tls_is_started(setting: Setting) -> None:
    """AMP's own command for it is as unknown as any that does not exist."""
    stranger, _, link = setting.link()
    failure = setting.ask(stranger, _StartTLS)
    assert failure.check(amp.UnhandledCommand)
    assert link.connected


class _StartTLS(amp.Command):
    """AMP's StartTLS, without what AMP does when it asks for it."""

    commandName = b"StartTLS"
