"""
What a client expects of the service at an address: WCF's EndpointIdentity.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CertificateIdentity", "DnsIdentity", "EndpointIdentity", "SpnIdentity"]


class EndpointIdentity:
    """
    What the service has to be. Without one it is the host of its address.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class DnsIdentity(EndpointIdentity):
    """
    The service's certificate is for this name, not the address's (``DnsEndpointIdentity``); with
    Windows credentials it is the principal ``host/name``.

    :param name: a DNS name, or an IP address
    """

    name: str


@dataclass(frozen=True, slots=True)
class SpnIdentity(EndpointIdentity):
    """
    The service runs as this principal (``SpnEndpointIdentity``), for Windows credentials.

    :param name: ``service/host``, such as ``host/calc.example``
    :raises ValueError: it has no slash
    """

    name: str

    def __post_init__(self) -> None:
        service, _, host = self.name.partition("/")
        if not service or not host:
            raise ValueError(f"{self.name!r} is no service principal name: it is service/host")


@dataclass(frozen=True, slots=True)
class CertificateIdentity(EndpointIdentity):
    """
    The service has this very certificate (``X509CertificateEndpointIdentity``).

    :param thumbprint: SHA-1 as Windows shows it, or SHA-256, in hexadecimal; spaces and colons do
        not count
    :raises ValueError: it is neither
    """

    thumbprint: str

    def __post_init__(self) -> None:
        digits = "".join(one for one in self.thumbprint if one not in " :\u200e")
        if len(digits) not in (40, 64) or not set(digits) <= set("0123456789abcdefABCDEF"):
            raise ValueError(
                f"{self.thumbprint!r} is no thumbprint: it has 40 hexadecimal digits, or 64 when "
                "it is a SHA-256 one"
            )
        object.__setattr__(self, "thumbprint", digits.upper())
