"""
How an address is probed, without I/O: what to ask next, and what all answers come to.

Every attempt is a connection of its own, one after the other. An address that does not exist is
asked for once: what it would accept need not be asked then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from netshare.cli.probe.handshake import Handshake
from netshare.cli.probe.replies import Kind, Reply
from netshare.framing.faults import Fault
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
    KNOWN_ENCODINGS,
    NEGOTIATE_UPGRADE,
    SSL_TLS_UPGRADE,
    Mode,
)
from netshare.framing.session import ClientSession

TEXT_SOAP12 = KNOWN_ENCODINGS[0x03]
TEXT_SOAP11 = KNOWN_ENCODINGS[0x00]

#: After so many attempts without any answer at all, the rest are not made.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One preamble: what a client with a certain binding would send.
    """

    mode: Mode
    content_type: str
    upgrade: str | None = None

    def session(self, via: str) -> ClientSession:
        """
        :param via: the address to ask for
        :returns: the client's side of the framing, whose ``opening`` is to be sent first
        """
        return ClientSession(via, self.mode, self.content_type, self.upgrade)

    @property
    def sends_end(self) -> bool:
        """
        Whether an End record is in order after the ack. Of a Singleton stream the first thing
        is a message, and inside an upgrade it would have to be encrypted.
        """
        return self.mode is Mode.DUPLEX and self.upgrade is None


@dataclass(frozen=True, slots=True)
class Result:
    """
    An attempt, its reply and how it went.
    """

    attempt: Attempt
    reply: Reply
    #: From the first byte sent (or the start of connecting, if that failed) to the reply.
    seconds: float = 0.0
    #: The address that was connected to; empty if none was.
    peer: str = ""
    #: What became of our End record: answered, closed, silent; empty if none was sent.
    end: str = ""
    #: What an accepted upgrade has shown.
    handshakes: tuple[Handshake, ...] = ()


#: Bindings of WCF in the order of how common they are.
ENCODINGS = (
    Attempt(Mode.DUPLEX, BINARY_SESSION),
    Attempt(Mode.DUPLEX, TEXT_SOAP12),
    Attempt(Mode.DUPLEX, TEXT_SOAP11),
    Attempt(Mode.DUPLEX, BINARY),
    Attempt(Mode.SINGLETON, BINARY),
)
UPGRADES = (SSL_TLS_UPGRADE, NEGOTIATE_UPGRADE)

# Faults that are about what was asked with; any other is about the address or the server.
_PARTICULAR = {
    Fault.CONTENT_TYPE_INVALID,
    Fault.CONTENT_TYPE_TOO_LONG,
    Fault.UNSUPPORTED_MODE,
    Fault.UPGRADE_INVALID,
}


def next_attempt(results: Sequence[Result]) -> Attempt | None:
    """
    What to try after all this, or None: enough is known.
    """
    if results and _settles(results[-1].reply):
        return None
    if len(results) >= PATIENCE and all(result.reply.kind is Kind.SILENT for result in results):
        return None
    made = len(results)
    if made < len(ENCODINGS):
        return ENCODINGS[made]
    made -= len(ENCODINGS)
    return replace(_carrier(results), upgrade=UPGRADES[made]) if made < len(UPGRADES) else None


def _settles(reply: Reply) -> bool:
    if reply.kind is Kind.FAULT:
        return reply.fault is not None and reply.fault not in _PARTICULAR
    return reply.kind in (Kind.FOREIGN, Kind.UNCONNECTED)


def _carrier(results: Sequence[Result]) -> Attempt:
    """
    What to ask for an upgrade with. A service that demands one refuses a wrong encoding with a
    fault and closes, after the right one, without a word.
    """
    for kinds in ((Kind.ACCEPTED,), (Kind.CLOSED, Kind.RESET)):
        for result in results:
            if result.reply.kind in kinds:
                return result.attempt
    return ENCODINGS[0]


class Verdict(Enum):
    """What a probe comes to."""

    REACHABLE = "reachable"
    NO_SUCH_PATH = "no such path"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_NET_TCP = "not net.tcp"
    NO_ANSWER = "no answer"


def judge(results: Sequence[Result]) -> tuple[Verdict, Result]:
    """
    The verdict, and the attempt that it rests on.

    :param results: at least one
    """
    for result in results:
        if result.reply.kind is Kind.ACCEPTED:
            return Verdict.REACHABLE, result
    faults = [result for result in results if result.reply.kind is Kind.FAULT]
    for result in faults:
        if result.reply.fault is Fault.ENDPOINT_NOT_FOUND:
            return Verdict.NO_SUCH_PATH, result
    if faults:
        # What is about the server tells more than what is about one encoding.
        return Verdict.REFUSED, max(faults, key=lambda result: _settles(result.reply))
    for kind, verdict in (
        (Kind.FOREIGN, Verdict.NOT_NET_TCP),
        (Kind.UNCONNECTED, Verdict.UNREACHABLE),
    ):
        for result in results:
            if result.reply.kind is kind:
                return verdict, result
    return Verdict.NO_ANSWER, results[0]
