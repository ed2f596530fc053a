"""A probe's results in words, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from netshare.cli.exits import Exit
from netshare.cli.probe.attempts import Result, Verdict
from netshare.cli.probe.replies import Kind, Reply
from netshare.cli.probe.report import EXITS, as_json, conclusion, row
from netshare.cli.target import Target
from netshare.cli.terminal import width
from netshare.framing.records import BINARY_SESSION
from tests.helpers.probing import (
    ACCEPTED,
    CASES,
    SILENT,
    VIA,
    Server,
    always,
    plain_binary,
    probe,
    windows_streamed,
)

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
