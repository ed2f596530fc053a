"""The handshakes that a probe knows."""

from __future__ import annotations

from datetime import UTC, datetime

from netshare.cli.probe.handshake import Handshake
from netshare.cli.probe.tls import TlsHandshake
from netshare.cli.probe.windows import KERBEROS, NegotiateHandshake


def test_each_says_why_it_ended() -> None:
    """The reason that a connection gives is told to people and to programs."""
    handshakes: list[Handshake] = [
        TlsHandshake("host", datetime.now(UTC)),
        NegotiateHandshake(KERBEROS),
    ]
    for handshake in handshakes:
        assert handshake.start()
        assert not handshake.done
        handshake.ended("the line is cut")
        assert handshake.done
        assert "the line is cut" in handshake.lines()[0]
        assert handshake.as_json()["trouble"] == "the line is cut"
