"""What is demanded of security contexts, and what is said where there is none."""

from __future__ import annotations

import pytest

from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.negotiate import context
from netshare.transport.security.negotiate.context import (
    InitiatorOptions,
    NegotiateFailed,
    SecurityMissing,
    acceptor,
    initiator,
    is_bare_ntlm,
    step,
)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyspnego the error says what to install."""
    monkeypatch.setattr(context, "spnego", None)
    for make in (lambda: initiator(InitiatorOptions("h")), lambda: acceptor(ProtectionLevel.NONE)):
        with pytest.raises(SecurityMissing, match=r"pip install 'txnetshare\[negotiate\]'"):
            make()


def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without a ticket or a password is told how to get one."""
    pytest.importorskip("spnego", reason="needs pyspnego")
    for name in ("NTLM_USER_FILE", "KRB5CCNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KRB5CCNAME", "FILE:/nowhere/at/all")
    with pytest.raises((SecurityMissing, NegotiateFailed)) as raised:
        step(initiator(InitiatorOptions("localhost")), b"", True)
    assert "redential" in str(raised.value)


def test_without_a_keytab(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with neither a keytab nor a file of users says what to set."""
    pytest.importorskip("spnego", reason="needs pyspnego")
    monkeypatch.delenv("NTLM_USER_FILE", raising=False)
    monkeypatch.setenv("KRB5_KTNAME", "/nowhere/at/all")
    with pytest.raises((SecurityMissing, NegotiateFailed)):
        step(acceptor(ProtectionLevel.SIGN), b"\x60\x00", True)


def test_bare_ntlm() -> None:
    """NTLM without SPNEGO around it is recognized by its first bytes."""
    assert is_bare_ntlm(b"NTLMSSP\0\x01")
    assert not is_bare_ntlm(b"\x60\x28")
