"""
What happens in a framing session, as values: the answers of the ``next_event`` methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from netshare.framing.faults import Fault
from netshare.framing.faults import FaultReceived as FaultReceived  # an event like the others
from netshare.framing.records import Mode


class Problem(Enum):
    """Why a session cannot go on."""

    #: The far end closed where a record, or the rest of one, had to come.
    PREMATURE_END = "premature end"
    #: A record that may not stand there, or that cannot be read.
    PROTOCOL = "protocol"
    #: The answer to a preamble looks like HTTP.
    HTTP = "http"
    #: A message is larger than allowed.
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class ViaRead:
    """Server: a preamble has begun and its address is known; nothing of it is consumed yet."""

    via: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class PreambleRead:
    """Server: everything is known for choosing who serves this session."""

    via: str
    mode: Mode
    content_type: str


@dataclass(frozen=True, slots=True)
class UpgradeAsked:
    """Server: the client waits for an upgrade response, or a fault."""

    name: str


@dataclass(frozen=True, slots=True)
class PreambleEnded:
    """Server: the client waits for the ack, or a fault."""


@dataclass(frozen=True, slots=True)
class UpgradeAccepted:
    """Client: the server has sent its upgrade response."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Client: the preamble is accepted, messages may follow."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Duplex: one whole message."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class MessageBegun:
    """Singleton: the message begins."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """
    Singleton: some more bytes of the message, as many as were there; their limits mean nothing.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """Singleton: the message is complete."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The far end's End record: no more messages from there."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The far end closed the connection at a place where it may."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The session is over: what is wrong, and what to answer."""

    problem: Problem
    #: One clause for people.
    reason: str
    #: The fault to answer with, or None where WCF has none and drops the connection.
    fault: Fault | None = None


Event: TypeAlias = (
    ViaRead
    | PreambleRead
    | UpgradeAsked
    | PreambleEnded
    | UpgradeAccepted
    | Acknowledged
    | Envelope
    | MessageBegun
    | Chunk
    | MessageEnded
    | Ended
    | FaultReceived
    | Closed
    | Broken
)

#: The events that say nothing but their name.
ENDED: Final = Ended()
CLOSED: Final = Closed()
MESSAGE_BEGUN: Final = MessageBegun()
MESSAGE_ENDED: Final = MessageEnded()
