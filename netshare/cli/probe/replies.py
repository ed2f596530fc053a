"""
What the far end of a probe answers, read without I/O: a record of the framing, or a sign of
another protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from netshare.framing.events import Acknowledged, Broken, FaultReceived, UpgradeAccepted
from netshare.framing.faults import Fault
from netshare.framing.session import ClientSession

#: Bytes of an answer that are kept for recognising another protocol by.
_ENOUGH = 4096
#: Fewer bytes than these are waited for, unless they end a line.
_TOO_LITTLE = 4


class Kind(Enum):
    """What came of an attempt."""

    #: PreambleAck, or UpgradeResponse where an upgrade was asked for.
    ACCEPTED = "accepted"
    #: A Fault record; the detail is its name, or its whole text when it is not a known one.
    FAULT = "fault"
    #: The connection was closed without a byte.
    CLOSED = "closed"
    #: The same, by a reset.
    RESET = "reset"
    #: Nothing in time.
    SILENT = "silent"
    #: Bytes of another protocol; the detail names it.
    FOREIGN = "foreign"
    #: There was no connection; the detail says why.
    UNCONNECTED = "unconnected"


@dataclass(frozen=True, slots=True)
class Reply:
    """
    What the far end said to an attempt.
    """

    kind: Kind
    detail: str = ""

    @property
    def fault(self) -> Fault | None:
        """The fault, if it is one that WCF knows."""
        if self.kind is not Kind.FAULT:
            return None
        try:
            return Fault(self.detail)
        except ValueError:
            return None


class ReplyReader(Protocol):
    """
    Makes a reply of bytes as they come.
    """

    def feed(self, data: bytes) -> Reply | None:
        """:returns: the reply, or None: more bytes are needed"""

    def feed_eof(self) -> Reply | None:
        """:returns: the reply that an answer which ends here is, or None: there was no byte"""


class ForeignReader:
    """
    The answer to another protocol's greeting.
    """

    def __init__(self) -> None:
        self._received = b""

    def feed(self, data: bytes) -> Reply | None:
        """See :class:`ReplyReader`."""
        self._received = (self._received + data)[:_ENOUGH]
        received = self._received
        if len(received) < _TOO_LITTLE and not received.endswith(b"\n"):
            return None
        if any(sign.startswith(received) and sign != received for sign, _ in _SIGNS):
            return None
        return Reply(Kind.FOREIGN, recognise(self._received))

    def feed_eof(self) -> Reply | None:
        """See :class:`ReplyReader`."""
        return Reply(Kind.FOREIGN, recognise(self._received)) if self._received else None


class PreambleReader:
    """
    The answer to a preamble.

    :param session: which wrote the preamble
    """

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._foreign = ForeignReader()
        self._is_foreign = False

    def feed(self, data: bytes) -> Reply | None:
        """See :class:`ReplyReader`."""
        self._session.feed(data)
        recognised = self._foreign.feed(data)
        if not self._is_foreign:
            match self._session.next_event():
                case Acknowledged() | UpgradeAccepted():
                    return Reply(Kind.ACCEPTED)
                case FaultReceived(uri) as received:
                    return Reply(Kind.FAULT, received.fault.value if received.fault else uri)
                case Broken():
                    self._is_foreign = True
        return recognised if self._is_foreign else None

    def feed_eof(self) -> Reply | None:
        """See :class:`ReplyReader`."""
        return self._foreign.feed_eof()


# What servers say first, or in answer to something that they do not understand.
_SIGNS = (
    (b"HTTP/", "HTTP"),
    (b"<!DOCTYPE", "HTTP"),
    (b"<html", "HTTP"),
    (b"\x15\x03", "TLS"),
    (b"\x16\x03", "TLS"),
    (b"SSH-", "SSH"),
    (b"220", "SMTP or FTP"),
    (b"* OK", "IMAP"),
    (b"+OK", "POP3"),
    (b"RFB ", "VNC"),
    (b"-ERR", "Redis"),
    (b"AMQP", "AMQP"),
)


def recognise(data: bytes) -> str:
    """The name of the protocol that a server's first bytes belong to; its bytes, if unknown."""
    for sign, name in _SIGNS:
        if data.startswith(sign):
            return name
    return f"an unknown protocol (its answer begins with {data[:16]!r})"
