"""
What SPNEGO, Kerberos and NTLM do for ``application/negotiate``, through ``pyspnego``: tokens of a
handshake, and the protection of what follows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.security.levels import ProtectionLevel

try:
    import spnego
except ImportError:  # pragma: no cover - the extra is not installed
    spnego = None  # type: ignore[assignment]


class Refusal(IntEnum):
    """The codes of refusals that this side sends. ([MS-ERREF]; RSn _NegoState)"""

    #: SEC_E_LOGON_DENIED: the credentials are wrong.
    LOGON_DENIED = 0x8009030C
    #: SEC_E_INVALID_TOKEN: it was no token, or none of a mechanism that is known here.
    INVALID_TOKEN = 0x80090308
    #: ERROR_TRUST_FAILURE: the level of protection, or the mechanism, is not the one demanded.
    TRUST_FAILURE = 1790


class NegotiateFailed(Exception):
    """
    The handshake, or a protected message, is not accepted.

    :param reason: one clause, for the log and for the user
    :param code: what the other side is told
    """

    def __init__(self, reason: str, code: Refusal = Refusal.LOGON_DENIED) -> None:
        super().__init__(reason)
        self.code = code


class SecurityMissing(Exception):
    """
    What Windows authentication needs is not installed or not set up; the message says what to do.
    """


class ISecurityContext(Protocol):
    """What is used of a context of ``pyspnego``."""

    @property
    def complete(self) -> bool: ...
    @property
    def negotiated_protocol(self) -> str | None: ...
    @property
    def client_principal(self) -> str | None: ...
    @property
    def context_attr(self) -> Any: ...
    def step(self, in_token: bytes | None = None) -> bytes | None: ...
    def wrap(self, data: bytes, encrypt: bool = True) -> Any: ...
    def unwrap(self, data: bytes) -> Any: ...
    def sign(self, data: bytes) -> bytes: ...
    def verify(self, data: bytes, mic: bytes) -> int: ...


#: Makes the context of one handshake.
ContextMaker = Callable[[], ISecurityContext]

#: A signature of NTLM stands before what it signs. ([MS-NLMP] 2.2.2.9)
_NTLM_SIGNATURE = 16
_NTLM_MESSAGE = b"NTLMSSP\x00"


def require_spnego() -> Any:
    """
    :returns: the package ``spnego``
    :raises SecurityMissing: it is not installed
    """
    if spnego is None:
        raise SecurityMissing(
            "Windows authentication needs the package pyspnego: pip install "
            "'txnetshare[negotiate]', or 'txnetshare[kerberos]' for Kerberos"
        )
    return spnego


def _demands(level: ProtectionLevel, initiate: bool) -> Any:
    req = spnego.ContextReq
    wanted = req.identify if initiate else req.none
    if level is ProtectionLevel.NONE:
        return wanted | req.no_integrity
    wanted |= req.replay_detect | req.sequence_detect | req.integrity | req.mutual_auth
    if level is ProtectionLevel.ENCRYPT_AND_SIGN:
        wanted |= req.confidentiality
    return wanted


@dataclass(frozen=True, slots=True)
class InitiatorOptions:
    """
    What a client says of itself and demands of the server.

    :param host: the host of the address
    :param spn: the service's principal, such as ``host/server.example``; None: ``host/`` and the
        host. ([NetTcpBinding]: SpnEndpointIdentity)
    :param user: ``DOMAIN\\user`` or ``user@REALM``; None: the credential cache of this process
    :param level: what messages are protected against
    :param allow_ntlm: whether NTLM may be used where Kerberos cannot
    """

    host: str
    spn: str | None = None
    user: str | None = None
    password: str | None = None
    level: ProtectionLevel = ProtectionLevel.ENCRYPT_AND_SIGN
    allow_ntlm: bool = True


def initiator(options: InitiatorOptions) -> ISecurityContext:
    """
    The client's side of a handshake.

    :raises SecurityMissing: pyspnego is not installed, or finds no credentials
    """
    package = require_spnego()
    service, _, host = (options.spn or f"host/{options.host}").partition("/")
    protocol = "negotiate" if options.level is not ProtectionLevel.NONE else "ntlm"
    if not options.allow_ntlm:
        protocol = "kerberos" if options.level is ProtectionLevel.NONE else "negotiate"
    try:
        context: ISecurityContext = package.client(
            options.user,
            options.password,
            hostname=host,
            service=service,
            context_req=_demands(options.level, True),
            protocol=protocol,
        )
    except Exception as error:  # pyspnego lets errors of GSSAPI and of files through
        raise SecurityMissing(_nothing_to_show(options, error)) from None
    return context


def _nothing_to_show(options: InitiatorOptions, error: Exception) -> str:
    return f"{advice(options)} ({_sentence(error)})"


def advice(options: InitiatorOptions) -> str:
    """:returns: what to do where a client has no credentials that can be used"""
    who = options.user or "the user of this process"
    spn = options.spn or f"host/{options.host}"
    return (
        f"{who} has no Windows credentials for the service {spn}: get a Kerberos ticket (kinit), "
        "or name a user and a password: ClientCredentials(windows=WindowsClientCredential(...))"
    )


def acceptor(level: ProtectionLevel, spn: str | None = None) -> ISecurityContext:
    """
    The service's side of a handshake.

    The key of the service comes from the keytab that ``KRB5_KTNAME`` names, NTLM's passwords
    from the file that ``NTLM_USER_FILE`` names.

    :param spn: the principal to accept; None: any that the keytab has
    :raises SecurityMissing: pyspnego is not installed, or has neither of them
    """
    package = require_spnego()
    service, _, host = spn.partition("/") if spn else (None, "", None)
    try:
        context: ISecurityContext = package.server(
            hostname=host or "unspecified",
            service=service or "host",
            context_req=_demands(level, False),
            protocol="negotiate",
        )
    except Exception as error:
        raise SecurityMissing(
            f"this process cannot accept Windows credentials: {_sentence(error)}; name a keytab "
            "in KRB5_KTNAME for Kerberos, or a file of users in NTLM_USER_FILE for NTLM"
        ) from None
    return context


def step(context: ISecurityContext, token: bytes, first: bool) -> bytes:
    """
    One turn of a handshake. It may ask a KDC, and so takes its time.

    :param token: what the other side sent; empty at the beginning
    :param first: whether it is the first that the other side sent: one that cannot be read is no
        token, while later ones are wrong for what they prove
    :returns: what to send; may be empty
    :raises NegotiateFailed: the handshake is over
    """
    try:
        return context.step(token or None) or b""
    except Exception as error:  # ValueError, struct.error and others for tokens that are none
        code = Refusal.INVALID_TOKEN if first else Refusal.LOGON_DENIED
        raise NegotiateFailed(_sentence(error), code) from None


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def check(context: ISecurityContext, level: ProtectionLevel, allow_ntlm: bool, bare: bool) -> None:
    """
    Whether a complete handshake came to what is demanded.

    :param bare: whether NTLM was spoken without SPNEGO around it
    :raises NegotiateFailed: it did not
    """
    mechanism = _mechanism(context)
    if mechanism == "NTLM" and not allow_ntlm:
        raise NegotiateFailed("NTLM is not allowed here", Refusal.TRUST_FAILURE)
    if bare and level is not ProtectionLevel.NONE:
        raise NegotiateFailed(
            f"bare NTLM does not give the protection level {level.value}", Refusal.TRUST_FAILURE
        )
    given, req = context.context_attr, spnego.ContextReq
    missing = {
        ProtectionLevel.NONE: req.none,
        ProtectionLevel.SIGN: req.integrity,
        ProtectionLevel.ENCRYPT_AND_SIGN: req.integrity | req.confidentiality,
    }[level] & ~given
    if missing:
        raise NegotiateFailed(
            f"the handshake does not give the protection level {level.value}",
            Refusal.TRUST_FAILURE,
        )


def identity(context: ISecurityContext) -> Identity:
    """
    Who the client of a complete handshake is.
    """
    return Identity(
        name=context.client_principal or "",
        kind=IdentityKind.WINDOWS,
        mechanism=_mechanism(context),
    )


def uses_ntlm(context: ISecurityContext) -> bool:
    """Whether a handshake, as far as it has come, is NTLM's."""
    return context.negotiated_protocol == "ntlm"


