"""Seeing messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher

from netshare.transport.calls.messagelog import LinkLog, MessageLog
from netshare.transport.contracts.binding import TransferMode
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.soap import Message
from tests.helpers.world import HERE, Counting, ITest, World, binding
from tests.peers.contracts import IStreams
from tests.peers.services import Streams


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged of messages."""
    there: list[str] = []

    def observe(event: Any) -> None:
        if event.get("log_namespace") == "netshare.messages":
            there.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield there
    globalLogPublisher.removeObserver(observe)


def test_a_client_and_its_service(world: World, lines: list[str]) -> None:
    """Both sides log each message with size and XML, and a reply's time since its request."""
    host = ServiceHost(Counting, world.reactor, message_log=MessageLog())
    host.add_endpoint(ITest, binding(), HERE)
    world.now(host.open())
    channel = world.channel(message_log=MessageLog())
    result = world.start(channel.operations.Wait("one"))
    world.reactor.advance(0.25)
    Counting.waiting["one"].callback("<done>")
    world.flow()
    assert result == ["<done>"]
    sent, came, answered, got = lines
    assert sent.startswith("sent urn:test/ITest/Wait, ")
    assert came.startswith("received urn:test/ITest/Wait, ")
    assert answered.startswith("sent urn:test/ITest/WaitResponse, ")
    assert got.startswith("received urn:test/ITest/WaitResponse, ")
    for line in lines:
        assert f" bytes, at {HERE}" in line
        assert "<s:Envelope" in line
    for line in (answered, got):
        assert ", after 250.0 ms: " in line
        assert "&lt;done&gt;" in line
    with pytest.raises(FaultError):
        world.now(channel.operations.Break())
    assert "InternalServiceFault" in lines[-1]


def test_nothing_is_logged_without_the_switch(world: World, lines: list[str]) -> None:
    """Messages are nobody's business unless a host or client says so."""
    world.serve()
    world.now(world.channel().operations.Count())
    assert lines == []


def test_streamed_messages(world: World, lines: list[str]) -> None:
    """Of a stream the headers are shown, and none of its content."""
    streamed = binding(transfer_mode=TransferMode.STREAMED)
    world.serve(IStreams, Streams, binding=streamed)
    channel = world.channel(contract=IStreams, binding=streamed, message_log=MessageLog())
    assert world.now(channel.operations.Upload(b"x" * 100)) == 100
    sent, got = lines
    assert "IStreams/Upload" in sent
    assert "xxxx" not in sent
    assert "<UploadResult>100</UploadResult>" in got


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        (("Secret",), "<a x='1'><Secret>***</Secret><b Secret='***'>2</b></a>"),
        (("{urn:other}Secret",), "<a x='1'><Secret>1<c/></Secret><b Secret='3'>2</b></a>"),
        (("a",), "<a x='1'>***</a>"),
        (("x", "c"), "<a x='***'><Secret>1<c>***</c></Secret><b Secret='3'>2</b></a>"),
        ((), "<a x='1'><Secret>1<c/></Secret><b Secret='3'>2</b></a>"),
    ],
)
def test_secrets(mask: tuple[str, ...], shown: str) -> None:
    """The content of elements and attributes that are named is not shown."""
    message = Message("urn:a", "<a x='1'><Secret>1<c/></Secret><b Secret='3'>2</b></a>")
    text = MessageLog(mask=mask).show(message).replace('"', "'").replace(" xmlns=''", "")
    assert shown in text


def test_a_message_writes_no_lines() -> None:
    """Line ends in a message are shown as references."""
    text = MessageLog().show(Message("urn:a", "<a>one\ntwo&#13;three</a>"))
    assert "\n" not in text
    assert "one&#10;two&#xD;three" in text


def test_long_messages() -> None:
    """They are cut, with their length."""
    text = MessageLog(max_length=100).show(Message("urn:a", f"<a>{'x' * 1000}</a>"))
    assert len(text) < 150
    assert "characters)" in text


def test_what_cannot_be_shown() -> None:
    """A message that cannot be written does not fail for the log's sake."""

    def broken(writer: Any) -> None:
        raise ValueError("no")

    assert MessageLog().show(Message("urn:a", broken)) == "(cannot be shown: no)"


def test_requests_without_replies_do_not_add_up() -> None:
    """Of so many requests only the time is remembered."""
    log = LinkLog(MessageLog(), Clock())
    for number in range(3000):
        log.received(Message("urn:a", message_id=f"urn:{number}"), 1, "")
    assert len(log._begun) <= 1024


@pytest.mark.parametrize(
    ("options", "error"), [({"mask": "Secret"}, TypeError), ({"max_length": 0}, ValueError)]
)
def test_what_cannot_be_said(options: dict[str, Any], error: type[Exception]) -> None:
    """A single name as the mask, and no length, are refused."""
    with pytest.raises(error):
        MessageLog(**options)
