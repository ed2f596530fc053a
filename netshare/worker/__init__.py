"""
What a program uses to be behind a shared port.

:class:`SharedPortServerEndpoint` (``netshare:``) registers an address with the sharing service and
gives the connections that come for it to a Factory::

    endpoint = SharedPortServerEndpoint(reactor, Wish("net.tcp://+:8808/orders"))
    port = await endpoint.listen(factory)

It fails with :class:`ServiceNotRunning`, :class:`UntrustedService` or a :class:`RegistrationError`
whose subclass is the service's answer.
"""

from netshare.control.commands import (
    AccessDenied,
    ConflictingRegistration,
    FailedToListen,
    InvalidArgument,
    PathTooLong,
    ProtocolUnsupported,
    RegistrationError,
    RegistrationQuotaExceeded,
    ServiceFault,
    VersionUnsupported,
)
from netshare.endpoints.address import SharedPortAddress
from netshare.endpoints.preamble import PreambleUse
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import UntrustedService, Wish
from netshare.worker.port import ServiceNotRunning, SharedListeningPort

__all__ = [
    "AccessDenied",
    "ConflictingRegistration",
    "FailedToListen",
    "InvalidArgument",
    "PathTooLong",
    "PreambleUse",
    "ProtocolUnsupported",
    "RegistrationError",
    "RegistrationQuotaExceeded",
    "ServiceFault",
    "ServiceNotRunning",
    "SharedListeningPort",
    "SharedPortAddress",
    "SharedPortServerEndpoint",
    "UntrustedService",
    "VersionUnsupported",
    "Wish",
]
