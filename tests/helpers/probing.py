"""Servers for a probe, as functions from an attempt to its reply."""

from __future__ import annotations

from collections.abc import Callable

from netshare.cli.probe.attempts import (
    ENCODINGS,
    PATIENCE,
    UPGRADES,
    Attempt,
    Result,
    Verdict,
    next_attempt,
)
from netshare.cli.probe.replies import Kind, Reply
from netshare.framing.faults import Fault
from netshare.framing.records import BINARY_SESSION, Mode

VIA = "net.tcp://host:9000/path"

Server = Callable[[Attempt], Reply]

ACCEPTED = Reply(Kind.ACCEPTED)
CLOSED = Reply(Kind.CLOSED)
SILENT = Reply(Kind.SILENT)


def fault(reason: Fault) -> Reply:
    """A refusal."""
    return Reply(Kind.FAULT, reason.value)


def always(reply: Reply) -> Server:
    """A server that says the same to everything."""
    return lambda attempt: reply


def plain_binary(attempt: Attempt) -> Reply:
    """WCF with NetTcpBinding and no security."""
    if attempt.mode is not Mode.DUPLEX:
        return fault(Fault.UNSUPPORTED_MODE)
    if attempt.content_type != BINARY_SESSION:
        return fault(Fault.CONTENT_TYPE_INVALID)
    return fault(Fault.UPGRADE_INVALID) if attempt.upgrade else ACCEPTED


def windows_streamed(attempt: Attempt) -> Reply:
    """WCF with streamed transfer that demands Windows security."""
    if attempt.mode is not Mode.SINGLETON:
        return fault(Fault.UNSUPPORTED_MODE)
    if attempt.upgrade is None:
        return CLOSED
    return ACCEPTED if attempt.upgrade == UPGRADES[1] else fault(Fault.UPGRADE_INVALID)


def silent_but_for_streams(attempt: Attempt) -> Reply:
    """A server that answers only what it serves."""
    return ACCEPTED if attempt.content_type == ENCODINGS[2].content_type else SILENT


def probe(server: Server) -> list[Result]:
    """Carry the plan out."""
    results: list[Result] = []
    while (attempt := next_attempt(results)) is not None:
        results.append(Result(attempt, server(attempt), 0.002, "127.0.0.1:9000"))
        assert len(results) <= 20
    return results


CASES = [
    (plain_binary, 7, Verdict.REACHABLE),
    (windows_streamed, 7, Verdict.REACHABLE),
    (silent_but_for_streams, 7, Verdict.REACHABLE),
    (always(ACCEPTED), 7, Verdict.REACHABLE),
    (always(fault(Fault.ENDPOINT_NOT_FOUND)), 1, Verdict.NO_SUCH_PATH),
    (always(fault(Fault.ENDPOINT_UNAVAILABLE)), 1, Verdict.REFUSED),
    (always(fault(Fault.SERVER_TOO_BUSY)), 1, Verdict.REFUSED),
    (always(fault(Fault.CONTENT_TYPE_INVALID)), 7, Verdict.REFUSED),
    (always(Reply(Kind.FAULT, "http://example.com/own")), 7, Verdict.REFUSED),
    (always(Reply(Kind.FOREIGN, "HTTP")), 1, Verdict.NOT_NET_TCP),
    (always(Reply(Kind.UNCONNECTED, "nothing listens.")), 1, Verdict.UNREACHABLE),
    (always(SILENT), PATIENCE, Verdict.NO_ANSWER),
    (always(CLOSED), 7, Verdict.NO_ANSWER),
    (always(Reply(Kind.RESET)), 7, Verdict.NO_ANSWER),
]
