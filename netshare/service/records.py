"""
What a service that is taken over tells its successor: one record for each thing.

A successor of another release reads what it knows: it ignores fields, and whole kinds, that it
does not know, and what a record lacks has the value that stands for its absence here. Links, and
what was sent over them, are told only to a successor of the same :data:`FORMAT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netshare.control.protocol import Conversation
from netshare.interfaces import IArrival

#: The form of links and lanes in these records; a service takes those of its own form only.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class PortRecord:
    """
    A listening socket, which is the descriptor.
    """

    kind: ClassVar = "port"

    #: The endpoint that the administrator named, as it was written; empty: registrations asked for
    #: this port.
    endpoint: str
    #: Whether every connection begins with a PROXY protocol header.
    headed: bool = False


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """
    The control socket, which is the descriptor.
    """

    kind: ClassVar = "control"

    path: str
    #: Whether the path is removed by the service when it stops.
    owned: bool = True


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """
    One address of a link.
    """

    address: str
    shared: bool
    since: float
    #: How many connections the worker has been given for it.
    given: int = 0


@dataclass(frozen=True, slots=True)
class LaneState:
    """
    The lane of a link.
    """

    #: ``records`` or ``batches``; empty: connections travel over the link itself.
    form: str
    limit: int
    window: int
    stuck: bool = False
    #: The worker has said that it is too busy for what comes next.
    refusing: bool = False
    #: Addresses that the worker is to be told of.
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeavingState:
    """
    An address that the worker of a link has been told to drain.
    """

    address: str
    shared: bool
    since: float
    #: Seconds that it still has.
    left: float


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """
    A control link. The descriptors are the link, of a fast lane both ends, ours first, and what
    came over the link and was not claimed.
    """

    kind: ClassVar = "link"

    pid: int
    uid: int
    groups: tuple[int, ...]
    claimedPid: int | None
    #: Addresses that need no permission.
    granted: tuple[str, ...]
    registrations: tuple[RegistrationState, ...]
    #: Ports on which connections may have come for the worker.
    served: tuple[int, ...]
    conversation: Conversation
    lane: LaneState | None = None
    #: Whether it has registered something, now or before.
    registered: bool = False
    #: Whether the worker knows ``Drain``.
    drains: bool = False
    #: Which of several programs it is, as it says itself.
    generation: str = ""
    #: Addresses that it lets come to an end.
    leaving: tuple[LeavingState, ...] = ()
    #: Whether the worker knows ``Ping``.
    pings: bool = False


@dataclass(frozen=True, slots=True)
class SentRecord:
    """
    A connection that the worker of the link before has been sent and has not answered for.
    """

    kind: ClassVar = "sent"

    address: str
    via: str
    readData: bytes
    peer: str
    local: str
    named: bool
    #: Whether the worker has let its time pass: an answer is only counted.
    over: bool


@dataclass(frozen=True, slots=True)
class UndecidedRecord:
    """
    A connection, which is the descriptor, whose via is not known yet.
    """

    kind: ClassVar = "undecided"

    readData: bytes
    peer: str
    local: str
    #: Whether a PROXY protocol header is still to come.
    headed: bool = False
    #: Seconds that the client still has; None: for ever.
    left: float | None = None


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """
    A connection, which is the descriptor, that waits for a worker.
    """

    kind: ClassVar = "waiting"

    via: str
    readData: bytes
    peer: str
    local: str
    #: Seconds that it may still wait; None: it has not begun to.
    left: float | None = None


@dataclass(frozen=True, slots=True)
class ExpectRecord:
    """
    An address whose worker is about to come.
    """

    kind: ClassVar = "expect"

    address: str
    left: float


@dataclass(frozen=True, slots=True)
class CountersRecord:
    """
    What has been counted since the first of these services began.
    """

    kind: ClassVar = "counters"

    since: float
    accepted: int
    returned: int
    pauses: int
    outcomes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    linksCut: int = 0


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """
    A worker that the service has started; its processes follow.
    """

    kind: ClassVar = "worker"

    address: str
    #: Which of those of its address it is, from 1; 0: it is not wanted any more.
    number: int
    #: What log lines call it.
    name: str
    #: Tells whether it is started in the same way as by the service that reads this.
    fingerprint: str
    #: How it is, in a word.
    state: str
    #: What went wrong last, in words.
    trouble: str = ""
    stopping: bool = False
    #: What is to be started has changed since the next process was.
    outdated: bool = False
    #: How many processes it has had.
    count: int = 0
    #: Seconds until the next one is started; None: none is waited for.
    restart: float | None = None
    #: How long that takes the next time.
    delay: float = 0.0
    #: Seconds in which it is not recycled.
    pause: float = 0.0
    #: How many seconds ago processes of its address have failed.
    failures: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """
    A process of the worker before. The descriptors are its pidfd, and those of its output that
    are open.
    """

    kind: ClassVar = "child"

    #: ``current``, ``next`` or ``leaving``.
    role: str
    pid: int
    #: The how manieth process of the worker it is.
    number: int
    phase: str
    #: Seconds since it was started, and since it began to serve, if it has.
    age: float
    served: float | None = None
    asked: bool = False
    terminated: bool = False
    reason: str = ""
    #: Seconds that it still has for its start, for its connections, for its end.
    start: float | None = None
    drain: float | None = None
    stop: float | None = None
    #: How many seconds it has, or would have, for its connections in all.
    patience: float | None = None
    #: Which outputs are open, 1 and 2, in the order of their descriptors.
    streams: tuple[int, ...] = ()
    #: What has come of lines that are not complete, of 1 and 2.
    output: bytes = b""
    errors: bytes = b""


@dataclass(frozen=True, slots=True)
class EndRecord:
    """
    There are no more records.
    """

    kind: ClassVar = "end"


Record = (
    PortRecord
    | ControlRecord
    | LinkRecord
    | SentRecord
    | UndecidedRecord
    | WaitingRecord
    | ExpectRecord
    | CountersRecord
    | WorkerRecord
    | ChildRecord
    | EndRecord
)


@dataclass(frozen=True, slots=True)
class Handed:
    """
    A record, and the descriptors that belong to it.
    """

    record: Record
    descriptors: tuple[int, ...] = ()


def waiting(arrival: IArrival, left: float | None) -> Handed:
    """
    A connection that waits for a worker, for another process.

    :param left: seconds that it may still wait; None: it has not begun to
    """
    record = WaitingRecord(arrival.via, arrival.readData, arrival.peer, arrival.local, left)
    return Handed(record, (arrival.held.fileno(),))
