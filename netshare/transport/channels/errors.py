"""
What can go wrong with a channel, under the names that WCF gives it.

Each message says what happened and, where something can be done about it, what.
"""

from __future__ import annotations

import builtins

from twisted.internet.error import ConnectionLost

from netshare.framing.events import Broken, Problem
from netshare.framing.faults import Fault


class TransportError(Exception):
    """Everything that the transport reports."""

    #: The text of the framing's fault, if the other side sent one.
    fault_uri: str = ""


class CommunicationError(TransportError):
    """The conversation with the other side failed. (CommunicationException)"""


class EndpointNotFoundError(CommunicationError):
    """Nothing serves the address. (EndpointNotFoundException)"""


class ServerTooBusyError(CommunicationError):
    """The server takes no more for now. (ServerTooBusyException)"""


class ServiceActivationError(CommunicationError):
    """The service behind the address could not be started. (ServiceActivationException)"""


class ProtocolError(CommunicationError):
    """The other side does not keep to the protocol, or not to our variant. (ProtocolException)"""


class MessageSecurityError(CommunicationError):
    """A secure stream, or the security of a message, has failed. (MessageSecurityException)"""


class QuotaExceededError(CommunicationError):
    """Something is larger than one of the sides allows. (QuotaExceededException)"""


class CommunicationObjectAbortedError(CommunicationError):
    """This side gave the channel up. (CommunicationObjectAbortedException)"""


class ChannelClosedError(CommunicationError):
    """The channel is not open any more; a programming error. (ObjectDisposedException)"""


class TimeoutError(TransportError, builtins.TimeoutError):
    """Something took longer than the settings allow. (TimeoutException)"""


_FAULTS: dict[Fault, tuple[type[CommunicationError], str]] = {
    Fault.CONTENT_TYPE_INVALID: (
        ProtocolError,
        "the service does not take this content type: the encodings of both sides must be the same",
    ),
    Fault.CONTENT_TYPE_TOO_LONG: (
        QuotaExceededError,
        "the server finds the content type too long; WCF's limit is 256 bytes",
    ),
    Fault.CONNECTION_DISPATCH_FAILED: (
        CommunicationError,
        "the endpoint exists, but the connection could not be brought to it; see the server's log",
    ),
    Fault.ENDPOINT_NOT_FOUND: (
        EndpointNotFoundError,
        "no service listens at this address: compare its path, port and host with the service's",
    ),
    Fault.ENDPOINT_UNAVAILABLE: (
        EndpointNotFoundError,
        "the address is known, but its service is not there at the moment",
    ),
    Fault.MAX_MESSAGE_SIZE_EXCEEDED: (
        QuotaExceededError,
        "the message is larger than the server takes: raise its max_received_message_size",
    ),
    Fault.SERVER_TOO_BUSY: (ServerTooBusyError, "the server is too busy; try again later"),
    Fault.SERVICE_ACTIVATION_FAILED: (
        ServiceActivationError,
        "the service behind the address could not be started; see the server's log",
    ),
    Fault.UNSUPPORTED_MODE: (
        ProtocolError,
        "the service does not take this mode: both sides must be buffered, or both streamed",
    ),
    Fault.UNSUPPORTED_VERSION: (ProtocolError, "the server speaks another version of the framing"),
    Fault.UPGRADE_INVALID: (
        ProtocolError,
        "the server does not offer this security: both sides must have the same security mode",
    ),
    Fault.VIA_TOO_LONG: (
        QuotaExceededError,
        "the server finds the address too long; WCF's limit is 2048 bytes",
    ),
}


def error_for_fault(uri: str, via: str) -> CommunicationError:
    """
    What a fault of the framing means to a client.

    :param uri: the fault's text
    :param via: the address that was asked for
    """
    fault = Fault.from_uri(uri)
    if fault is None:
        error: CommunicationError = ProtocolError(
            f"{via}: the server faulted with the code {uri!r}"
        )
    else:
        kind, meaning = _FAULTS[fault]
        error = kind(f"{via}: {meaning} (fault {fault.value})")
    error.fault_uri = uri
    return error


def error_for_loss(reason: BaseException | None) -> CommunicationError:
    """
    What it means that a connection is gone.

    :param reason: what Twisted says of it
    """
    said = f"the connection was lost: {str(reason).rstrip('.')}"
    if isinstance(reason, ConnectionLost):
        said += (
            "; the other side has cut it, whose log may say why: a message that is too large or "
            "cannot be read there, a timeout, the end of its process"
        )
    return CommunicationError(said)


def error_for_broken(broken: Broken, via: str) -> CommunicationError:
    """
    What a session that cannot go on means to the user of its channel.
    """
    if broken.problem is Problem.QUOTA:
        return QuotaExceededError(f"{via}: {broken.reason}; see max_received_message_size")
    if broken.problem is Problem.HTTP:
        return ProtocolError(
            f"{via}: the server does not speak net.tcp, its answer looks like HTTP; "
            "is the port that of an HTTP endpoint?"
        )
    return ProtocolError(f"{via}: {broken.reason}")


def error_for_refusal(broken: Broken, via: str, upgrading: bool) -> CommunicationError:
    """
    What it means to a client that its preamble got no proper answer.

    :param upgrading: whether it had asked for a secure stream and waited for that
    """
    if upgrading and broken.problem is not Problem.HTTP:
        return MessageSecurityError(
            f"{via}: the server did not take the upgrade to a secure stream: {broken.reason}; "
            "the security modes of both sides must be the same"
        )
    if broken.problem is Problem.PREMATURE_END:
        return ProtocolError(
            f"{via}: the server rejected the session, it closed without an answer; its binding "
            "may differ (security, mode), or it takes no more connections"
        )
    return error_for_broken(broken, via)
