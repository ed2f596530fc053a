"""Who is at the other end of a secure channel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class IdentityKind(Enum):
    """How an identity was established."""

    WINDOWS = "Windows"
    CERTIFICATE = "Certificate"
    USER_NAME = "UserName"


@dataclass(frozen=True, slots=True)
class Identity:
    """
    An authenticated identity, as ``OperationContext.current().identity`` has it.

    :param name: ``user@REALM`` with Kerberos, ``DOMAIN\\user`` with NTLM, the subject of a
        certificate, or the name of a user
    :param mechanism: ``Kerberos``, ``NTLM``, or empty where there is only one
    :param groups: names of groups; empty where the mechanism tells none
    :param thumbprint: of a certificate: SHA-1 in capital hexadecimal digits, as Windows shows it
    """

    name: str
    kind: IdentityKind
    mechanism: str = ""
    groups: frozenset[str] = frozenset()
    thumbprint: str = ""
