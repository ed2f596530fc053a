"""Templates of envelopes: what they read is what is read without them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.calls.formatter import formatter_for
from netshare.transport.datacontracts import UnencodableValue
from netshare.transport.encoders import BINARY_SESSION, BinarySessionEncoder
from netshare.transport.encoders.templates import reading as readtemplates
from netshare.transport.soap import (
    MESSAGE_VERSION_DEFAULT,
    BodyUnreadable,
    Message,
    MessageInvalid,
    ReceivedBody,
    new_message_id,
)
from netshare.transport.xml import ReaderQuotas, XmlException
from netshare.transport.xml.binary import ReaderSession, read_events
from netshare.transport.xml.binary.records import read_multibyte
from tests.fuzz.test_properties import damaged
from tests.helpers.binary_vectors import conversations
from tests.helpers.templates import (
    DEFAULT,
    LARGE,
    OPERATIONS,
    TO,
    encoder,
    messages,
)


def shown(message: Message) -> tuple[Any, ...]:
    """Everything there is about a received message."""
    names = ("action", "to", "from_", "reply_to", "fault_to", "message_id", "relates_to")
    body, content = message.body(), message.body_content
    assert isinstance(content, ReceivedBody)
    return (
        *(repr(getattr(message, name)) for name in names),
        message.is_fault,
        message.version,
        [(h.name, h.namespace, h.must_understand, h.actor, h.text) for h in message.headers],
        repr((content.events, content.index, content.outer)),
        None if body is None else repr(body.element()),
    )


class Both:
    """Reads one session twice, with templates and without."""

    def __init__(self, size: int = 4096, quotas: ReaderQuotas = DEFAULT) -> None:
        self.encoder = BinarySessionEncoder(
            BINARY_SESSION, MESSAGE_VERSION_DEFAULT, quotas, LARGE, "", size
        )
        self.session = ReaderSession(size)
        self.quotas = quotas

    def read(self, payload: bytes) -> tuple[Any, ...]:
        """:returns: what both agree that it is."""
        with_templates = self._outcome(lambda: self.encoder.decode(payload))
        assert with_templates == self._outcome(lambda: self._ordinary(payload))
        return with_templates

    def _ordinary(self, payload: bytes) -> Message:
        start = self.session.read_table(payload)
        events = read_events(payload, self.session, self.quotas, start)
        return Message.read(events, MESSAGE_VERSION_DEFAULT)

    @staticmethod
    def _outcome(read: Callable[[], Message]) -> tuple[Any, ...]:
        try:
            return shown(read())
        except BodyUnreadable as error:
            # What was put off is said later, and in the same words.
            return type(error.__cause__).__name__, str(error)
        except (XmlException, MessageInvalid) as error:
            return type(error).__name__, str(error)

    @property
    def templates(self) -> int:
        """How many there are."""
        return len(self.encoder._read_templates._templates)


def documents(frames: list[bytes]) -> Iterator[bytes]:
    """What was sent, with its strings known already."""
    for frame in frames:
        size, start = read_multibyte(frame, 0)
        yield b"\0" + frame[start + size :]


RECORDINGS = {
    name: session.frames
    for name, session in conversations()
    if session.frames and all(len(frame) < 20_000 for frame in session.frames)
}


def of_a_session(frames: list[bytes]) -> Both:
    """A session in which all of this was said, and said again."""
    both = Both()
    for frame in frames:
        both.read(frame)
    for document in [*documents(frames)] * 2:
        both.read(document)
    return both


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_sessions(name: str) -> None:
    """Every recorded message is read as without templates, also when it comes again."""
    of_a_session(RECORDINGS[name])


def test_most_recorded_sessions_have_templates() -> None:
    """In most sessions of .NET at least one message has a template when it comes again."""
    having = [name for name, frames in RECORDINGS.items() if of_a_session(frames).templates]
    assert len(having) > 0.6 * len(RECORDINGS)


def add(a: int = 40, b: int = 2) -> Iterator[bytes]:
    """Requests to Add of one session."""
    formatter = formatter_for(OPERATIONS["Add"])
    session = encoder()
    while True:
        message = formatter.request.write({"a": a, "b": b}, False)
        message.to, message.message_id = TO[1], new_message_id()
        message.reply_to = MESSAGE_VERSION_DEFAULT.addressing.anonymous
        yield session.encode(message)


def test_what_is_read_with_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third request to an operation is not read from its beginning."""
    requests, both = add(), Both()
    first = both.read(next(requests))
    both.read(next(requests))
    assert both.templates == 1
    monkeypatch.delattr(readtemplates, "read_events")
    third = both.read(next(requests))
    assert [a == b for a, b in zip(first[:7], third, strict=False)] == [True] * 5 + [False, True]


