"""netshare.worker.link: registering, and giving connections back."""

from __future__ import annotations

import os
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.protocol import Factory
from zope.interface.verify import verifyObject

from netshare.control import commands
from netshare.interfaces import ISharedConnection
from netshare.testing import AdoptingReactor
from netshare.worker.intake import Intake, SharedConnection
from netshare.worker.link import UntrustedService, Wish, trusted_users
from tests.helpers.worker import VIA, Setting


def test_giving_back(setting: Setting) -> None:
    """The socket goes back with what was read of it; its protocol has lost it."""
    setting.register()
    client, held, peer = setting.connection()
    setting.give(held, peer)
    protocol = setting.protocol()
    setting.outcome(protocol.shared.giveBack(b"\0\1"))
    setting.reactor.settle()
    assert protocol.lost
    ((back, data, named),) = setting.service.returned
    assert (data, named) == (b"\0\1", peer)
    os.write(back.fileno(), b"alive")
    assert client.recv(10) == b"alive"
    back.close()
    assert client.recv(1) == b""  # nobody else holds it


def test_giving_back_what_is_not_taken(setting: Setting) -> None:
    """The reason comes back, and the connection is closed."""
    setting.register()
    client, held, peer = setting.connection()
    setting.give(held, peer)
    setting.service.error = commands.NotReturnable("because")
    with pytest.raises(commands.NotReturnable, match="because"):
        setting.outcome(setting.protocol().shared.giveBack(b""))
    setting.reactor.settle()
    assert client.recv(1) == b""


def test_returns_are_counted(setting: Setting) -> None:
    """From when one is sent until it is answered for, either way."""
    setting.register()
    for error in (None, commands.NotReturnable("because")):
        _, held, peer = setting.connection()
        setting.give(held, peer)
        setting.service.error = error
        returned = setting.protocol().shared.giveBack(b"").addErrback(lambda _: None)
        assert setting.intake.returning == 1
        setting.outcome(returned)
        assert setting.intake.returning == 0


def test_pinged(setting: Setting) -> None:
    """It says what it has: connections that are open, and those that it gives back."""
    setting.register()

    def asked() -> Any:
        return setting.outcome(setting.service.callRemote(commands.Ping))

    assert asked() == {"connections": 0, "returning": 0}
    kept = [setting.connection() for _ in range(2)]
    for _, held, peer in kept:
        setting.give(held, peer)
    assert asked() == {"connections": 2, "returning": 0}
    kept[0][0].close()
    setting.reactor.settle()
    assert asked() == {"connections": 1, "returning": 0}


def test_draining(setting: Setting) -> None:
    """The answer comes before anything follows from it."""
    setting.register()
    asked: list[float] = []
    setting.port.drain = asked.append  # type: ignore[method-assign]
    answer = setting.service.callRemote(commands.Drain, baseAddress="net.tcp://+/a", deadline=90)
    assert setting.outcome(answer) == {}
    assert asked == []
    setting.reactor.advance(0)
    assert asked == [90.0]


def test_registering(setting: Setting) -> None:
    """A registration says everything that was wished for, and answers with the address."""
    wish = Wish("net.tcp://+/a", "Exact", shared=True, maxOutstanding=3)
    result = setting.outcome(ensureDeferred(setting.worker.register(wish)))
    assert result == "net.tcp://+/a"
    (arguments,) = setting.service.registered
    assert arguments == {
        "version": commands.PROTOCOL_VERSION,
        "baseAddress": "net.tcp://+/a",
        "hostNameComparisonMode": "Exact",
        "pid": os.getpid(),
        "unique": False,
        "shared": True,
        "maxOutstanding": 3,
        "lane": "addressed",
        "drains": True,
        "pings": True,
        "generation": None,
    }


def test_a_refused_registration(setting: Setting) -> None:
    """The service's reason is raised."""
    setting.service.error = commands.AccessDenied("ask somebody")
    with pytest.raises(commands.AccessDenied, match="ask somebody"):
        setting.register()


def test_an_untrusted_service(setting: Setting) -> None:
    """A control socket of somebody else is not spoken to."""
    with pytest.raises(UntrustedService, match="serviceUser"):
        setting.worker.check(frozenset({4001}))
    setting.link.flush()
    assert setting.service.registered == []
    assert not setting.link.connected


def test_trusted_users() -> None:
    """Root and ourselves are trusted, and a user that is named."""
    assert {0, os.geteuid()} <= trusted_users()
    assert trusted_users("4001") == {0, os.geteuid(), 4001}
    with pytest.raises(ValueError, match="no user"):
        trusted_users("nosuchuser")


def test_the_interfaces(setting: Setting) -> None:
    """What protocols are given provides what the house promises."""
    intake = Intake(AdoptingReactor(), Factory(), setting.session)
    verifyObject(ISharedConnection, SharedConnection(intake, None, VIA, "p"))
