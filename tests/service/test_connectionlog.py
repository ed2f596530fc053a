"""One JSON line a connection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from netshare.outcomes import Outcome
from netshare.service import connectionlog
from netshare.service.connectionlog import DELAY, MOST_LINES, ConnectionLog


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at a known time."""
    clock = Clock()
    clock.advance(1795415971.25)
    return clock


def lines(path: Path) -> list[dict[str, Any]]:
    """What is in the file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_line(tmp_path: Path, clock: Clock) -> None:
    """A line has the outcome's word, the addresses, and the time."""
    log = ConnectionLog(clock, tmp_path / "log")
    log.write(Outcome.HANDED_OVER, "net.tcp://h/ü", "192.0.2.1:5", "[::1]:808", "worker 1")
    log.close()
    assert lines(tmp_path / "log") == [
        {
            "time": 1795415971.25,
            "outcome": "handed-over",
            "via": "net.tcp://h/ü",
            "peer": "192.0.2.1:5",
            "local": "[::1]:808",
            "detail": "worker 1",
        }
    ]


@pytest.mark.parametrize("text", ['"', "\\", "\n", "\x00", '", "x": "', "\u2028", "é"])
def test_hostile_texts(tmp_path: Path, clock: Clock, text: str) -> None:
    """Whatever a client or a worker wrote stays one line, and one value."""
    log = ConnectionLog(clock, tmp_path / "log")
    log.write(Outcome.BAD_VIA, text, text, text, text)
    log.close()
    (line,) = lines(tmp_path / "log")
    assert (line["via"], line["peer"], line["local"], line["detail"]) == (text,) * 4


def test_times_go_on(tmp_path: Path, clock: Clock) -> None:
    """Each line has its own time, to the millisecond, also when the clock is put back."""
    log = ConnectionLog(clock, tmp_path / "log")
    for step in (0, 0.0004, 0.0008, 5, -4, 0.002):
        clock.rightNow += step
        log.write(Outcome.EMPTY, "", "", "", "")
    log.close()
    times = [json.loads(line)["time"] for line in (tmp_path / "log").read_text().splitlines()]
    whole = 1795415971
    assert [round(time - whole, 3) for time in times] == [0.25, 0.25, 0.251, 5.251, 1.251, 1.253]


def test_lines_are_written_in_time(tmp_path: Path, clock: Clock) -> None:
    """A line is in the file a second later at most, and many even before that."""
    log = ConnectionLog(clock, tmp_path / "log")
    log.write(Outcome.EMPTY, "", "p", "l", "")
    assert lines(tmp_path / "log") == []
    clock.advance(DELAY)
    assert len(lines(tmp_path / "log")) == 1
    for _ in range(MOST_LINES):
        log.write(Outcome.EMPTY, "", "p", "l", "")
    assert len(lines(tmp_path / "log")) == 1 + MOST_LINES
    log.close()
    assert clock.getDelayedCalls() == []


def test_a_renamed_file(tmp_path: Path, clock: Clock) -> None:
    """After logrotate has renamed the file a new one is begun; nothing is lost."""
    log = ConnectionLog(clock, tmp_path / "log")
    log.write(Outcome.EMPTY, "", "first", "l", "")
    clock.advance(DELAY)
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.write(Outcome.EMPTY, "", "second", "l", "")
    clock.advance(DELAY)
    log.close()
    assert [line["peer"] for line in lines(tmp_path / "log.1")] == ["first"]
    assert [line["peer"] for line in lines(tmp_path / "log")] == ["second"]


def test_a_disk_that_is_full(tmp_path: Path, clock: Clock) -> None:
    """What cannot be written is said in the ordinary log, and serving goes on."""
    (tmp_path / "log").symlink_to("/dev/full")
    log = ConnectionLog(clock, tmp_path / "log")
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    log.write(Outcome.EMPTY, "", "p", "l", "")
    clock.advance(DELAY)
    globalLogPublisher.removeObserver(events.append)
    assert [event["count"] for event in events if "count" in event] == [1]
    with pytest.raises(OSError, match="No space"):
        log._file.close()
    if log._call is not None:
        log._call.cancel()


def test_a_file_that_cannot_be_opened_for_a_while(tmp_path: Path, clock: Clock) -> None:
    """What came meanwhile is lost, and said so; then the log goes on."""
    path = tmp_path / "log"
    log = ConnectionLog(clock, path)
    path.rename(tmp_path / "log.1")
    path.mkdir()
    for peer in ("lost", "lost, too"):
        log.write(Outcome.EMPTY, "", peer, "l", "")
        clock.advance(DELAY)
    path.rmdir()
    log.write(Outcome.EMPTY, "", "kept", "l", "")
    clock.advance(DELAY)
    log.close()
    assert [line["peer"] for line in lines(path)] == ["kept"]


@pytest.mark.parametrize("much", ["v" * 2048, "/v" * 1024])
def test_what_clients_choose_does_not_fill_the_memory(
    tmp_path: Path, clock: Clock, much: str
) -> None:
    """Long vias are written as they are, and not remembered."""
    log = ConnectionLog(clock, tmp_path / "log")
    via = f"net.tcp://h/{much}"
    before = connectionlog._around_known_peer.cache_info().currsize
    log.write(Outcome.ENDPOINT_NOT_FOUND, via, "p", "l", "")
    log.write(Outcome.BAD_VIA, "", "p", "l", via)
    log.close()
    assert connectionlog._around_known_peer.cache_info().currsize == before
    assert [line["via"] + line["detail"] for line in lines(tmp_path / "log")] == [via, via]


@pytest.mark.parametrize("text", ["\x1b[2J", "a\r\nb", "\x9b", "\u202e", "\u2028", "\ud800"])
def test_hostile_text(tmp_path: Path, text: str) -> None:
    """Whatever a client, or a balancer, says: it is on one line, in printable ASCII."""
    path = tmp_path / "connections"
    clock = Clock()
    clock.advance(1)
    log = ConnectionLog(clock, path)
    log.write(Outcome.BAD_VIA, text, text, text, text)
    log.close()
    (line,) = path.read_text("ascii").splitlines()
    assert line.isprintable()
    assert json.loads(line)["via"] == json.loads(line)["peer"] == text