def test_every_byte_damaged() -> None:
    """A known envelope of which any one byte is another is what it would be without templates."""
    requests, both = add(), Both()
    for _ in range(3):
        both.read(next(requests))
    request = next(requests)
    errors = set()
    for at in range(1, len(request)):
        for other in (0x01, 0x02, 0x80, 0xFF, *random.Random(at).sample(range(256), 12)):
            data = bytearray(request)
            data[at] ^= other
            outcome = both.read(bytes(data))
            if len(outcome) == 2:
                errors.add(outcome[1])
    assert len(errors) > 50


def test_every_length() -> None:
    """A known envelope cut off anywhere is refused as it would be without templates."""
    requests, both = add(), Both()
    for _ in range(3):
        both.read(next(requests))
    request = next(requests)
    assert all(len(both.read(request[:end])) == 2 for end in range(1, len(request)))


SAMPLES = sorted(name for name, frames in RECORDINGS.items() if len(frames) < 60)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(0, 2**32))
def test_damaged_messages(name: str, seed: int) -> None:
    """Damaged messages are what they would be without templates, and so is what follows them."""
    chance = random.Random(seed)
    frames = RECORDINGS[name]
    both = of_a_session(frames)
    whole = [document[1:] for document in documents(frames)]
    for _ in range(8):
        both.read(b"\0" + damaged(chance, [chance.choice(whole)]))
        both.read(b"\0" + chance.choice(whole))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(messages(), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=2, max_size=12),
    st.sampled_from(
        [
            DEFAULT,
            ReaderQuotas(max_nodes=40),
            ReaderQuotas(max_depth=4),
            ReaderQuotas(32, 20),
            ReaderQuotas(32, 100),
            ReaderQuotas(32, 8192, 16384, 4096, 350),
        ]
    ),
)
def test_own_messages(
    made: list[Callable[[], Message]], order: list[int], quotas: ReaderQuotas
) -> None:
    """What our writer writes is read as without templates, within quotas and beyond."""
    writing, both = encoder(size=4096), Both(quotas=quotas)
    for number in order:
        message = made[number % len(made)]()
        try:
            payload = writing.encode(message)
        except (XmlException, UnencodableValue):
            return
        both.read(payload)


def test_quotas_that_need_every_record() -> None:
    """Where the attributes of a start tag are limited a message is read from its beginning."""
    requests, both = add(), Both(quotas=ReaderQuotas(max_bytes_per_read=500))
    for _ in range(4):
        assert len(both.read(next(requests))) > 2
    assert both.templates == 0


def test_forgotten_with_the_names() -> None:
    """A peer that makes up names loses its templates with the reader's other memories."""
    requests, both = add(), Both()
    for _ in range(3):
        both.read(next(requests))
    assert both.templates == 1
    request = next(requests)
    at = request.index(b"\x89\x28")  # the value of a: INT8 40
    first = both.encoder._read_templates._templates[0]
    for number in range(1100):
        name = f"n{number}".encode()
        inside = b"\x40" + bytes((len(name),)) + name + b"\x01"
        both.read(request[:at] + b"\x01" + inside + request[at + 2 :])
        assert both.templates == 1
    assert both.encoder._read_templates._templates[0] is not first
    assert len(both.read(next(requests))) > 2


def test_only_so_many_templates() -> None:
    """A peer with ever new actions gets no more than 32 templates."""
    both, writing = Both(size=100), encoder(size=100)
    formatter = formatter_for(OPERATIONS["Add"])
    for number in range(50):
        for _ in range(3):
            message = formatter.request.write({"a": 1, "b": 2}, False)
            message.action, message.message_id = f"urn:{number}", new_message_id()
            assert len(both.read(writing.encode(message))) > 2
    assert both.templates == 32
