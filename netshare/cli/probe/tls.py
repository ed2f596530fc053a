"""
What a service shows in a TLS handshake: its certificate, the version, and whether it asks for a
certificate of the client's.

Nothing is refused here, be it ever so old or wrong: it is to be shown, not to be trusted.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from service_identity.exceptions import CertificateError as NoNames

from netshare.cli.terminal import clean

__all__ = ["TlsHandshake"]

#: A handshake that has more bytes is given up.
_LONGEST: Final = 256 * 1024
_PIECE: Final = 1 << 16
_EXPIRED, _NOT_YET_VALID = 10, 9
#: What OpenSSL's verification errors mean: X509_V_ERR_… of its manual.
_UNTRUSTED = {
    18: "it is self-signed",
    19: "its root is not among this system's authorities",
    20: "its authority is not among this system's",
    21: "its authority is not among this system's",
}


class TlsHandshake:
    """
    A client's side of ``application/ssl-tls``, without a certificate of its own and without SNI,
    as WCF's clients do.

    :param host: of the address: whom the certificate should be for
    :param now: when it should be valid
    """

    mechanism = ""

    def __init__(self, host: str, now: datetime) -> None:
        self._host = host
        self._now = now
        self._fed = 0
        self._over = False
        self.trouble = ""
        self.certificate: x509.Certificate | None = None
        self.wants_certificate = False
        #: Why this system's authorities do not vouch for the certificate; empty when they do.
        self.untrusted = ""
        self._tls = SSL.Connection(self._context(), None)
        self._tls.set_connect_state()

    @property
    def done(self) -> bool:
        """See :class:`.handshake.Handshake`."""
        return self._over

    def start(self) -> bytes:
        """See :class:`.handshake.Handshake`."""
        return self._go_on()

    def feed(self, data: bytes) -> bytes:
        """See :class:`.handshake.Handshake`."""
        if self._over:
            return b""
        self._fed += len(data)
        if self._fed > _LONGEST:
            self.ended("it has no end")
            return b""
        self._tls.bio_write(data)
        return self._go_on()

    def ended(self, why: str) -> None:
        """See :class:`.handshake.Handshake`."""
        if not self._over:
            self.trouble, self._over = why, True

    @property
    def expired(self) -> bool:
        """Whether the certificate is not valid any more."""
        found = self.certificate
        return found is not None and self._now > found.not_valid_after_utc

    @property
    def early(self) -> bool:
        """Whether it is not valid yet."""
        found = self.certificate
        return found is not None and self._now < found.not_valid_before_utc

    @property
    def fits(self) -> bool:
        """Whether the certificate is for the host of the address."""
        certificate, host = self.certificate, self._host
        if certificate is None:
            return False
        try:
            try:
                ipaddress.ip_address(host)
            except ValueError:
                verify_certificate_hostname(certificate, host)
            else:
                verify_certificate_ip_address(certificate, host)
        except (VerificationError, NoNames, ValueError):
            return False
        return True

    @property
    def names(self) -> list[str]:
        """Whom the certificate is for: DNS names and addresses."""
        if self.certificate is None:
            return []
        extensions = self.certificate.extensions
        try:
            found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return []
        addresses = found.get_values_for_type(x509.IPAddress)
        return found.get_values_for_type(x509.DNSName) + [str(one) for one in addresses]

    def lines(self) -> list[str]:
        """See :class:`.handshake.Handshake`."""
        said = [f"the handshake fails: {clean(self.trouble)}"] if self.trouble else []
        if not self.trouble:
            version, cipher = self._tls.get_protocol_version_name(), self._tls.get_cipher_name()
            said.append(f"{version}, {cipher}")
        if self.wants_certificate:
            said.append("asks for a certificate of the client's")
        certificate = self.certificate
        if certificate is None:
            return said
        names = ", ".join(map(clean, self.names)) or "no name"
        said += [
            f"certificate {clean(certificate.subject.rfc4514_string())}",
            f"issued by {clean(certificate.issuer.rfc4514_string())}",
            f"for {names}" + ("" if self.fits else f"; NOT for {clean(self._host)}"),
            self._dates(certificate),
            f"thumbprint {self._thumbprint(certificate)}",
        ]
        if self.untrusted:
            said.append(f"not trusted by this system: {self.untrusted}")
        return said

    def as_json(self) -> dict[str, Any]:
        """See :class:`.handshake.Handshake`."""
        done = not self.trouble
        certificate = self.certificate
        return {
            "version": self._tls.get_protocol_version_name() if done else None,
            "cipher": self._tls.get_cipher_name() if done else None,
            "trouble": self.trouble or None,
            "asksForClientCertificate": self.wants_certificate,
            "certificate": None
            if certificate is None
            else {
                "subject": certificate.subject.rfc4514_string(),
                "issuer": certificate.issuer.rfc4514_string(),
                "names": self.names,
                "isForTheAddress": self.fits,
                "notBefore": certificate.not_valid_before_utc.isoformat(),
                "notAfter": certificate.not_valid_after_utc.isoformat(),
                "expired": self.expired,
                "notYetValid": self.early,
                "thumbprint": self._thumbprint(certificate),
                "untrusted": self.untrusted or None,
            },
        }

    # ---- inside

    def _context(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")  # without it OpenSSL has no TLS 1.0 and 1.1
        context.set_default_verify_paths()
        context.set_verify(SSL.VERIFY_PEER, self._seen)
        context.set_info_callback(self._state)
        return context

    def _seen(
        self, tls: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int
    ) -> bool:
        if depth == 0:
            self.certificate = certificate.to_cryptography()
        if not ok and code not in (_EXPIRED, _NOT_YET_VALID) and not self.untrusted:
            self.untrusted = _UNTRUSTED.get(code, f"OpenSSL's verification error {code}")
        return True

    def _state(self, tls: SSL.Connection, where: int, code: int) -> None:
        if b"server certificate request" in tls.get_state_string():
            self.wants_certificate = True

    def _go_on(self) -> bytes:
        try:
            self._tls.do_handshake()
            self._over = True
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.ended(_reason(error))
        pieces = []
        while True:
            try:
                pieces.append(self._tls.bio_read(_PIECE))
            except SSL.WantReadError:
                return b"".join(pieces)

    def _dates(self, certificate: x509.Certificate) -> str:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        text = f"valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d %H:%M} UTC"
        if self.expired:
            return f"{text}: EXPIRED {(self._now - end).days} days ago"
        if self.early:
            return f"{text}: NOT YET VALID"
        return f"{text}, {(end - self._now).days} more days"

    def _thumbprint(self, certificate: x509.Certificate) -> str:
        return certificate.fingerprint(SHA1()).hex().upper()


def _reason(error: SSL.Error) -> str:
    queue = error.args[0] if error.args else []
    words = [one[-1] for one in queue if isinstance(one, tuple)] if isinstance(queue, list) else []
    return "; ".join(words) or "the stream was cut off"


def utc_now(seconds: float) -> datetime:
    """:param seconds: since 1970"""
    return datetime.fromtimestamp(seconds, UTC)
