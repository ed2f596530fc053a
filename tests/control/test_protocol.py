"""netshare.control.protocol: descriptors, hostile boxes and questions on a control link."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionLost
from twisted.logger import LogEvent, globalLogPublisher
from twisted.protocols import amp

from netshare.control import commands
from netshare.control.commands import (
    MAX_LARGE_BYTES,
    Busy,
    Duplicate,
    NotReturnable,
    Register,
    Return,
    RoutesChanged,
    ServiceFault,
)
from netshare.control.protocol import MOST_MISTAKES, ControlProtocol
from netshare.testing import linkedUNIXTransports
from tests.helpers.control import Answering, Pair, result_of

HOSTILE: list[tuple[str, dict[bytes, bytes]]] = [
    ("no arguments", {b"_command": b"Register"}),
    ("no number", {b"_command": b"Register", b"version": b"one"}),
    ("no UTF-8", {b"_command": b"Register", b"version": b"1", b"baseAddress": b"\xff"}),
    ("no boolean", {b"_command": b"Register", b"version": b"1", b"shared": b"perhaps"}),
    ("no descriptor", {b"_command": b"Return", b"readData": b"", b"socket": b"0"}),
    ("no ordinal", {b"_command": b"Return", b"readData": b"", b"socket": b"x"}),
    ("a negative ordinal", {b"_command": b"Return", b"readData": b"", b"socket": b"-1"}),
    ("no bytes", {b"_command": b"Return", b"socket": b"0"}),
    ("a huge number", {b"_command": b"Register", b"version": b"9" * 5000}),
]


def box_of(items: dict[bytes, bytes]) -> bytes:
    return amp.Box(items).serialize()


@pytest.mark.parametrize("box", [h[1] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_hostile_boxes(pair: Pair, box: dict[bytes, bytes]) -> None:
    """A box whose arguments cannot be read is answered with an error; the link goes on."""
    asking, answering, link = pair
    assert asking.transport is not None
    answer: Deferred[Any] = Deferred()
    asking._outstandingRequests[b"77"] = answer
    asking.transport.write(box_of({b"_ask": b"77", **box}))
    with pytest.raises(amp.RemoteAmpError) as caught:
        result_of(link, answer)
    assert caught.value.errorCode == b"InvalidArgument"
    assert answering.got == []
    assert link.connected
    registered = asking.callRemote(Register, version=1, baseAddress="x")
    assert result_of(link, registered) == {"baseAddress": "x", "lane": None}


@pytest.mark.parametrize("ask", [{}, {b"_ask": b"1"}], ids=["unasked", "asked"])
@pytest.mark.parametrize(
    "box",
    [{b"_command": b"Register", b"version": b"x"}, {b"_command": b"Future"}],
    ids=["unreadable", "unknown"],
)
def test_commands_that_make_no_sense(
    pair: Pair, box: dict[bytes, bytes], ask: dict[bytes, bytes]
) -> None:
    """
    Each is a line in the log, also where no answer is wanted, and never a traceback; and a link
    that has many of them is cut.
    """
    asking, _, link = pair
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        for _ in range(MOST_MISTAKES - 1):
            asking.transport.write(box_of({**ask, **box}))
        asking.ampBoxReceived = lambda box: None  # type: ignore[method-assign]
        link.flush()
        assert link.connected
        asking.transport.write(box_of({**ask, **box}))
        link.flush()
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert [event for event in events if "log_failure" in event] == []
    known = ask and box[b"_command"] == b"Future"  # is answered, and no line
    assert link.connected == bool(known)
    assert len(events) == (0 if known else MOST_MISTAKES + 1)


def test_an_unknown_command(pair: Pair) -> None:
    """A command that nobody knows is answered as unhandled; the link goes on."""
    asking, _, link = pair

    class Future(amp.Command):
        arguments = []
        response = []

    with pytest.raises(amp.UnhandledCommand):
        result_of(link, asking.callRemote(Future))
    assert link.connected


NOT_AMP = [
    ("HTTP", b"GET / HTTP/1.1\r\n\r\n"),
    ("a key of 65,535 bytes", b"\xff\xff" + b"x" * 65535),
    ("an empty box", b"\0\0"),
    ("a box without a command", box_of({b"x": b"y"})),
    ("an answer to nothing", box_of({b"_answer": b"99"})),
    ("an error to nothing", box_of({b"_error": b"99", b"_error_code": b"x"})),
    ("an error without a code", box_of({b"_error": b"99"})),
]


@pytest.mark.parametrize("data", [n[1] for n in NOT_AMP], ids=[n[0] for n in NOT_AMP])
def test_what_is_no_amp(pair: Pair, data: bytes) -> None:
    """Bytes that are no AMP close their link, without an exception for the reactor."""
    asking, answering, link = pair
    assert asking.transport is not None
    asking.transport.write(data)
    link.flush()
    assert answering.lostFor is not None
    assert not link.connected


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """No bytes make a control link raise anything."""
    asking, answering = ControlProtocol(), Answering()
    link = linkedUNIXTransports(asking, answering)
    answering.dataReceived(data)
    link.lose()


def test_undeclared_errors(pair: Pair, pipe: int) -> None:
    """A responder's surprise is the declared fault; the link goes on."""
    asking, answering, link = pair
    answering.error = ZeroDivisionError("a bug")
    with pytest.raises(ServiceFault, match="log"):
        result_of(link, asking.callRemote(Return, readData=b"", socket=pipe))
    answering.error = NotReturnable("because")
    with pytest.raises(NotReturnable, match="because"):
        result_of(link, asking.callRemote(Return, readData=b"", socket=pipe))
    assert link.connected


