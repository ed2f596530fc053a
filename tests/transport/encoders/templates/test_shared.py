"""Templates that sessions share: no session says or hears anything else for them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.calls.formatter import formatter_for
from netshare.transport.encoders.templates import SharedTemplates
from netshare.transport.encoders.templates import reading as readtemplates
from netshare.transport.soap import MESSAGE_VERSION_DEFAULT, Message, MessageVersion
from netshare.transport.xml import ReaderQuotas, UniqueId
from netshare.transport.xml.binary import WriterSession
from tests.fuzz.test_properties import damaged
from tests.helpers.templates import (
    DEFAULT,
    OPERATIONS,
    VERSIONS,
    encoder,
    messages,
    without_templates,
    written,
)
from tests.transport.encoders.templates.test_reading import RECORDINGS, SAMPLES, Both

ADD = formatter_for(OPERATIONS["Add"])
TO = "net.tcp://one/service"


def request(session: Any, to: str = TO, **values: Any) -> bytes:
    """The next request of a session."""
    message = ADD.request.write({"a": 40, "b": 2, **values}, False)
    message.to, message.message_id = to, UniqueId(random.randbytes(16))
    message.reply_to = MESSAGE_VERSION_DEFAULT.addressing.anonymous
    return session.encode(message)  # type: ignore[no-any-return]


def readers(quotas: ReaderQuotas = DEFAULT) -> Callable[[], Both]:
    """What makes sessions of one encoder, each read twice."""
    first = Both(quotas=quotas)

    def another() -> Both:
        both = Both(quotas=quotas)
        both.encoder = first.encoder.session()  # type: ignore[assignment]
        return both

    return another


# ---- writing


@settings(max_examples=600, deadline=None)
@given(
    st.lists(messages(), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=24),
    st.sampled_from(VERSIONS),
    st.sampled_from([0, 40, 150, 400, 2048]),
)
def test_written_bytes(
    made: list[Callable[[], Message]],
    order: list[tuple[int, int]],
    version: MessageVersion,
    size: int,
) -> None:
    """Whatever several sessions write, each has the ordinary writer's bytes, or its errors."""
    common = encoder(version, size)
    templates = [common.session() for _ in range(4)]
    ordinary = [WriterSession(size) for _ in range(4)]
    for of_session, number in order * 2:
        make = made[number % len(made)]
        both = make(), make()
        both[0].version = both[1].version = version
        assert written(lambda b=both, n=of_session: templates[n].encode(b[0])) == written(  # type: ignore[misc]
            lambda b=both, n=of_session: without_templates(b[1], ordinary[n])  # type: ignore[misc]
        )
        if not random.Random(number).randrange(5):
            templates[of_session], ordinary[of_session] = common.session(), WriterSession(size)


@settings(max_examples=200, deadline=None)
@given(messages(), messages(), st.sampled_from([40, 150, 2048]))
def test_third_session(one: Callable[[], Message], other: Callable[[], Message], size: int) -> None:
    """A session that begins as two before it writes the same bytes."""
    common = encoder(size=size)
    for _ in range(4):
        session, ordinary = common.session(), WriterSession(size)
        for make in (one, other, one):
            ours, plain = make(), make()
            assert written(lambda m=ours, s=session: s.encode(m)) == written(  # type: ignore[misc]
                lambda m=plain, s=ordinary: without_templates(m, s)  # type: ignore[misc]
            )


def test_first_message_comes_from_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request of the third session is not written by way of its message."""
    common = encoder()
    for _ in range(2):
        request(common.session())
    session = common.session()
    monkeypatch.delattr(Message, "write_start")
    assert TO.encode() in request(session)
    assert TO.encode() not in request(session)


def test_parts_of_another_contract() -> None:
    """Two operations that differ in nothing but their parts do not share templates."""
    common = encoder()
    for count in range(6):
        for parts in (ADD.request._writers, ADD.request._writers[:1]):
            both = []
            for _ in range(2):
                message = ADD.request.write({"a": count, "b": 2}, False)
                message.body_content.parts = parts  # type: ignore[union-attr]
                both.append(message)
            ordinary = without_templates(both[1], WriterSession(2048))
            assert common.session().encode(both[0]) == ordinary


# ---- reading


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_sessions(name: str) -> None:
    """A recorded session that comes again and again is read as without templates."""
    another = readers()
    for _ in range(4):
        both = another()
        for frame in RECORDINGS[name]:
            both.read(frame)


def test_first_message_is_read_with_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request of the third session is not read from its beginning."""
    another = readers()
    expected = another().read(request(encoder()))
    another().read(request(encoder()))
    third = another()
    payload = request(encoder(), a=7)
    monkeypatch.delattr(readtemplates, "read_events")
    outcome = third.read(payload)
    assert outcome[:5] == expected[:5]
    assert outcome[-1] != expected[-1]


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(0, 2**32))
def test_damaged_sessions(name: str, seed: int) -> None:
    """Sessions that break, in turn with whole ones, are what they would be without templates."""
    chance = random.Random(seed)
    frames = RECORDINGS[name]
    another = readers()
    for turn in range(5):
        both = another()
        for frame in frames[: chance.randrange(1, 6)]:
            if turn % 2:
                frame = damaged(chance, [frame])
            if frame:
                both.read(frame)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(messages(), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=3, max_size=12),
    st.sampled_from(
        [
            DEFAULT,
            ReaderQuotas(max_nodes=40),
            ReaderQuotas(max_depth=4),
            ReaderQuotas(32, 20),
            ReaderQuotas(32, 8192, 16384, 4096, 350),
        ]
    ),
)
def test_sessions_in_turns(
    made: list[Callable[[], Message]], order: list[tuple[int, int]], quotas: ReaderQuotas
) -> None:
    """What several sessions write in turns is read as without templates, within quotas or not."""
    another, common = readers(quotas), encoder(size=4096)
    for _ in range(3):
        reading = [another() for _ in range(3)]
        writing = [common.session() for _ in range(3)]
        broken: set[int] = set()
        for of_session, number in order:
            message = made[number % len(made)]()
            session = writing[of_session]
            outcome = written(lambda m=message, s=session: s.encode(m))  # type: ignore[misc]
            if isinstance(outcome, str):
                broken.add(of_session)
            elif of_session not in broken:
                reading[of_session].read(outcome)