def is_bare_ntlm(token: bytes) -> bool:
    """Whether a first token is NTLM's own, with no SPNEGO around it."""
    return token.startswith(_NTLM_MESSAGE)


def _mechanism(context: ISecurityContext) -> str:
    return {"ntlm": "NTLM", "kerberos": "Kerberos"}.get(context.negotiated_protocol or "", "?")


class Protection:
    """
    What a complete context does with the bytes of the stream.

    :param level: what this side demands; it is checked for each frame that comes
    """

    def __init__(self, context: ISecurityContext, level: ProtectionLevel) -> None:
        self._context = context
        self._seals = level is ProtectionLevel.ENCRYPT_AND_SIGN
        # NTLM's own unwrap decrypts whatever it gets, so signatures are looked at one by one.
        self._signs_apart = not self._seals and _mechanism(context) == "NTLM"

    def protect(self, data: bytes) -> bytes:
        """
        :param data: at most :data:`~.frames.MAX_PLAIN` bytes
        :returns: the token for a data frame
        """
        if self._signs_apart:
            return self._context.sign(data) + data
        token: bytes = self._context.wrap(data, encrypt=self._seals).data
        return token

    def unprotect(self, token: bytes) -> bytes:
        """
        :returns: the bytes that a data frame carries; may be empty
        :raises NegotiateFailed: it was changed on its way, repeated, or is not encrypted where it
            has to be
        """
        try:
            if self._signs_apart:
                data = token[_NTLM_SIGNATURE:]
                self._context.verify(data, token[:_NTLM_SIGNATURE])
                return data
            result = self._context.unwrap(token)
        except Exception as error:
            raise NegotiateFailed(
                f"a protected message is not genuine ({_sentence(error)})"
            ) from None
        if self._seals and not result.encrypted:
            raise NegotiateFailed("a message came that is signed but not encrypted")
        plain: bytes = result.data
        return plain
