"""
A probe's results in words, and as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netshare.cli.exits import Exit
from netshare.cli.probe.attempts import (
    ENCODINGS,
    TEXT_SOAP11,
    TEXT_SOAP12,
    Attempt,
    Result,
    Verdict,
    judge,
)
from netshare.cli.probe.replies import Kind
from netshare.cli.probe.tls import TlsHandshake
from netshare.cli.target import Target
from netshare.cli.terminal import clean, shorten
from netshare.framing.faults import Fault
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
    NEGOTIATE_UPGRADE,
    SSL_TLS_UPGRADE,
    Mode,
)

EXITS = {
    Verdict.REACHABLE: Exit.OK,
    Verdict.NO_SUCH_PATH: Exit.NO_ENDPOINT,
    Verdict.REFUSED: Exit.REFUSED,
    Verdict.UNREACHABLE: Exit.UNREACHABLE,
    Verdict.NOT_NET_TCP: Exit.NOT_NET_TCP,
    Verdict.NO_ANSWER: Exit.NO_ANSWER,
}

_ENCODINGS = {
    BINARY_SESSION: "binary session",
    TEXT_SOAP12: "text, SOAP 1.2",
    TEXT_SOAP11: "text, SOAP 1.1",
    BINARY: "binary",
}
_UPGRADES = {
    SSL_TLS_UPGRADE: "TLS",
    NEGOTIATE_UPGRADE: "Windows",
}
_BINDINGS = {
    ENCODINGS[0]: "NetTcpBinding, security mode None, transfer mode Buffered",
    ENCODINGS[1]: "CustomBinding of TextMessageEncoding (Soap12) and TcpTransport",
    ENCODINGS[2]: "CustomBinding of TextMessageEncoding (Soap11) and TcpTransport",
    ENCODINGS[4]: "NetTcpBinding, security mode None, transfer mode Streamed",
}
_SECURE_BINDINGS = {
    SSL_TLS_UPGRADE: "NetTcpBinding, security mode Transport with client credential type "
    "Certificate or None, or TransportWithMessageCredential",
    NEGOTIATE_UPGRADE: "NetTcpBinding, security mode Transport with client credential type "
    "Windows (the default)",
}
_FAULTS = {
    Fault.CONTENT_TYPE_INVALID: "it takes another encoding",
    Fault.UNSUPPORTED_MODE: "it takes another mode",
    Fault.UPGRADE_INVALID: "it does not offer this",
}
_SERVER_FAULTS = {
    Fault.ENDPOINT_UNAVAILABLE: "The address is known there, but the process behind it is not up. "
    "Start it.",
    Fault.SERVER_TOO_BUSY: "It takes no more connections now. Try again later; on the server, "
    '"netshare stats" shows which limit is reached.',
    Fault.CONNECTION_DISPATCH_FAILED: "The process behind the address failed to take the "
    "connection: its log says why.",
    Fault.SERVICE_ACTIVATION_FAILED: "The service behind the address could not be started: its "
    "log says why.",
    Fault.UNSUPPORTED_VERSION: "It speaks another version of the framing than 1.0, which all "
    "of WCF speaks.",
    Fault.VIA_TOO_LONG: "The address is too long for it.",
}
_NEXT_FOREIGN = {
    "HTTP": 'That is a web server. Its address begins with "http:", or the port is not the right '
    "one.",
    "TLS": "It expects TLS from the first byte. net.tcp starts in clear text and upgrades later: "
    "the port is not the right one, or a TLS terminator stands in front of it.",
}


def row(result: Result, limit: int | None) -> str:
    """An attempt and its reply in one line."""
    attempt = result.attempt
    what = _ENCODINGS.get(attempt.content_type, attempt.content_type)
    if attempt.upgrade is not None:
        what = f"{what} + {_UPGRADES[attempt.upgrade]}"
    line = f"  {attempt.mode.name.lower():<10} {what:<25} {answer(result)}"
    return line if limit is None else shorten(line, limit)


def details(result: Result, limit: int | None) -> list[str]:
    """What an accepted upgrade has shown, a line each."""
    lines = [f"{'':13}{line}" for one in result.handshakes for line in one.lines()]
    return lines if limit is None else [shorten(line, limit) for line in lines]


def exit_code(results: Sequence[Result]) -> Exit:
    """The exit code that all results come to."""
    verdict, _ = judge(results)
    if verdict is Verdict.REACHABLE and _invalid(results) is not None:
        return Exit.NOT_VALID_NOW
    return EXITS[verdict]


def _invalid(results: Sequence[Result]) -> TlsHandshake | None:
    for result in results:
        for one in result.handshakes:
            if isinstance(one, TlsHandshake) and (one.expired or one.early):
                return one
    return None


def answer(result: Result) -> str:
    """The reply to an attempt in a few words."""
    reply = result.reply
    if reply.kind is Kind.ACCEPTED:
        ended = {"silent": ", End unanswered", "closed": ", closed at End"}.get(result.end, "")
        return f"accepted ({result.seconds * 1000:.0f} ms{ended})"
    if reply.kind is Kind.FAULT:
        meaning = _FAULTS.get(reply.fault) if reply.fault is not None else None
        return f"{clean(reply.detail)}{f': {meaning}' if meaning else ''}"
    if reply.kind is Kind.SILENT:
        return f"no answer in {result.seconds:.0f} s"
    if reply.kind is Kind.FOREIGN:
        return f"answered in {clean(reply.detail)}"
    return {
        Kind.CLOSED: "closed without an answer",
        Kind.RESET: "reset without an answer",
        Kind.UNCONNECTED: "no connection",
    }[reply.kind]


def conclusion(target: Target, results: Sequence[Result], identity: str | None) -> list[str]:
    """
    What it comes to, and what to do next.

    :param identity: what the far end is, if it had to be found out in another way
    """
    verdict, result = judge(results)
    via, where = clean(target.via), f"{target.host}, port {target.port}"
    detail = clean(identity or result.reply.detail)
    if verdict is Verdict.REACHABLE:
        return _reachable(via, results)
    if verdict is Verdict.NO_SUCH_PATH:
        return [
            f"{via} does not exist: {where}, speaks net.tcp, but no worker there serves this path.",
            'Compare the path with the service\'s address; on the server, "netshare list" shows '
            "all.",
        ]
    if verdict is Verdict.REFUSED:
        return [f"{via} is refused with {detail}.", *_refused(result)]
    if verdict is Verdict.UNREACHABLE:
        return [f"{via} is unreachable: {detail}"]
    if verdict is Verdict.NOT_NET_TCP or identity is not None:
        return [
            f"{where}, is not a net.tcp server: it speaks {detail}.",
            _NEXT_FOREIGN.get(detail, "The port is not the right one."),
        ]
    return [f"{where}, accepts connections, but does not answer net.tcp.", *_unanswered(results)]


def _reachable(via: str, results: Sequence[Result]) -> list[str]:
    accepted = [result.attempt for result in results if result.reply.kind is Kind.ACCEPTED]
    said = [f"{via} is reachable, in WCF with:"]
    said += [f"  - {_BINDINGS[attempt]}" for attempt in accepted if attempt in _BINDINGS]
    said += [f"  - {_SECURE_BINDINGS[attempt.upgrade]}" for attempt in accepted if attempt.upgrade]
    if len(said) == 1:  # the one combination that no stock binding makes
        said.append("  - CustomBinding of BinaryMessageEncoding without sessions and TcpTransport")
    if {attempt for attempt in ENCODINGS if attempt.mode is Mode.DUPLEX} <= set(accepted):
        said.append(
            "It acknowledges every encoding, as servers do that do not look at it (Mono's, which "
            "may not look at the path either; Factories behind preamble=consume): which of these "
            "work, only a call can tell."
        )
    elif all(attempt.upgrade for attempt in accepted):
        said.append("Without that it closes the connection: it demands security.")
    invalid = _invalid(results)
    if invalid is not None:
        said.append(
            "Its certificate has expired: clients will refuse it until it is replaced."
            if invalid.expired
            else "Its certificate is not valid yet: clients will refuse it. Is a clock wrong?"
        )
    return said


def _refused(result: Result) -> list[str]:
    fault = result.reply.fault
    if fault is None:
        return ["That is not a fault that WCF knows: the server's log may say more."]
    return [
        _SERVER_FAULTS.get(
            fault,
            "A service answers there, but takes none of what was tried; it may want an encoding of "
            "its own, such as compression or UTF-16.",
        )
    ]


def _unanswered(results: Sequence[Result]) -> list[str]:
    if all(result.reply.kind is Kind.SILENT for result in results):
        return [
            "Either it is no net.tcp server, or one that says nothing to what it does not serve, "
            "as Mono's do for a wrong path. Check the path and the port; --timeout waits longer."
        ]
    return [
        "Either it is no net.tcp server, or it closes what it cannot serve: a service that "
        "demands another kind of security does so. Its log may say why."
    ]


def as_json(target: Target, results: Sequence[Result], identity: str | None) -> dict[str, Any]:
    """Everything, for programs."""
    verdict, result = judge(results)
    if identity is not None:
        verdict = Verdict.NOT_NET_TCP
    accepted = [result.attempt for result in results if result.reply.kind is Kind.ACCEPTED]
    return {
        "via": target.via,
        "host": target.host,
        "port": target.port,
        "verdict": verdict.value,
        "exitCode": int(exit_code(results) if identity is None else EXITS[verdict]),
        "fault": result.reply.detail if result.reply.kind is Kind.FAULT else None,
        "protocol": identity
        or (result.reply.detail if result.reply.kind is Kind.FOREIGN else None),
        "text": " ".join(conclusion(target, results, identity)[0].split()),
        "accepts": {
            "duplex": _content_types(accepted, Mode.DUPLEX),
            "singleton": _content_types(accepted, Mode.SINGLETON),
            "upgrades": [attempt.upgrade for attempt in accepted if attempt.upgrade],
        },
        "attempts": [
            {
                "mode": one.attempt.mode.name.lower(),
                "contentType": one.attempt.content_type,
                "upgrade": one.attempt.upgrade,
                "answer": one.reply.kind.value,
                "detail": one.reply.detail or None,
                "milliseconds": round(one.seconds * 1000, 1),
                "peer": one.peer or None,
                "end": one.end or None,
                "handshakes": [handshake.as_json() for handshake in one.handshakes],
            }
            for one in results
        ],
    }


def _content_types(accepted: Sequence[Attempt], mode: Mode) -> list[str]:
    return [
        attempt.content_type
        for attempt in accepted
        if attempt.mode is mode and attempt.upgrade is None
    ]
