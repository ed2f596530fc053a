"""From a binding's words to what secures messages."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from netshare.transport.contracts.binding import NetTcpBinding, SecurityMode, TransferMode
from netshare.transport.security import (
    CertificateError,
    CertificateValidation,
    ClientCredentials,
    MessageCredentialType,
    PemCertificate,
    SecurityNotAvailable,
    ServiceCredentials,
    UserNameCredential,
    messagecredentials,
)
from netshare.transport.security.messagecredentials import (
    MAX_VALIDATING,
    MessageSecurity,
    _Certificates,
    _UserNames,
)
from netshare.transport.security.negotiate import context
from netshare.transport.security.secureconversation import SecurityInvalid, signatures
from tests.helpers.certificates import Authority
from tests.helpers.crediting import RSA

pytest.importorskip("lxml", reason="needs lxml")

USER_NAME, CERTIFICATE = MessageCredentialType.USER_NAME, MessageCredentialType.CERTIFICATE


def call(function: Any, *args: Any) -> Any:
    return function(*args)


def test_what_is_missing() -> None:
    """Each side says in a sentence what it has to be given."""
    for kind, side, words in (
        (USER_NAME, "service", "user_name_validator"),
        (USER_NAME, "client", "UserNameCredential"),
        (CERTIFICATE, "client", "certificate="),
    ):
        security = MessageSecurity(kind)
        make = {
            "service": lambda: security.service(ServiceCredentials(), Clock(), call),  # noqa: B023
            "client": lambda: security.client(ClientCredentials(), Clock()),  # noqa: B023
        }[side]
        with pytest.raises(SecurityNotAvailable, match=words):
            make()


def test_without_pyspnego(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyspnego the sentence says how to get it, and what else there is."""
    monkeypatch.setattr(context, "spnego", None)
    security = MessageSecurity(MessageCredentialType.WINDOWS)
    for make in (
        lambda: security.service(ServiceCredentials(), Clock(), call),
        lambda: security.client(ClientCredentials(), Clock()),
    ):
        with pytest.raises(SecurityNotAvailable, match=r"txnetshare\[negotiate\].*USER_NAME"):
            make()


def test_without_lxml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without lxml the sentence says how to get it."""
    monkeypatch.setattr(signatures, "etree", None)
    with pytest.raises(SecurityNotAvailable, match="messagesecurity"):
        MessageSecurity(USER_NAME).client(
            ClientCredentials(user_name=UserNameCredential("ann", "secret")), Clock()
        )


def test_bindings() -> None:
    """The binding has TLS without a client certificate below, streamed or not."""
    options: dict[str, Any] = {
        "security": SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL,
        "message_credential_type": USER_NAME,
    }
    binding = NetTcpBinding(**options)
    transport = binding.transport_security()
    assert transport is not None
    assert transport.credential.value == "None"
    assert binding.message_security() == MessageSecurity(USER_NAME)
    assert NetTcpBinding(security=SecurityMode.NONE).message_security() is None
    streamed = NetTcpBinding(**options, transfer_mode=TransferMode.STREAMED)
    assert streamed.message_security() == MessageSecurity(USER_NAME)
    default = NetTcpBinding(security=SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL)
    assert default.message_security() == MessageSecurity(MessageCredentialType.WINDOWS)


def test_keys(authority: Authority, tmp_path: Any) -> None:
    """A client's key has to be RSA's, as WCF's, and its own certificate's."""
    security = MessageSecurity(CERTIFICATE)
    other = authority.issue("elliptic", "ann@example.com")
    with pytest.raises(CertificateError, match="RSA only"):
        security.client(ClientCredentials(certificate=other.pem), Clock())
    one, two = (authority.issue(name, "a@example.com", key_type=RSA) for name in ("one", "two"))
    mixed = PemCertificate(one.pem.path, two.pem.path)
    with pytest.raises(CertificateError, match="does not belong"):
        security.client(ClientCredentials(certificate=mixed), Clock())


def test_certificates(authority: Authority, strangers: Authority) -> None:
    """A chain to a root is needed, or a validator's word, or nothing."""
    mine = authority.issue("mine", "ann@example.com", key_type=RSA).certificate
    other = strangers.issue("other", "ann@example.com", key_type=RSA).certificate
    trusting = _Certificates(CertificateValidation(roots=authority.roots))
    assert trusting(mine).thumbprint
    with pytest.raises(SecurityInvalid, match="refused"):
        trusting(other)
    assert _Certificates(CertificateValidation.none())(other)

    def object_to(certificate: Any) -> None:
        raise ValueError("not this one")

    with pytest.raises(SecurityInvalid, match="not this one"):
        _Certificates(CertificateValidation.by(object_to))(mine)


@pytest.mark.parametrize("result", [False, 0, "", "ann", object()])
def test_results_of_validators(result: Any) -> None:
    """Only None and True let a user in: a forgotten `return` of something else does not."""
    failures: list[Any] = []
    users = _UserNames(lambda name, password: result, Clock(), call)
    users("ann", "secret").addErrback(failures.append)
    failures[0].trap(SecurityInvalid)
    assert "secret" not in str(failures[0].value)


def test_validators_are_bounded() -> None:
    """So many run at a time; who waits too long is refused and takes no place away."""
    from twisted.internet.defer import Deferred

    clock, running, results = Clock(), [], []

    def validate(name: str, password: str) -> Deferred[None]:
        running.append(Deferred())
        return running[-1]

    users = _UserNames(validate, clock, call)
    for number in range(MAX_VALIDATING + 2):
        users(f"user {number}", "").addBoth(results.append)
    assert len(running) == MAX_VALIDATING
    running[0].callback(None)
    assert len(running) == MAX_VALIDATING + 1
    clock.advance(messagecredentials.VALIDATION_TIMEOUT + 1)
    assert len(results) == MAX_VALIDATING + 2
    assert results[0].name == "user 0"
    assert all("not decided" in str(one.value) for one in results[1:])
    users("the next", "").addBoth(results.append)
    running[-1].callback(True)
    assert results[-1].name == "the next"


def test_lifetimes() -> None:
    """A context's lifetime has to be one."""
    for wrong in (0.0, -1.0, float("nan"), 1e12):
        with pytest.raises(ValueError, match="context_lifetime"):
            ServiceCredentials(context_lifetime=wrong)


def test_passwords_are_not_shown() -> None:
    """A credential's repr has no password in it."""
    assert "secret" not in repr(ClientCredentials(user_name=UserNameCredential("ann", "secret")))
