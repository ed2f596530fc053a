"""The security options of ``netshare call``."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import pytest
import trustme
from twisted.internet.testing import MemoryReactorClock

from netshare.cli.call import security
from netshare.cli.exits import CommandFailed, Exit
from netshare.cli.target import Target
from netshare.framing.records import NEGOTIATE_UPGRADE, SSL_TLS_UPGRADE
from netshare.transport.channels.upgrades import IUpgradeInitiator
from tests.helpers.certificates import PASSWORD, Authority

TARGET = Target.of("net.tcp://localhost/service")
TLS = ("--security", "Transport", "--credential", "None")
CERTIFICATE = ("--security", "Transport", "--credential", "Certificate")
WINDOWS = ("--security", "Transport", "--credential", "Windows")
IN_MESSAGES = ("--security", "TransportWithMessageCredential", "--credential")
USER_NAME = (*IN_MESSAGES, "UserName")


def upgrade(*arguments: str) -> IUpgradeInitiator | None:
    """What some options ask for."""
    return secured(*arguments).upgrade


def secured(*arguments: str) -> security.Secured:
    """What a call with some options is secured with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--to")
    security.configure(parser)
    return security.secured(MemoryReactorClock(), parser.parse_args(arguments), TARGET)


def test_none_unless_told_otherwise() -> None:
    """Without a word there is no security."""
    assert upgrade() is None
    assert upgrade("--security", "None") is None


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (TLS, SSL_TLS_UPGRADE),
        ((*TLS, "--no-verify"), SSL_TLS_UPGRADE),
        ((*TLS, "--thumbprint", "ab" * 20), SSL_TLS_UPGRADE),
        ((*TLS, "--dns", "calc.example", "--tls", "Tls12"), SSL_TLS_UPGRADE),
        (WINDOWS, NEGOTIATE_UPGRADE),
        (WINDOWS[:2], NEGOTIATE_UPGRADE),
        ((*WINDOWS, "--spn", "host/calc", "--no-ntlm"), NEGOTIATE_UPGRADE),
        ((*WINDOWS, "--dns", "calc", "--protection-level", "Sign"), NEGOTIATE_UPGRADE),
    ],
)
def test_upgrades(options: tuple[str, ...], name: str) -> None:
    """WCF's words lead to WCF's upgrades."""
    made = upgrade(*options)
    assert made is not None
    assert made.name == name


def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's certificate comes from PEM or PFX, its password from a file or standard input."""
    issued = Authority(tmp_path).issue("alice", "alice@example.com")
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\r\nnot the password\n")
    pem, pfx = str(issued.pem.path), str(issued.pfx.path)
    assert upgrade(*CERTIFICATE, "--certificate", pem) is not None
    assert upgrade(*CERTIFICATE, "--certificate", pem, "--certificate-key", pem) is not None
    given = (*CERTIFICATE, "--certificate", pfx, "--password-file")
    assert upgrade(*given, str(secret)) is not None
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD))
    assert upgrade(*given, "-") is not None


def test_the_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal a password is asked for; without one the option for it is named."""
    asked: list[str] = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "secret"

    monkeypatch.setattr("getpass.getpass", answer)
    monkeypatch.setattr("sys.stdin", Terminal())
    assert upgrade(*WINDOWS, "--user", "DOM\\alice") is not None
    assert asked == ["Password of DOM\\alice: "]
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandFailed, match="--password-file FILE"):
        upgrade(*WINDOWS, "--user", "DOM\\alice")


def test_credentials_in_messages(tmp_path: Path) -> None:
    """What a client is known by is shown in messages, the stream is TLS without a credential."""
    pytest.importorskip("lxml", reason="needs lxml")
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    mine = Authority(tmp_path).issue("alice", "a@example.com", key_type=trustme.KeyType.RSA)
    for options in (
        (*USER_NAME, "--user", "ann", "--password-file", str(secret)),
        (*IN_MESSAGES, "Certificate", "--certificate", str(mine.pem.path), "--no-verify"),
        (*IN_MESSAGES, "Windows", "--user", "DOM\\ann", "--password-file", str(secret)),
        (*IN_MESSAGES[:2], "--no-ntlm", "--dns", "calc"),
    ):
        made = secured(*options)
        assert made.messages is not None
        assert made.upgrade is not None
        assert made.upgrade.name == SSL_TLS_UPGRADE
    assert secured(*TLS).messages is None


CASES: list[tuple[tuple[str, ...], str]] = [
    (("--no-verify",), "--no-verify means nothing without --security Transport"),
    (("--user", "x"), "--user means nothing without --security Transport"),
    ((*WINDOWS, "--ca-file", "x"), "--ca-file means nothing without --credential Certificate"),
    ((*TLS, "--spn", "host/x"), "--spn means nothing without --credential Windows"),
    ((*TLS, "--protection-level", "Sign"), "means nothing without --credential Windows"),
    ((*TLS, "--certificate", "x"), "is for --credential Certificate"),
    ((*CERTIFICATE,), "--certificate FILE"),
    ((*CERTIFICATE, "--certificate", "/nowhere/x.pem"), "/nowhere/x.pem: No such file"),
    ((*TLS, "--ca-file", "/nowhere/x"), "/nowhere/x: No such file"),
    ((*TLS, "--ca-file", "x", "--no-verify"), "--ca-file means nothing"),
    ((*TLS, "--dns", "x", "--thumbprint", "ab" * 20), "one identity"),
    ((*TLS, "--thumbprint", "xyz"), "no thumbprint"),
    ((*WINDOWS, "--spn", "calc"), "no service principal name"),
    ((*WINDOWS, "--password-file", "x"), "without --user"),
    ((*WINDOWS, "--user", "x", "--password-file", "/nowhere/x"), "cannot be read"),
    ((*TLS[:2], "--credential", "UserName"), "is for --security TransportWithMessageCredential"),
    ((*IN_MESSAGES, "None"), "has no --credential None"),
    ((*IN_MESSAGES, "Windows", "--spn", "host/x"), "--spn means nothing without"),
    ((*IN_MESSAGES, "Windows", "--certificate", "x"), "--certificate means nothing without"),
    ((*IN_MESSAGES[:2], "--password-file", "x"), "without --user"),
    ((*IN_MESSAGES[:2], "--protection-level", "Sign"), "means nothing without"),
    (USER_NAME, "--credential UserName needs --user NAME"),
    ((*USER_NAME, "--user", "x", "--no-ntlm"), "--no-ntlm means nothing without"),
    ((*USER_NAME, "--user", "x", "--certificate", "x"), "means nothing without --credential Cert"),
    ((*IN_MESSAGES, "Certificate"), "--certificate FILE"),
    ((*IN_MESSAGES, "Certificate", "--user", "x"), "--user means nothing without"),
]


@pytest.mark.parametrize(("options", "says"), CASES)
def test_what_does_not_go_together(options: tuple[str, ...], says: str) -> None:
    """What makes no security, or could not be meant, is an error of the command line."""
    with pytest.raises(CommandFailed) as caught:
        upgrade(*options)
    assert caught.value.code is Exit.USAGE
    assert says in str(caught.value)


def test_there_is_no_option_for_a_password() -> None:
    """A password cannot come to stand in a command line."""
    parser: Any = argparse.ArgumentParser()
    security.configure(parser)
    names = {name for action in parser._actions for name in action.option_strings}
    assert {one for one in names if "password" in one} == {"--password-file"}
