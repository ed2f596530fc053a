"""The probe's plan, its reading of answers, its verdicts and its words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from netshare.addresses import AddressError
from netshare.cli.exits import Exit
from netshare.cli.probe.attempts import (
    ENCODINGS,
    PATIENCE,
    UPGRADES,
    Attempt,
    Kind,
    Reply,
    Result,
    Target,
    Verdict,
    judge,
    next_attempt,
    read_reply,
)
from netshare.cli.probe.report import EXITS, as_json, conclusion, row
from netshare.cli.terminal import width
from netshare.framing.faults import Fault
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import BINARY, BINARY_SESSION, Mode

VIA = "net.tcp://host:9000/path"
PLAIN, UPGRADE = ENCODINGS[0], Attempt(Mode.DUPLEX, BINARY_SESSION, UPGRADES[0])

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


@pytest.mark.parametrize(("server", "attempts", "verdict"), CASES)
def test_plan(server: Server, attempts: int, verdict: Verdict) -> None:
    """So many connections, and this verdict: nobody is asked more than there is reason for."""
    results = probe(server)
    assert len(results) == attempts
    assert judge(results)[0] is verdict


def test_a_service_that_goes_away_ends_the_probe() -> None:
    """What is about the address or the server ends the probe at any attempt."""
    replies = iter([ACCEPTED, fault(Fault.CONTENT_TYPE_INVALID), fault(Fault.SERVER_TOO_BUSY)])
    results = probe(lambda attempt: next(replies))
    assert len(results) == 3
    assert judge(results)[0] is Verdict.REACHABLE


def test_the_fault_about_the_server_counts_more() -> None:
    """A refusal that is about the server is reported before one that is about an encoding."""
    replies = iter([fault(Fault.CONTENT_TYPE_INVALID), fault(Fault.SERVER_TOO_BUSY)])
    verdict, result = judge(probe(lambda attempt: next(replies)))
    assert (verdict, result.reply.fault) == (Verdict.REFUSED, Fault.SERVER_TOO_BUSY)


def test_upgrades_are_asked_for_in_what_the_service_speaks() -> None:
    """The upgrades go with the encoding that was closed without a fault, for want of security."""
    last = probe(windows_streamed)[-2:]
    assert [result.attempt for result in last] == [
        Attempt(Mode.SINGLETON, BINARY, upgrade) for upgrade in UPGRADES
    ]


@pytest.mark.parametrize("attempt", [*ENCODINGS, UPGRADE])
def test_openings_are_preambles(attempt: Attempt) -> None:
    """What is sent is a whole preamble, and says what the attempt is."""
    opening = attempt.opening(VIA)
    reading = read_preamble(opening, Stage.ANSWER)
    assert isinstance(reading, Preamble)
    assert (reading.via, reading.mode, reading.content_type, reading.upgrade, reading.end) == (
        VIA,
        attempt.mode,
        attempt.content_type,
        attempt.upgrade,
        len(opening),
    )


@pytest.mark.parametrize(
    ("data", "attempt", "expected"),
    [
        (b"", PLAIN, None),
        (b"\x0b", PLAIN, ACCEPTED),
        (b"\x0b\x07", PLAIN, ACCEPTED),
        (b"\x0a", UPGRADE, ACCEPTED),
        (Fault.ENDPOINT_NOT_FOUND.record, PLAIN, fault(Fault.ENDPOINT_NOT_FOUND)),
        (Fault.UPGRADE_INVALID.record + b"rest", UPGRADE, fault(Fault.UPGRADE_INVALID)),
        (b"\x08\x05a:\xffxy", PLAIN, Reply(Kind.FAULT, "a:\ufffdxy")),
        (b"HTTP/1.1 400 Bad Request", PLAIN, Reply(Kind.FOREIGN, "HTTP")),
        (b"SSH-2.0-OpenSSH", PLAIN, Reply(Kind.FOREIGN, "SSH")),
        (b"\x15\x03\x01\x00\x02\x02\x46", PLAIN, Reply(Kind.FOREIGN, "TLS")),
        (b"\x15\x03", PLAIN, None),
        (b"\x0b\x0b\x0b\x0b", UPGRADE, None),
        (b"\x08\x81\x02" + b"x" * 300, PLAIN, None),
        (b"\x08\xff\xff\xff\xff\x7f", PLAIN, None),
    ],
)
def test_replies(data: bytes, attempt: Attempt, expected: Reply | None) -> None:
    """Answers are read for what they are; what is no answer of net.tcp is foreign."""
    reply = read_reply(data, attempt)
    if expected is None and len(data) >= 4:
        assert reply is not None
        assert reply.kind is Kind.FOREIGN
        assert "unknown protocol" in reply.detail
    else:
        assert reply == expected


@pytest.mark.parametrize("reason", list(Fault))
def test_faults_byte_by_byte(reason: Fault) -> None:
    """A fault that comes in pieces is read when its last byte is there, and not before."""
    record = reason.record
    for size in range(len(record)):
        assert read_reply(record[:size], PLAIN) is None
    assert read_reply(record, PLAIN) == fault(reason)


@pytest.mark.parametrize(
    ("uri", "host", "port", "expected"),
    [
        ("net.tcp://host/a", None, None, Target("net.tcp://host/a", "host", 808)),
        ("net.tcp://Host:9000", None, None, Target("net.tcp://Host:9000/", "host", 9000)),
        ("net.tcp://[::1]:9000/a", None, None, Target("net.tcp://[::1]:9000/a", "::1", 9000)),
        ("net.tcp://me@host/a", None, None, Target("net.tcp://me@host/a", "host", 808)),
        ("net.tcp://h/a", "::1", 99, Target("net.tcp://h/a", "::1", 99)),
        ("net.tcp://h/a", "[::1]", None, Target("net.tcp://h/a", "::1", 808)),
        ("net.tcp://h/ü b%20c", None, None, Target("net.tcp://h/%C3%BC%20b%20c", "h", 808)),
        ("net.tcp://h/a?q=1#f", None, None, Target("net.tcp://h/a?q=1", "h", 808)),
    ],
)
def test_targets(uri: str, host: str | None, port: int | None, expected: Target) -> None:
    """The address is escaped as .NET does it; where to connect follows from it or is told."""
    assert Target.of(uri, host, port) == expected


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("net.tcp://+:808/a", "any host"),
        ("net.tcp://*/a", "any host"),
        ("http://host/a", "scheme is http"),
        ("host:808/a", "not an absolute URI"),
        ("net.tcp://host:0/a", "not a port number"),
        ("net.tcp://host/" + "a" * 2048, "2063 bytes"),
        ("net.tcp://host/" + "ü" * 400, "2415 bytes"),
        ("", "not an absolute URI"),
        ("net.tcp://host/\udcff", "not UTF-8"),
    ],
)
def test_impossible_targets(uri: str, message: str) -> None:
    """An address that no client can ask for is an error that says why."""
    with pytest.raises(AddressError, match=message):
        Target.of(uri)


TARGET = Target(VIA, "host", 9000)


def conclusions(results: Sequence[Result], identity: str | None = None) -> str:
    """The words for a probe's results."""
    return "\n".join(conclusion(TARGET, results, identity))


