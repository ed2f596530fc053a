"""
Message credentials, as NetTcpBinding's TransportWithMessageCredential has them: WS-Security 1.0
with WS-Trust and WS-SecureConversation of February 2005, inside of TLS.

- :mod:`.service` and :mod:`.client` are the two sides, without I/O: messages in, messages out
- :mod:`.negotiation` comes before that where a client has Windows credentials, with what
  :mod:`.binaryexchange` carries
- :mod:`.header` is the Security header, :mod:`.tokens` what stands in it, :mod:`.signatures` what
  proves it, :mod:`.trust` the bodies of requests for security contexts
- :mod:`.contexts` is what a service remembers, in bounded memory

It needs lxml (the extra ``messagesecurity``). Both sides are made of a binding's words by
:mod:`netshare.transport.security.messagecredentials`; a service's sessions and a client's channels
use them.
"""

from netshare.transport.security.secureconversation.client import (
    CertificateCredential,
    ClientMessageSecurity,
)
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.negotiation import (
    Send,
    ServiceNegotiations,
    WindowsCredential,
)
from netshare.transport.security.secureconversation.service import (
    Received,
    ServiceMessageSecurity,
)
from netshare.transport.security.secureconversation.tokens import UserNameToken

__all__ = [
    "CertificateCredential",
    "ClientMessageSecurity",
    "Received",
    "SecurityInvalid",
    "Send",
    "ServiceMessageSecurity",
    "ServiceNegotiations",
    "UserNameToken",
    "WindowsCredential",
]
