"""The probe's plan and its verdicts."""

from __future__ import annotations

import pytest

from netshare.cli.probe.attempts import ENCODINGS, UPGRADES, Attempt, Verdict, judge
from netshare.framing.faults import Fault
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import BINARY, BINARY_SESSION, Mode
from tests.helpers.probing import ACCEPTED, CASES, VIA, Server, fault, probe, windows_streamed


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


@pytest.mark.parametrize("attempt", [*ENCODINGS, Attempt(Mode.DUPLEX, BINARY_SESSION, UPGRADES[0])])
def test_openings_are_preambles(attempt: Attempt) -> None:
    """What is sent is a whole preamble, and says what the attempt is."""
    opening = attempt.session(VIA).opening
    reading = read_preamble(opening, Stage.ANSWER)
    assert isinstance(reading, Preamble)
    assert (reading.via, reading.mode, reading.content_type, reading.upgrade, reading.end) == (
        VIA,
        attempt.mode,
        attempt.content_type,
        attempt.upgrade,
        len(opening),
    )