@pytest.mark.parametrize(("server", "attempts", "verdict"), CASES)
def test_words(server: Server, attempts: int, verdict: Verdict) -> None:
    """Every verdict says where, and what to do; rows fit a terminal of 80 columns."""
    results = probe(server)
    text = conclusions(results)
    assert "host" in text
    assert len(text) > 60 or verdict is Verdict.UNREACHABLE
    assert all(width(row(result, 80)) <= 80 for result in results)
    report = json.loads(json.dumps(as_json(TARGET, results, None)))
    assert report["verdict"] == verdict.value
    assert report["exitCode"] == EXITS[verdict]
    assert len(report["attempts"]) == attempts


def test_exit_codes_are_distinct() -> None:
    """Each verdict has a code of its own, none of them that of a usage error."""
    assert set(EXITS) == set(Verdict)
    assert len(set(EXITS.values())) == len(Verdict)
    assert not {Exit.USAGE, Exit.NO_SERVICE} & set(EXITS.values())


def test_reachable_names_the_bindings() -> None:
    """Who is reachable is told which binding to use, and no other."""
    text = conclusions(probe(plain_binary))
    assert "security mode None, transfer mode Buffered" in text
    assert "Streamed" not in text
    assert "CustomBinding" not in text
    report = as_json(TARGET, probe(plain_binary), None)
    assert report["accepts"] == {"duplex": [BINARY_SESSION], "singleton": [], "upgrades": []}


def test_demanded_security_is_recognised() -> None:
    """A service that takes clients only after an upgrade is said to demand it."""
    text = conclusions(probe(windows_streamed))
    assert "client credential type Windows" in text
    assert "demands security" in text


def test_indiscriminate_acceptance_is_no_proof() -> None:
    """A server that acknowledges everything is said to prove little by it."""
    assert "acknowledges every encoding" in conclusions(probe(always(ACCEPTED)))
    assert "acknowledges every encoding" not in conclusions(probe(plain_binary))


def test_identity_found_by_knocking() -> None:
    """A server without a word for preambles is named once it is known in another way."""
    assert "speaks TLS" in conclusions(probe(always(SILENT)), "TLS")
    report = as_json(TARGET, probe(always(SILENT)), "TLS")
    assert (report["verdict"], report["protocol"]) == ("not net.tcp", "TLS")
    assert report["exitCode"] == Exit.NOT_NET_TCP


def test_answers_cannot_move_the_cursor() -> None:
    """What a server says reaches the terminal escaped."""
    results = probe(always(Reply(Kind.FAULT, "urn:\x1b[2J")))
    assert "\x1b" not in conclusions(results)
    assert "\x1b" not in row(results[0], None)
