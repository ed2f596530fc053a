"""Questions on one link: in turns, and no faster than their answers are read."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol

from netshare.control import commands, management, protocol
from netshare.service.desk.budget import (
    BOX_TIMEOUT,
    MOST_ANSWERING,
    QUESTIONS_IN_ONE_GO,
    UNREAD_TIMEOUT,
)
from netshare.service.desk.protocol import DeskProtocol
from netshare.testing import linkedUNIXTransports
from tests.helpers.desk import Setting


def test_many_questions_at_once(setting: Setting) -> None:
    """Only some are dealt with before others get their turn; none is lost, in the end."""
    stranger, desk, link = setting.link()
    answers: list[Any] = []
    count = 3 * QUESTIONS_IN_ONE_GO
    for _ in range(count):
        stranger.callRemote(commands.Stats).addBoth(answers.append)
    written = b"".join(item for item in stranger.transport.queue if isinstance(item, bytes))
    stranger.transport.queue.clear()
    desk.dataReceived(written)
    link.flush()
    assert len(answers) == QUESTIONS_IN_ONE_GO
    assert desk.transport.producerState == "paused"
    setting.settle()
    assert len(answers) == count
    assert all("json" in answer for answer in answers)
    assert desk.transport.producerState == "producing"


def test_a_slow_box(setting: Setting) -> None:
    """A box that has begun has to be complete in time, however steadily its bytes come."""
    stranger, _, link = setting.link()
    for byte in b"\0\4_ask\0\2":
        stranger.transport.write(bytes([byte]))
        setting.settle()
        setting.reactor.advance(BOX_TIMEOUT / 12)
    assert link.connected
    setting.reactor.advance(BOX_TIMEOUT / 2)
    setting.settle()
    assert not link.connected


def test_boxes_one_after_the_other(setting: Setting) -> None:
    """A link on which boxes come all the time, the next one always begun, is served on."""
    stranger, desk = Protocol(), DeskProtocol(setting.shared.desk)
    link = linkedUNIXTransports(stranger, desk)
    setting.links.append(link)
    transport: Any = stranger.transport
    box = b"\0\4_ask\0\0011\0\10_command\0\5Stats\0\0"
    transport.write(box[:5])
    for _ in range(10):
        transport.write(box[5:] + box[:5])
        setting.settle()
        setting.reactor.advance(BOX_TIMEOUT / 2)
    assert link.connected


def ask(setting: Setting, count: int, command: Any = commands.Stats) -> tuple[Any, list[Any]]:
    """Ask often, and have it read at once by the service: its end, and what will be answered."""
    asking, desk, _ = setting.link()
    answers: list[Any] = []
    for _ in range(count):
        asking.callRemote(command).addBoth(answers.append)
    written = b"".join(item for item in asking.transport.queue if isinstance(item, bytes))
    asking.transport.queue.clear()
    desk.dataReceived(written)
    return desk, answers


def test_answers_that_are_not_read(setting: Setting) -> None:
    """What was asked stays where it is until they are read, and then is answered."""
    count = 3 * QUESTIONS_IN_ONE_GO
    desk, answers = ask(setting, count)
    desk.transport.producer.pauseProducing()
    setting.settle()
    setting.reactor.advance(UNREAD_TIMEOUT - 1)
    setting.settle()
    assert len(answers) == QUESTIONS_IN_ONE_GO
    desk.transport.producer.resumeProducing()
    setting.settle()
    assert len(answers) == count
    assert desk.transport.producerState == "producing"
    setting.reactor.advance(UNREAD_TIMEOUT)
    setting.settle()
    assert setting.shared.status.stats()["linksCut"] == 0


def test_answers_that_are_never_read(setting: Setting) -> None:
    """The link is cut, which is counted; what it has asked is not dealt with."""
    desk, answers = ask(setting, 3 * QUESTIONS_IN_ONE_GO)
    desk.transport.producer.pauseProducing()
    setting.reactor.advance(UNREAD_TIMEOUT)
    desk.dataReceived(b"\0\4_ask\0\0011\0\10_command\0\5Stats\0\0")
    desk.cut("it is cut once")
    setting.settle()
    assert not desk.registry.links
    assert len(desk.transport.queue) == 0
    assert setting.shared.status.stats()["linksCut"] == 1
    assert sum(isinstance(answer, dict) for answer in answers) <= QUESTIONS_IN_ONE_GO


def test_what_is_told_to_a_worker_that_never_reads(setting: Setting) -> None:
    """A worker of the plain lane loses its addresses with its link."""
    worker, desk, link = setting.link()
    setting.register(worker, "a")
    desk.transport.producer.pauseProducing()
    setting.reactor.advance(UNREAD_TIMEOUT)
    setting.settle()
    assert not link.connected
    assert len(setting.shared.registry) == 0


def test_many_answers_that_take_a_while(setting: Setting) -> None:
    """So many questions wait for answers at once; the others are dealt with as these come."""
    waiting: list[Deferred[dict[str, Any]]] = []

    def reload() -> Deferred[dict[str, Any]]:
        waiting.append(Deferred())
        return waiting[-1]

    setting.shared.desk.reload = reload
    count = 2 * MOST_ANSWERING
    desk, answers = ask(setting, count, management.Reload)
    setting.settle()
    assert (len(waiting), desk.answering, answers) == (MOST_ANSWERING, MOST_ANSWERING, [])
    assert desk.transport.producerState == "paused"
    for number in range(count):
        waiting[number].callback({})
        setting.settle()
    assert [answer["json"] for answer in answers] == [b"{}"] * count
    assert desk.transport.producerState == "producing"


@pytest.mark.parametrize("rest", [b"\0\0" * 50, b"\xff" * 500])
def test_what_is_no_amp_is_told_once(setting: Setting, rest: bytes) -> None:
    """The first bytes that are none cut the link; what follows them is not looked at."""
    stranger, desk = Protocol(), DeskProtocol(setting.shared.desk)
    setting.links.append(linkedUNIXTransports(stranger, desk))
    desk.dataReceived(rest)
    setting.settle()
    assert setting.shared.admission.linksCut == 1


def test_what_answers_make_room_for(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are read together are followed by questions that leave together."""
    worker, desk, _ = setting.link()
    setting.register(worker, "a")
    sent: list[int] = []

    def send(transport: Any, messages: list[bytes], descriptors: list[int]) -> int:
        sent.append(len(messages))
        return len(messages)

    monkeypatch.setattr(protocol, "send_now", send)
    question = {
        "via": "net.tcp://localhost/a",
        "baseAddress": "net.tcp://+/a",
        "peer": "127.0.0.1:1",
        "local": "127.0.0.1:2",
        "readData": b"",
        "socket": 0,
    }

    def ask_another(error: Exception | None) -> None:
        desk.ask(commands.Duplicate, question, errors.append)

    errors: list[Exception | None] = []
    for _ in range(3):
        desk.ask(commands.Duplicate, question, ask_another)
    assert sent == [1, 1, 1]
    desk.dataReceived(b"".join(b"\0\7_answer\0\2q%d\0\0" % number for number in (1, 2, 3)))
    assert sent == [1, 1, 1, 3]
    assert errors == []
