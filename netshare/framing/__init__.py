"""
[MC-NMF], the .NET Message Framing Protocol, without I/O.

Functions and classes here take bytes and return values; they know neither sockets nor Twisted
nor any other room of the house. Ordinary bad input is answered with a verdict, never an
exception.

- a preamble: :func:`read_preamble` of what has come so far
- a session: :class:`ServerSession` and :class:`ClientSession`, whose ``next_event`` returns the
  values of :mod:`netshare.framing.events`
- a session that is passed on unread: :class:`ClientFollower` finds where it ends
- a fault: :class:`Fault`, and :func:`read_fault`
"""

from netshare.framing.contenttypes import is_content_type
from netshare.framing.events import Broken, Event, Problem
from netshare.framing.faults import Fault, FaultReceived, Unreadable, read_fault
from netshare.framing.follow import ClientFollower, Unfollowable
from netshare.framing.preamble import (
    NEED_MORE,
    Malformed,
    Preamble,
    Reading,
    Stage,
    foreign_protocol,
    read_preamble,
)
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
    END,
    KNOWN_ENCODINGS,
    NEGOTIATE_UPGRADE,
    PREAMBLE_ACK,
    PREAMBLE_END,
    SSL_TLS_UPGRADE,
    UPGRADE_RESPONSE,
    Mode,
    RecordType,
)
from netshare.framing.session import ClientSession, ServerSession
from netshare.framing.sized import envelope_header

__all__ = [
    "BINARY",
    "BINARY_SESSION",
    "END",
    "KNOWN_ENCODINGS",
    "NEED_MORE",
    "NEGOTIATE_UPGRADE",
    "PREAMBLE_ACK",
    "PREAMBLE_END",
    "SSL_TLS_UPGRADE",
    "UPGRADE_RESPONSE",
    "Broken",
    "ClientFollower",
    "ClientSession",
    "Event",
    "Fault",
    "FaultReceived",
    "Malformed",
    "Mode",
    "Preamble",
    "Problem",
    "Reading",
    "RecordType",
    "ServerSession",
    "Stage",
    "Unfollowable",
    "Unreadable",
    "envelope_header",
    "foreign_protocol",
    "is_content_type",
    "read_fault",
    "read_preamble",
]
