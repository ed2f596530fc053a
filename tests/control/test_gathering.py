"""netshare.control.gathering: questions leave together, in their order, or are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from netshare.control.gathering import (
    ENOUGH_GATHERED,
    MOST_GATHERED,
    Gathered,
    NotCarried,
    Question,
)


class Batch:
    """A turn that goes on until it is told to end."""

    inside = True

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def atEnd(self, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def end(self) -> None:
        """The batch is over."""
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class Way:
    """What carries them, as many as there is room for."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.sent: list[list[bytes]] = []
        self.refused: list[tuple[bytes, str]] = []
        self.gathered = Gathered(self._carry, self._refuse)
        self.batch = Batch()

    def _carry(self, questions: Sequence[Question]) -> int:
        if not self.room:
            raise NotCarried("no room")
        self.sent.append([question.tag for question in questions[: self.room]])
        return min(self.room, len(questions))

    def _refuse(self, question: Question, error: NotCarried) -> None:
        self.refused.append((question.tag, str(error)))

    def add(self, tag: bytes, box: bytes = b"b" * 200) -> None:
        """Ask something."""
        self.gathered.add(Question(tag, box, 3), self.batch)


def test_together() -> None:
    """What is asked in one batch leaves at its end, in its order, once."""
    way = Way()
    for tag in (b"1", b"2", b"3"):
        way.add(tag)
    assert (way.sent, len(way.gathered)) == ([], 3)
    way.batch.end()
    assert way.sent == [[b"1", b"2", b"3"]]
    way.batch.end()
    way.gathered.send()
    assert (len(way.sent), len(way.gathered), way.refused) == (1, 0, [])


@pytest.mark.parametrize(
    ("box", "most"),
    [
        (b"b" * 200, MOST_GATHERED),
        (b"b" * (ENOUGH_GATHERED // 4), 4),
        (b"b" * 5, 5),  # each descriptor takes a byte of the first box
    ],
)
def test_enough(box: bytes, most: int) -> None:
    """So many, or so much, and no more leaves in one go."""
    way = Way()
    for number in range(most + 1):
        way.add(b"%d" % number, box)
    assert [len(sent) for sent in way.sent] == [most]
    way.batch.end()
    assert [len(sent) for sent in way.sent] == [most, 1]


@pytest.mark.parametrize("room", [0, 2])
def test_no_room(room: int) -> None:
    """Who finds no room is told, each of them, and the others are not."""
    way = Way(room)
    for number in range(4):
        way.add(b"%d" % number)
    way.batch.end()
    assert [tag for sent in way.sent for tag in sent] == [b"0", b"1"][:room]
    assert [tag for tag, _ in way.refused] == [b"0", b"1", b"2", b"3"][room:]


def test_forgotten() -> None:
    """What was forgotten does not leave."""
    way = Way()
    way.add(b"1")
    way.gathered.clear()
    way.batch.end()
    assert (way.sent, way.refused) == ([], [])
