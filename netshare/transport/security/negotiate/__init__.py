"""
Windows authentication, ``application/negotiate`` in the framing: [MS-NNS].

:mod:`.frames` are the bytes around tokens, :mod:`.context` what ``pyspnego`` makes of tokens, and
:mod:`.upgrade` the stream on a connection. The package needs the extra ``negotiate``, or
``kerberos`` for Kerberos; without it an endpoint with Windows credentials says so.
"""

from netshare.transport.security.negotiate.context import (
    InitiatorOptions,
    NegotiateFailed,
    SecurityMissing,
    require_spnego,
)
from netshare.transport.security.negotiate.upgrade import (
    NegotiateAcceptor,
    NegotiateInitiator,
    Runner,
)

__all__ = [
    "InitiatorOptions",
    "NegotiateAcceptor",
    "NegotiateFailed",
    "NegotiateInitiator",
    "Runner",
    "SecurityMissing",
    "require_spnego",
]