def test_no_answer_is_asked_for(pair: Pair) -> None:
    """RoutesChanged has no answer, and on a lost link it is nothing."""
    asking, answering, link = pair
    assert asking.callRemote(RoutesChanged, baseAddress="x") is None
    link.flush()
    assert answering.got == [{"baseAddress": "x"}]
    link.lose()
    assert asking.callRemote(RoutesChanged, baseAddress="x") is None


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_unclaimed_descriptors(pair: Pair, pipe: int) -> None:
    """Descriptors that no command claimed are closed with the link, and claimed ones are not."""
    asking, answering, link = pair
    assert asking.transport is not None
    before = descriptors()
    for _ in range(3):
        asking.transport.sendFileDescriptor(pipe)
    link.flush()
    assert descriptors() == before + 3
    claimed = answering.claim(min(answering.unclaimed))
    ends = 2  # of the link itself
    link.lose()
    assert descriptors() == before + 1 - ends
    os.close(claimed)


def test_a_command_that_fails_to_claim(pair: Pair, pipe: int) -> None:
    """The descriptor of a box whose arguments cannot be read is closed with the link."""
    asking, _, link = pair
    assert asking.transport is not None
    before = descriptors()
    asking.transport.sendFileDescriptor(pipe)
    asking.transport.write(box_of({b"_command": b"Return", b"socket": b"0", b"_ask": b"1"}))
    asking._outstandingRequests[b"1"] = Deferred()
    asking._outstandingRequests[b"1"].addErrback(lambda _: None)
    link.flush()
    link.lose()
    assert descriptors() == before - 2


def duplicate(pipe: int, readData: bytes = b"x" * 70_000) -> dict[str, Any]:
    """The arguments of a Duplicate."""
    texts = dict.fromkeys(("via", "baseAddress", "peer", "local"), "a")
    return {**texts, "readData": readData, "socket": pipe}


def test_asking_without_a_deferred(pair: Pair, pipe: int) -> None:
    """An answer is told as nothing, an error as what the command declares, or as AMP's own."""
    asking, answering, link = pair
    answers: list[Exception | None] = []
    for error in (None, Busy("full"), RuntimeError("a bug")):
        answering.error = error
        asking.ask(Duplicate, duplicate(pipe), answers.append)
        link.flush()
    assert answering.got[0]["readData"] == b"x" * 70_000
    asking.ask(Duplicate, duplicate(pipe), answers.append)
    asking.dataReceived(box_of({b"_error": b"q4", b"_error_code": b"Strange"}))
    kinds = [type(answer) for answer in answers]
    assert kinds == [type(None), Busy, commands.WorkerFault, amp.UnknownRemoteError]
    assert str(answers[1]) == "full"


class Batch:
    """A turn of the service's."""

    def __init__(self) -> None:
        self.inside = True
        self.calls: list[Callable[[], None]] = []

    def atEnd(self, call: Callable[[], None]) -> None:
        self.calls.append(call)


def test_asking_together(pair: Pair, pipe: int) -> None:
    """In a batch questions with descriptors leave together, and nothing overtakes them."""
    asking, answering, link = pair
    asking.gathering = batch = Batch()
    answers: list[Exception | None] = []
    for read in (b"1", b"2"):
        asking.ask(Return, {"readData": read, "socket": pipe}, answers.append)
    link.flush()
    assert answering.got == []
    asking.ask(RoutesChanged, {"baseAddress": "x"}, answers.append)
    for read in (b"3", b"4"):
        asking.ask(Return, {"readData": read, "socket": pipe}, answers.append)
    for call in batch.calls:
        call()
    batch.inside = False
    asking.ask(Return, {"readData": b"5", "socket": pipe}, answers.append)
    link.flush()
    assert answers == [None] * 6
    assert [one.get("readData") for one in answering.got] == [
        *(b"1", b"2", None, b"3", b"4", b"5"),
    ]


def test_a_link_that_is_lost_with_some_in_hand(pair: Pair, pipe: int) -> None:
    """Each is told why, once."""
    asking, _, link = pair
    asking.gathering = batch = Batch()
    answers: list[Exception | None] = []
    for read in (b"1", b"2"):
        asking.ask(Return, {"readData": read, "socket": pipe}, answers.append)
    asking.cut("for a test")
    link.flush()
    for call in batch.calls:
        call()
    assert [type(answer) for answer in answers] == [type(answers[0])] * 2
    assert isinstance(answers[0], ConnectionClosed)


def test_asking_on_a_link_that_is_lost(pair: Pair, pipe: int) -> None:
    """What is under way is told why; nothing more can be asked."""
    asking, _, link = pair
    answers: list[Exception | None] = []
    asking.ask(Duplicate, duplicate(pipe), answers.append)
    link.lose()
    assert isinstance(answers[0], ConnectionClosed)
    with pytest.raises(ConnectionLost):
        asking.ask(Duplicate, duplicate(pipe), answers.append)
    assert len(answers) == 1


def test_asking_with_too_much(pair: Pair, pipe: int) -> None:
    """What cannot be sent is not waited for, and a caller that fails costs nobody the link."""
    asking, _, link = pair
    with pytest.raises(amp.TooLong):
        asking.ask(Duplicate, duplicate(pipe, b"x" * (MAX_LARGE_BYTES + 1)), lambda error: None)
    assert link.connected
    events: list[LogEvent] = []

    def fails(error: Exception | None) -> None:
        raise RuntimeError("a bug")

    asking.ask(Duplicate, duplicate(pipe), fails)
    globalLogPublisher.addObserver(events.append)
    try:
        link.flush()
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert ["log_failure" in event for event in events] == [True]
    assert link.connected
