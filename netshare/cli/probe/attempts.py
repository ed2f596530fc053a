"""
How an address is probed, without I/O: what to ask next, what an answer means, what it all
comes to.

Every attempt is a connection of its own, one after the other. An address that does not exist is
asked for once: what it would accept need not be asked then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import quote

from netshare.addresses import NET_TCP, AddressError, parse_via
from netshare.framing.faults import MAX_FAULT_SIZE, Fault
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
    KNOWN_ENCODINGS,
    MAX_VIA_SIZE,
    NEGOTIATE_UPGRADE,
    SSL_TLS_UPGRADE,
    Mode,
    RecordType,
    preamble,
)
from netshare.framing.sizes import NEED_MORE, decode_size

TEXT_SOAP12 = KNOWN_ENCODINGS[0x03]
TEXT_SOAP11 = KNOWN_ENCODINGS[0x00]

#: After so many attempts without any answer at all, the rest are not made.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Target:
    """
    What to ask for, and where to connect.
    """

    #: The address as it travels: escaped, as ``Uri.AbsoluteUri`` is.
    via: str
    host: str
    port: int

    @classmethod
    def of(cls, uri: str, host: str | None = None, port: int | None = None) -> Target:
        """
        :param host: where to connect instead of the address's own host; ``port`` likewise
        :raises AddressError: no client can ask for it; the message says why
        """
        try:
            uri.encode("utf-8")
        except UnicodeEncodeError:
            raise AddressError("it is not UTF-8") from None
        via = parse_via(uri)
        if via.scheme != NET_TCP:
            raise AddressError(f"its scheme is {via.scheme}; only net.tcp is spoken here")
        named = via.host.rpartition("@")[2]
        if named in ("+", "*"):
            raise AddressError(
                f"{named} stands for any host where an address is registered, but a client has to "
                f"name one: net.tcp://localhost:{via.port}/…, for example"
            )
        scheme, authority, rest = uri.partition("://")
        end = min((at for at in map(rest.find, "/\\?#") if at >= 0), default=len(rest))
        path = quote(rest[end:].partition("#")[0] or "/", safe="/\\?%:@!$&'()*+,;=~-._")
        text = f"{scheme}{authority}{rest[:end]}{path}"
        size = len(text.encode("utf-8"))
        if size > MAX_VIA_SIZE:
            raise AddressError(f"it has {size} bytes; no service reads more than {MAX_VIA_SIZE}")
        return cls(text, (host or named).strip("[]"), port or via.port)


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One preamble: what a client with a certain binding would send.
    """

    mode: Mode
    content_type: str
    upgrade: str | None = None

    def opening(self, via: str) -> bytes:
        """The bytes to send."""
        return preamble(via, self.mode, self.content_type, self.upgrade)

    @property
    def sends_end(self) -> bool:
        """
        Whether an End record is in order after the ack. Of a Singleton stream the first thing
        is a message, and inside an upgrade it would have to be encrypted.
        """
        return self.mode is Mode.DUPLEX and self.upgrade is None


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


def read_reply(data: bytes, attempt: Attempt) -> Reply | None:
    """
    Read what came back.

    :param data: everything so far
    :returns: None: it may go on
    """
    if not data:
        return None
    first = data[0]
    wanted = RecordType.UPGRADE_RESPONSE if attempt.upgrade else RecordType.PREAMBLE_ACK
    if first == wanted:
        return Reply(Kind.ACCEPTED)
    if first == RecordType.FAULT:
        size, at = decode_size(data, 1)
        if size == NEED_MORE:
            return None
        if 0 < size <= MAX_FAULT_SIZE:
            if len(data) < at + size:
                return None
            text = data[at : at + size].decode("utf-8", "replace")
            fault = Fault.from_uri(text)
            return Reply(Kind.FAULT, fault.value if fault else text)
    if len(data) < 4 and not data.endswith(b"\n"):
        return None  # too little to recognise anything by
    return Reply(Kind.FOREIGN, recognise(data))


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
