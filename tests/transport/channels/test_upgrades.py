"""Secure streams under a channel, with one made up for the tests."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone

from netshare.framing.faults import Fault
from netshare.framing.records import (
    END,
    PREAMBLE_ACK,
    PREAMBLE_END,
    UPGRADE_RESPONSE,
    preamble,
)
from netshare.transport.channels import errors
from netshare.transport.channels.settings import Acceptance
from tests.helpers.channels import (
    DUPLEX,
    VIA,
    Client,
    Scramble,
    Scrambling,
    Server,
    exchange,
)
from tests.helpers.wire import sized_envelope


def test_an_upgraded_session_on_both_sides() -> None:
    """With an upgrade the rest of the session is inside it, and the next begins in clear again."""
    server = Server(answer=Acceptance(upgrades=Scrambling(), upgrade_required=True))
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    client = Client(upgrade=Scrambling())
    for turn in (1, 2):
        trace = exchange(client.transport, server.transport)
        channel = client.channel
        assert channel.security == "a friend"
        assert server.acceptor.receivers[-1].channel.security == "a friend"
        channel.send(b"secret")
        trace += exchange(client.transport, server.transport)
        channel.close()
        trace += exchange(client.transport, server.transport)
        assert trace[:4] == [
            ("c", preamble(VIA, upgrade="scramble")),
            ("s", UPGRADE_RESPONSE),
            ("c", b"hi"),
            ("s", b"hi"),
        ]
        assert [data for _, data in trace[4:]] == list(
            map(
                Scramble.turn,
                (PREAMBLE_END, PREAMBLE_ACK, sized_envelope(b"secret"), END, END),
            )
        )
        assert server.acceptor.receivers[-1].told == [b"secret", "end", "closed"]
        assert len(client.free) == turn
        if turn == 1:
            client.again()


@pytest.mark.parametrize(
    ("opening", "answer"),
    [
        (preamble(VIA, upgrade="other"), Fault.UPGRADE_INVALID.record),
        (DUPLEX, b""),
    ],
)
def test_security_that_does_not_fit_is_refused(opening: bytes, answer: bytes) -> None:
    """Another upgrade is a fault; none where one is required ends the connection without one."""
    server = Server(answer=Acceptance(upgrades=Scrambling(), upgrade_required=True))
    server.transport.receive(opening)
    assert server.transport.take() == answer
    assert server.transport.halfClosed


def test_a_second_upgrade_is_refused() -> None:
    """Inside an upgraded stream no further upgrade is offered."""
    server = Server(answer=Acceptance(upgrades=Scrambling()))
    server.transport.receive(preamble(VIA, upgrade="scramble"))
    server.transport.receive(b"hi")
    server.transport.take()
    server.transport.receive(Scramble.turn(b"\x09\x08scramble"))
    assert server.transport.take() == Scramble.turn(Fault.UPGRADE_INVALID.record)


def test_a_failed_upgrade_ends_the_connection() -> None:
    """When an upgrade fails the client learns it as MessageSecurityError, the server closes."""
    server = Server(answer=Acceptance(upgrades=Scrambling(fails=True)))
    server.transport.receive(preamble(VIA, upgrade="scramble") + b"hi")
    assert server.transport.halfClosed
    client = Client(upgrade=Scrambling(fails=True))
    client.transport.receive(UPGRADE_RESPONSE + b"hi")
    assert type(client.error) is errors.MessageSecurityError
    assert "bad manners" in str(client.error)
    assert client.transport.state == "closing"


def test_a_socket_with_bytes_left_in_an_upgrade_is_not_used_again() -> None:
    """What a server sends behind its End, under the upgraded stream, makes the socket useless."""

    class Untidy(Scramble):
        def stop(self) -> bytes:
            return b"x"

    initiator = Scrambling()
    initiator.upgrade = lambda: Untidy(True)  # type: ignore[method-assign]
    client = Client(upgrade=initiator)
    client.transport.receive(UPGRADE_RESPONSE + b"hi")
    client.transport.receive(Scramble.turn(PREAMBLE_ACK + END))
    client.channel.close()
    assert client.receiver.told == ["end", "closed"]
    assert client.free == []
    assert client.transport.state == "closing"


def test_plain_bytes_behind_the_end_of_an_upgraded_session_are_an_error() -> None:
    """The next preamble is in clear, so anything more in the upgraded stream is refused."""
    server = Server(answer=Acceptance(upgrades=Scrambling()))
    server.acceptor.prepare = lambda r: setattr(r, "onEnd", lambda: r.channel.close())
    server.transport.receive(preamble(VIA, upgrade="scramble"))
    server.transport.receive(b"hi" + Scramble.turn(PREAMBLE_END + END + DUPLEX))
    assert server.transport.state == "aborting"
    assert len(server.acceptor.receivers) == 1


@pytest.mark.parametrize("half", [True, False])
def test_a_secure_stream_that_is_cut_off(half: bool) -> None:
    """In clear EOF behind a message is an end; in a secure stream it is an error without End."""
    for end in (b"", END):
        server = Server(answer=Acceptance(upgrades=Scrambling()))
        server.transport.receive(preamble(VIA, upgrade="scramble"))
        server.transport.receive(b"hi" + Scramble.turn(PREAMBLE_END + sized_envelope(b"one") + end))
        if half:
            server.transport.receiveEof()
        else:
            server.transport.lose(ConnectionDone())
        (receiver,) = server.acceptor.receivers
        if end:
            assert receiver.told[:2] == [b"one", "end"]
        else:
            assert receiver.told == [b"one", errors.CommunicationError]
