"""What a probe sees of Windows authentication."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import maybeDeferred

from netshare.cli.probe.windows import KERBEROS, NTLM, NegotiateHandshake
from netshare.transport.security.negotiate import NegotiateAcceptor
from tests.helpers.shaking import shake
from tests.helpers.windows import ntlm_users


def test_ntlm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with NTLM alone offers it, and not Kerberos; no name of a user is sent."""
    ntlm_users(tmp_path, monkeypatch)
    monkeypatch.setenv("KRB5_CONFIG", "/dev/null")
    monkeypatch.setenv("KRB5_KTNAME", str(tmp_path / "none"))
    found = {}
    for mechanism in (NTLM, KERBEROS):
        look = NegotiateHandshake(mechanism)
        shake(look, NegotiateAcceptor(maybeDeferred).upgradeFor("application/negotiate"))
        found[mechanism] = look.as_json()
    assert found[NTLM] == {"mechanism": "NTLM", "offered": True, "trouble": None}
    assert found[KERBEROS]["offered"] is False
    assert found[KERBEROS]["trouble"].startswith("refused, 0x8009")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("150100000800000000 8009030c", "NTLM: refused, 0x8009030c"),
        ("1501000000", "NTLM: refused"),
        ("1601000009 a1073005a0030a0102", "NTLM: refused"),
        ("1601000000", "NTLM: refused"),
        ("ff", "NTLM: a handshake frame of the kind 0xff"),
        ("160100000c 4e544c4d53535000 02000000", "NTLM: offered"),
        ("1601000017 a1153013a0030a0103a10c060a2b06010401823702020a", "NTLM: offered"),
        ("1601000017 a1153013a0030a0102a10c060a2b06010401823702020a", "NTLM: refused"),
    ],
)
def test_answers(answer: str, says: str) -> None:
    """A challenge, bare or in SPNEGO, is an offer; no refusal is, nor nonsense."""
    look = NegotiateHandshake(NTLM)
    look.start()
    for byte in bytes.fromhex(answer):
        assert look.feed(bytes((byte,))) == b""
    assert look.lines() == [says]
    look.ended("the server closes the connection")
    assert look.lines() == [says]
