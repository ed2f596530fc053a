"""Protocols that answer a probe as various servers do."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Protocol

from netshare.framing.faults import Fault
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import (
    BINARY_SESSION,
    END,
    PREAMBLE_ACK,
    SSL_TLS_UPGRADE,
    UPGRADE_RESPONSE,
)


class Wcf(Protocol):
    """What WCF does with a preamble: one encoding, TLS offered, End answered with End."""

    transport: Any
    received = b""
    answers_end = True

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        reading = read_preamble(self.received, Stage.ANSWER)
        if not isinstance(reading, Preamble):
            return
        if self.received[reading.end :] == END:
            if self.answers_end:
                self.transport.write(END)
        elif self.received[reading.end :]:
            self.transport.loseConnection()
        elif reading.content_type != BINARY_SESSION:
            self.refuse(Fault.CONTENT_TYPE_INVALID)
        elif reading.upgrade == SSL_TLS_UPGRADE:
            self.transport.write(UPGRADE_RESPONSE)
        elif reading.upgrade is not None:
            self.refuse(Fault.UPGRADE_INVALID)
        else:
            self.transport.write(PREAMBLE_ACK)

    def refuse(self, reason: Fault) -> None:
        """Fault, close."""
        self.transport.write(reason.record)
        self.transport.loseConnection()


class Silent(Protocol):
    """Says nothing."""


class Closing(Protocol):
    """Closes as soon as it hears something."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.loseConnection()


class Greeting(Protocol):
    """Speaks first, as SSH does."""

    transport: Any

    def connectionMade(self) -> None:
        self.transport.write(b"SSH-2.0-OpenSSH_9.9\r\n")


class Web(Protocol):
    """Answers a request of HTTP, and waits for the end of anything else."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        if data.startswith(b"HEAD "):
            self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self.transport.loseConnection()
