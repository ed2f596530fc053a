"""
One word for each way in which a connection can end at the service.

Log lines, counters and tests all use these words. A connection has exactly one outcome; one that
a worker returns is counted as returned and then has an outcome again, so that always::

    accepted + returned = the sum of all outcomes + those still undecided
"""

from __future__ import annotations

from enum import Enum

_SERVED = frozenset({"handed-over", "local", "relayed"})


class Outcome(Enum):
    """How a connection left the service."""

    # It found its way.
    HANDED_OVER = "handed-over"  # a worker has it
    LOCAL = "local"  # a Factory in this process has it
    RELAYED = "relayed"  # it is spliced to an unmodified server

    # It was refused with a framing fault.
    UNSUPPORTED_VERSION = "unsupported-version"
    UNSUPPORTED_MODE = "unsupported-mode"
    VIA_TOO_LONG = "via-too-long"
    ENDPOINT_NOT_FOUND = "endpoint-not-found"  # the address is not registered
    ENDPOINT_UNAVAILABLE = "endpoint-unavailable"  # the address is known, no worker is up
    SERVICE_ACTIVATION_FAILED = "service-activation-failed"  # its worker could not be started
    SERVER_TOO_BUSY = "server-too-busy"  # a limit is reached, or the worker takes no more
    CONNECTION_DISPATCH_FAILED = "connection-dispatch-failed"  # the worker said it failed

    # It was closed without a word, since the protocol has none for it.
    MALFORMED = "malformed"  # not a framing preamble
    NO_PROXY_HEADER = "no-proxy-header"  # a balancer's port, and no header that could be read
    BAD_VIA = "bad-via"  # the via is not a URI
    NOT_PASSABLE = "not-passable"  # the listener's connections cannot be given away
    RECEIVE_TIMEOUT = "receive-timeout"  # the preamble took too long
    DISPATCH_TIMEOUT = "dispatch-timeout"  # the worker did not answer; it may have the socket
    WORKER_LOST = "worker-lost"  # the worker went away with the socket on its way
    SENT_BACK = "sent-back"  # a front is to route its next preamble: the client asks anew
    SHUTDOWN = "shutdown"  # the service stopped

    # The client went away.
    EMPTY = "empty"  # without a byte: a probe, or a balancer's health check
    INCOMPLETE = "incomplete"  # in the middle of the preamble
    CLIENT_GONE = "client-gone"  # before the worker could adopt the socket

    # They are keys of every counter; there is one of each, and this is what they are by default.
    __hash__ = object.__hash__

    def __init__(self, word: str) -> None:
        #: Whether the connection reached a server.
        self.served = word in _SERVED
