"""
Which credential messages carry where a binding says TransportWithMessageCredential, and whom a
service believes.

=============  ===========================================================
credential     a client's first message
=============  ===========================================================
USER_NAME      a name and a password, which a validator of the service's checks
CERTIFICATE    a certificate, and a signature with its key
WINDOWS        SPNEGO's, in a negotiation of a few messages
=============  ===========================================================

Each becomes a security context, with which the messages after it are signed
(:mod:`.secureconversation`). The connection is secured by TLS, the client anonymous in it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL, crypto
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, ensureDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from netshare.transport.security.certificates import (
    CertificateError,
    CertificateFile,
    Reread,
    identity_of,
)
from netshare.transport.security.credentials import (
    ClientCredentials,
    ServiceCredentials,
    UserNameValidator,
)
from netshare.transport.security.endpointidentity import EndpointIdentity
from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.negotiate import SecurityMissing, require_spnego
from netshare.transport.security.negotiate.context import acceptor, advice, initiator
from netshare.transport.security.secureconversation import (
    CertificateCredential,
    ClientMessageSecurity,
    SecurityInvalid,
    ServiceMessageSecurity,
    ServiceNegotiations,
    UserNameToken,
    WindowsCredential,
)
from netshare.transport.security.secureconversation.signatures import require_lxml
from netshare.transport.security.transportsecurity import (
    SecurityNotAvailable,
    in_threads_of,
    windows_options,
)
from netshare.transport.security.validation import (
    CertificateRefused,
    CertificateValidation,
    CertificateValidationMode,
)

__all__ = ["ClientSecurityFor", "MessageCredentialType", "MessageSecurity"]

#: Calls a function of the user's: gives its result or a Deferred of it.
Call = Callable[..., Any]
#: Makes the security of a new channel, for an address, the via to it, and what the service there
#: has to be.
ClientSecurityFor = Callable[[str, str, EndpointIdentity | None], ClientMessageSecurity]
#: What a client shows, for an address, a via and an identity.
_CredentialFor = Callable[
    [str, str, EndpointIdentity | None],
    UserNameToken | CertificateCredential | WindowsCredential,
]

#: How many user names are validated at a time; the others wait.
MAX_VALIDATING: Final = 64
#: How long that may take, waiting included, in seconds.
VALIDATION_TIMEOUT: Final = 30.0


class MessageCredentialType(Enum):
    """How a client says who it is (``binding.Security.Message.ClientCredentialType``)."""

    WINDOWS = "Windows"
    USER_NAME = "UserName"
    CERTIFICATE = "Certificate"


@dataclass(frozen=True, slots=True)
class MessageSecurity:
    """
    What a binding with SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL says.
    """

    credential: MessageCredentialType

    def service(
        self, credentials: ServiceCredentials, clock: IReactorTime, call: Call
    ) -> ServiceMessageSecurity:
        """
        :param credentials: the service's
        :param clock: a reactor, whose seconds are those since the epoch
        :param call: calls the validator
        :returns: what verifies the messages of all clients of an endpoint
        :raises SecurityNotAvailable: a validator, or a package, is missing
        :raises CertificateError: a certificate cannot be read
        """
        _require_lxml()
        now, lifetime = clock.seconds, credentials.context_lifetime
        if self.credential is MessageCredentialType.CERTIFICATE:
            certificates = _Certificates(credentials.client_certificate)
            return ServiceMessageSecurity(now, certificates=certificates, lifetime=lifetime)
        if self.credential is MessageCredentialType.WINDOWS:
            _require_windows()
            windows, run = credentials.windows, in_threads_of(clock)
            make = functools.partial(acceptor, ProtectionLevel.ENCRYPT_AND_SIGN, windows.spn)
            negotiations = ServiceNegotiations(now, make, run, windows.allow_ntlm)
            return ServiceMessageSecurity(now, windows=negotiations, lifetime=lifetime)
        if credentials.user_name_validator is None:
            raise SecurityNotAvailable(
                "a service that takes user names needs to know whom to believe: ServiceHost(…, "
                "credentials=ServiceCredentials(certificate=…, user_name_validator=check)), where "
                "check(name, password) raises an exception for a wrong one"
            )
        users = _UserNames(credentials.user_name_validator, clock, call)
        return ServiceMessageSecurity(now, user_names=users, lifetime=lifetime)

    def client(self, credentials: ClientCredentials, clock: IReactorTime) -> ClientSecurityFor:
        """
        :param credentials: the client's
        :param clock: a reactor, whose seconds are those since the epoch
        :returns: makes the security of each channel
        :raises SecurityNotAvailable: a credential, or a package, is missing
        :raises CertificateError: a certificate cannot be read
        """
        _require_lxml()
        credential_for = {
            MessageCredentialType.CERTIFICATE: _certificate,
            MessageCredentialType.USER_NAME: _user_name,
            MessageCredentialType.WINDOWS: _windows,
        }[self.credential](credentials, clock)
        return lambda *to: ClientMessageSecurity(clock.seconds, credential_for(*to))


def _certificate(credentials: ClientCredentials, clock: IReactorTime) -> _CredentialFor:
    file = credentials.certificate
    if file is None:
        raise SecurityNotAvailable(
            "a client of a service that wants certificates needs one: "
            "credentials=ClientCredentials(certificate=PemCertificate('client.pem'))"
        )
    loaded = Reread(file.paths, functools.partial(_load, file))
    loaded.get()  # complains of what cannot be read
    return lambda *to: loaded.get()


def _user_name(credentials: ClientCredentials, clock: IReactorTime) -> _CredentialFor:
    user = credentials.user_name
    if user is None:
        raise SecurityNotAvailable(
            "a client of a service that wants user names needs one: credentials="
            "ClientCredentials(user_name=UserNameCredential('ann', 'her password'))"
        )
    token = UserNameToken(user.name, user.password)
    return lambda *to: token


def _windows(credentials: ClientCredentials, clock: IReactorTime) -> _CredentialFor:
    _require_windows()
    windows, run = credentials.windows, in_threads_of(clock)

    def credential(address: str, via: str, identity: EndpointIdentity | None) -> WindowsCredential:
        options = windows_options(windows, address, via, identity, ProtectionLevel.ENCRYPT_AND_SIGN)
        make = functools.partial(initiator, options)
        return WindowsCredential(make, run, windows.allow_ntlm, advice(options))

    return credential


def _require_windows() -> None:
    try:
        require_spnego()
    except SecurityMissing as error:
        raise SecurityNotAvailable(
            f"NetTcpBinding asks for Windows credentials in messages, WCF's default: {error}; with "
            "message_credential_type=MessageCredentialType.USER_NAME or CERTIFICATE messages carry "
            "others, on both sides"
        ) from None


def _require_lxml() -> None:
    try:
        require_lxml()
    except ImportError as error:
        raise SecurityNotAvailable(f"NetTcpBinding: {error}") from None


def _load(file: CertificateFile) -> CertificateCredential:
    loaded = file.load()
    loaded.use_in(SSL.Context(SSL.TLS_METHOD))  # complains of a key that is another's
    if not isinstance(loaded.key, rsa.RSAPrivateKey):
        raise CertificateError(
            f"{file.paths[0]}: WCF signs messages with RSA only, and this is another kind of key"
        )
    return CertificateCredential(loaded.certificate, loaded.key)


class _UserNames:
    """
    Asks the user's validator, so many times at once, and not for ever.
    """

    def __init__(self, validator: UserNameValidator, clock: IReactorTime, call: Call) -> None:
        self._validator = validator
        self._clock = clock
        self._call = call
        self._running = DeferredSemaphore(MAX_VALIDATING)

    def __call__(self, name: str, password: str) -> Deferred[Identity]:
        checking = ensureDeferred(self._check(name, password))
        checking.addTimeout(VALIDATION_TIMEOUT, self._clock)
        return checking.addErrback(self._failed, name[:100])

    async def _check(self, name: str, password: str) -> Identity:
        await self._running.acquire()
        try:
            result = self._call(self._validator, name, password)
            if isinstance(result, Deferred):
                result = await result
        finally:
            self._running.release()
        if result is not None and result is not True:
            raise ValueError(f"the validator returned {result!r:.100}, not None or True")
        return Identity(name, IdentityKind.USER_NAME)

    def _failed(self, failure: Failure, name: str) -> Failure:
        why = f"it is not let in: {failure.value}"
        if failure.check(TookTooLong, CancelledError):
            why = f"the validator has not decided within {VALIDATION_TIMEOUT:.0f} s"
        return Failure(SecurityInvalid(f"the user {name!r}: {why}"))


class _Certificates:
    """
    Validates certificates that came in messages.
    """

    def __init__(self, validation: CertificateValidation) -> None:
        self._validation = validation
        self._context = Reread(validation.paths, self._make)
        self._context.get()

    def _make(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_METHOD)
        self._validation.trust_in(context, server=True)
        return context

    def __call__(self, certificate: x509.Certificate) -> Identity:
        try:
            if self._validation.mode is CertificateValidationMode.CHAIN_TRUST:
                store = self._context.get().get_cert_store()
                assert store is not None
                found = crypto.X509.from_cryptography(certificate)
                crypto.X509StoreContext(store, found).verify_certificate()
            self._validation.check(certificate)
        except (crypto.X509StoreContextError, CertificateRefused) as error:
            subject = certificate.subject.rfc4514_string()
            raise SecurityInvalid(f"the certificate of {subject} is refused: {error}") from None
        return identity_of(certificate)
