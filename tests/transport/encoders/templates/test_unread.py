"""Bodies that are bytes until they are asked for."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.testing import MemoryService
from netshare.transport.encoders.templates import reading, unread
from netshare.transport.encoders.templates.unread import TemplateBody
from netshare.transport.soap import BodyUnreadable, Message, ReceivedBody
from netshare.transport.xml import XmlWriter
from netshare.transport.xml.binary.records import multibyte
from tests.helpers.templates import encoder
from tests.peers.contracts import IData
from tests.peers.datatypes import Circle, Person
from tests.peers.morecontracts import IValues, Ring, RingNode, Values
from tests.peers.services import Data


def body(*names: str) -> Any:
    """Writes a wrapper with elements of these names in it."""

    def write(writer: XmlWriter) -> None:
        writer.start_element("Wrapper", "urn:w")
        for name in names:
            writer.element(name, "text", "urn:w")
        writer.end_element()

    return write


def received(*names: str, times: int = 3) -> tuple[Any, list[bytes], list[Message]]:
    """The same message, several times in one session; the first ones make the template."""
    sender, receiver = encoder(), encoder()
    sent = [sender.encode(Message("urn:a", body(*names))) for _ in range(times)]
    return receiver, sent, [receiver.decode(one) for one in sent]


def content(message: Message) -> ReceivedBody:
    assert isinstance(message.body_content, ReceivedBody)
    return message.body_content


def test_events_are_made_when_they_are_asked_for() -> None:
    """Behind a template nothing is read before; then it is the body that it is without one."""
    _, _, messages = received("One", "Two")
    assert [content(one).unread is None for one in messages] == [True, True, False]
    elements = [one.body_element() for one in messages]
    assert elements[0] == elements[1] == elements[2] is not None
    assert content(messages[2]).unread is None
    assert content(messages[2]).events == content(messages[0]).events


def test_bad_xml_is_said_when_it_is_asked_for() -> None:
    """What follows on a template is found to be bad by the first who wants it, and by the next."""
    receiver, sent, _ = received("One")
    bad = receiver.decode(sent[2].replace(b"text", b"te\xfft"))
    for _ in range(2):
        with pytest.raises(BodyUnreadable, match="invalid UTF-8"):
            bad.load()
    with pytest.raises(BodyUnreadable, match="invalid UTF-8"):
        bad.body()


def test_strings_that_came_later_mean_nothing() -> None:
    """A body that is read late knows no more strings of its session than one that is read soon."""
    receiver, sent, messages = received("One")
    strings = len(receiver.reading.strings)
    unknown = b"\x42" + multibyte(2 * strings + 1)
    one = b"\x42" + multibyte(receiver.reading.strings.index("One") * 2 + 1)
    late = receiver.decode(sent[2].replace(one, unknown))
    good = receiver.decode(sent[2])
    receiver.decode(b"\x04\x03New" + sent[2][1:])
    assert receiver.reading.strings[strings] == "New"
    with pytest.raises(BodyUnreadable, match=f"string {strings} is not defined"):
        late.load()
    assert good.body_element() == messages[0].body_element()


class Watch:
    """Counts how often events are made of a body, and of a whole message."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bodies = self.messages = 0
        read, events = TemplateBody.read_on, reading.read_events

        def body(one: TemplateBody) -> ReceivedBody | None:
            self.bodies += 1
            return read(one)

        def message(*args: Any) -> Any:
            self.messages += 1
            return events(*args)

        monkeypatch.setattr(TemplateBody, "read_on", body)
        monkeypatch.setattr(reading, "read_events", message)
        monkeypatch.setattr(unread, "read_events", message)

    def take(self) -> tuple[int, int]:
        """How many of both since it was asked last."""
        counts = self.bodies, self.messages
        self.bodies = self.messages = 0
        return counts


def test_usual_calls_make_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Client and service make events of the first messages of a session, and then of none."""
    with MemoryService(Data, IData) as service, service.client() as client:
        watch = Watch(monkeypatch)
        people = [Person(Name="Ada", Age=36), Person(Name="Bo", Age=70_000)]
        for _ in range(3):
            assert client.EchoPerson(people[0]) == people[0]
        assert watch.take() != (0, 0)
        for _ in range(10):
            assert client.EchoPerson(people[1]) == people[1]
        assert watch.take() == (0, 0)


def test_unusual_calls_make_events_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference is the ordinary way's, which reads each message a single time."""
    with MemoryService(Values, IValues) as service, service.client() as client:
        ring = Ring(first=RingNode(Name="one", Next=None))
        for _ in range(3):
            assert repr(client.EchoRing(ring)) == repr(ring)
        watch = Watch(monkeypatch)
        for _ in range(10):
            assert repr(client.EchoRing(ring)) == repr(ring)
        assert watch.take() == (20, 0)


def test_derived_types_make_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """A derived type is as usual as the declared one."""
    with MemoryService(Data, IData) as service, service.client() as client:
        circle = Circle(Label="o", Radius=1.5)
        for _ in range(5):
            assert client.EchoShape(circle) == circle
        watch = Watch(monkeypatch)
        for _ in range(10):
            assert client.EchoShape(circle) == circle
        assert watch.take() == (0, 0)


def test_events_are_made_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten messages of which one is looked into, one has events, which are made once."""
    _, _, messages = received("One", "Two", times=12)
    watch = Watch(monkeypatch)
    assert watch.take() == (0, 0)
    for _ in range(3):
        assert messages[7].body_element() is not None
        assert messages[7].body() is not None
    assert watch.take() == (1, 0)