def test_every_byte_damaged() -> None:
    """A first message of which any one byte is another is what it would be without templates."""
    another = readers()
    for _ in range(3):
        another().read(request(encoder()))
    errors = set()
    payload = request(encoder())
    for at in range(len(payload)):
        for other in (0x01, 0x02, 0x80, 0xFF, *random.Random(at).sample(range(256), 4)):
            data = bytearray(payload)
            data[at] ^= other
            both = another()
            outcome = both.read(bytes(data))
            if len(outcome) == 2:
                errors.add(outcome[1])
            if len(both.session.strings) >= 4:
                both.read(b"\0" + payload[payload[0] + 1 :])
    assert len(errors) > 50
    assert len(another().read(request(encoder()))) > 2


def test_names_of_one_session_are_not_anothers() -> None:
    """What one session calls by a string of its own means nothing in another."""
    another = readers()
    payload = request(encoder())
    for _ in range(3):
        another().read(payload)
    document = b"\0" + payload[payload[0] + 1 :]
    at = document.index(b"\x89\x28") + 2  # behind the element a
    number = 2 * len(another().session.strings) + 1

    def with_own_name(both: Both, name: bytes) -> tuple[Any, ...]:
        both.read(payload)
        number = 2 * len(both.session.strings) + 1
        table = bytes((len(name) + 1, len(name))) + name
        # An element by the new string, with an array in it, which takes the whole reader.
        inside = b"\x42" + bytes((number,)) + b"\x40\x01x\x81\x01"
        return both.read(table + document[1:at] + inside + document[at:])

    assert number == 1
    first = with_own_name(another(), b"first")
    second = with_own_name(another(), b"other")
    assert "first" in first[-1]
    assert "other" in second[-1]
    assert "first" not in second[-1]
    plain = another()
    plain.read(payload)
    unknown = 2 * len(plain.session.strings) + 1
    inside = b"\x42" + bytes((unknown,)) + b"\x81"
    assert len(plain.read(document[:at] + inside + document[at:])) == 2


def test_ever_new_empty_tables() -> None:
    """A client does not make its session remember more by tables that say nothing."""
    another = readers()
    payload = request(encoder())
    for _ in range(3):
        another().read(payload)
    both = another()
    both.read(payload)
    before = both.templates
    for _ in range(50):
        both.read(b"\x80\0" + payload[payload[0] + 1 :])
    assert both.templates == before == 1


# ---- the store


def flood(another: Callable[[], Both], count: int) -> None:
    """Sessions that all begin in another way, each way twice."""
    for number in range(count):
        for _ in range(2):
            another().encoder.decode(request(encoder(), f"net.tcp://n/{number}"))


def test_flood_is_bounded() -> None:
    """Clients that never repeat themselves fill no memory, and soon no templates are made."""
    another = readers()
    shared = another().encoder._shared_reading
    flood(another, 40)
    made = len(shared)
    assert 30 <= made < 40
    flood(another, 160)
    assert len(shared) <= made + 2 * 160 // 128 + 1
    flood(another, 3000)
    assert len(shared) == 64
    assert len(shared._met) <= 512


def test_after_a_flood() -> None:
    """Clients that begin alike have their template again when others have come and gone."""
    another = readers()
    flood(another, 1700)
    payload = request(encoder())
    for _ in range(200):
        another().read(payload)
    both = another()
    both.read(payload)
    assert both.templates == 1


def test_what_is_used_stays() -> None:
    """The templates that were used last are kept."""
    store: SharedTemplates[int, str] = SharedTemplates()
    for number in range(64):
        store.keep(number, str(number))
    assert store.get(0) == "0"
    store.keep(64, "64")
    assert store.get(1) is None
    assert store.get(0) == "0"
    assert len(store) == 64


def test_too_large_to_be_shared() -> None:
    """Envelopes and strings beyond a few kilobytes are not kept for others."""
    common = encoder(size=1 << 20)
    another = readers()
    long = "net.tcp://one/" + "x" * 5000
    for _ in range(4):
        request(common.session(), long)
        another().read(request(encoder(size=0), long))
    assert len(another().encoder._shared_reading) == 0
    assert len(common._shared_writing) == 0
