"""What the far end answers, read."""

from __future__ import annotations

import pytest

from netshare.cli.probe.attempts import ENCODINGS, UPGRADES, Attempt
from netshare.cli.probe.replies import ForeignReader, Kind, PreambleReader, Reply, recognise
from netshare.framing.faults import Fault
from netshare.framing.records import BINARY_SESSION, Mode
from tests.helpers.probing import ACCEPTED, VIA, fault

PLAIN, UPGRADE = ENCODINGS[0], Attempt(Mode.DUPLEX, BINARY_SESSION, UPGRADES[0])
FOREIGN = Reply(Kind.FOREIGN, "an unknown protocol")

CASES = [
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
    (b"\x0b\x0b\x0b\x0b", UPGRADE, FOREIGN),
    (b"\x08\x81\x02" + b"x" * 300, PLAIN, FOREIGN),
    (b"\x08\xff\xff\xff\xff\x7f", PLAIN, FOREIGN),
]


def reader(attempt: Attempt) -> PreambleReader:
    """The reader of the answer to an attempt."""
    return PreambleReader(attempt.session(VIA))


def agrees(reply: Reply | None, expected: Reply | None) -> bool:
    """Whether it is that reply; unknown protocols are told with their first bytes."""
    if reply is None or expected is None:
        return reply is expected
    return reply.kind is expected.kind and reply.detail.startswith(expected.detail)


@pytest.mark.parametrize(("data", "attempt", "expected"), CASES)
def test_replies(data: bytes, attempt: Attempt, expected: Reply | None) -> None:
    """Answers are read for what they are; what is no answer of net.tcp is foreign."""
    assert agrees(reader(attempt).feed(data), expected)


@pytest.mark.parametrize(("data", "attempt", "expected"), CASES)
def test_replies_in_pieces(data: bytes, attempt: Attempt, expected: Reply | None) -> None:
    """However an answer is cut, it is the same answer."""
    reading = reader(attempt)
    replies = [reading.feed(data[at : at + 1]) for at in range(len(data))]
    assert agrees(next((reply for reply in replies if reply is not None), None), expected)


@pytest.mark.parametrize("reason", list(Fault))
def test_faults_byte_by_byte(reason: Fault) -> None:
    """A fault that comes in pieces is read when its last byte is there, and not before."""
    reading = reader(PLAIN)
    replies = [reading.feed(bytes((byte,))) for byte in reason.record]
    assert replies == [*[None] * (len(reason.record) - 1), fault(reason)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"\x15\x03", Reply(Kind.FOREIGN, "TLS")),
        (b"\x08\x10half", FOREIGN),
    ],
)
def test_answers_that_end(data: bytes, expected: Reply | None) -> None:
    """What a server said before it closed is recognised, however little; nothing is no answer."""
    reading = reader(PLAIN)
    assert not data or reading.feed(data) is None
    assert agrees(reading.feed_eof(), expected)


def test_other_protocols() -> None:
    """The answer to another protocol's greeting is waited for until it can be recognised."""
    reading = ForeignReader()
    assert reading.feed_eof() is None
    assert reading.feed(b"SS") is None
    assert reading.feed(b"H-2") == Reply(Kind.FOREIGN, "SSH")
    assert ForeignReader().feed(b"?\n") == Reply(Kind.FOREIGN, recognise(b"?\n"))


@pytest.mark.parametrize(
    ("detail", "expected"),
    [("ServerTooBusy", Fault.SERVER_TOO_BUSY), ("http://example.com/own", None)],
)
def test_known_faults(detail: str, expected: Fault | None) -> None:
    """A reply knows whether its fault is one of WCF's."""
    assert Reply(Kind.FAULT, detail).fault is expected
    assert Reply(Kind.CLOSED, detail).fault is None
