"""Framing sessions as links."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.interfaces import IMessageLink, IMessageReceiver
from netshare.transport.calls.link import MessageLink
from netshare.transport.channels.errors import (
    ChannelClosedError,
    CommunicationError,
    ProtocolError,
    TransportError,
)
from netshare.transport.channels.interfaces import IDuplexReceiver
from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message
from tests.helpers.links import FakeUser


class Channel:
    """A duplex channel whose other end is another one."""

    via = "net.tcp://there/"

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.did: list[Any] = []

    def send(self, *pieces: bytes) -> None:
        self.payloads.append(b"".join(pieces))

    def pauseReceiving(self) -> None:
        self.did.append("pause")

    def resumeReceiving(self) -> None:
        self.did.append("resume")

    def endOutput(self) -> None:
        self.did.append("end")

    def close(self) -> Deferred[None]:
        self.did.append("close")
        return succeed(None)

    def abort(self) -> None:
        self.did.append("abort")

    def fail(self, error: TransportError) -> None:
        self.did.append(error)


def pair() -> tuple[MessageLink, MessageLink]:
    """Both sides of a framing session."""
    encoder = encoder_for()
    return MessageLink(encoder, Channel()), MessageLink(encoder, Channel())


def carry(sender: MessageLink, receiver: MessageLink) -> None:
    """Carry what was sent to the other side."""
    payloads, sender.channel.payloads = sender.channel.payloads, []
    for payload in payloads:
        receiver.messageReceived(payload)


def test_it_provides_both_seams() -> None:
    """A link is a channel's receiver, and what a conversation needs."""
    link, _ = pair()
    verifyObject(IMessageLink, link)
    verifyObject(IDuplexReceiver, link)


def test_messages_go_through_the_string_tables() -> None:
    """The second message of a session is shorter than the first, and both are read."""
    client, service = pair()
    user = FakeUser()
    Conversation(service, Clock(), user)
    for number in range(2):
        client.send(Message("urn:an-action", message_id=f"urn:{number}"))
    first, second = client.channel.payloads
    assert len(second) < len(first)
    carry(client, service)
    assert [one.action for one in user.requests] == ["urn:an-action"] * 2


def test_what_cannot_be_sent() -> None:
    """Before a channel is there, and after it is over, sending is refused."""
    link = MessageLink(encoder_for())
    with pytest.raises(ChannelClosedError):
        link.send(Message("a"))
    link.abort()  # nothing to abort yet
    link, _ = pair()
    Conversation(link, Clock(), FakeUser())
    link.channelClosed(None)
    with pytest.raises(ChannelClosedError):
        link.send(Message("a"))
    link.pause()
    link.resume()
    assert link.channel.did == []


def test_a_payload_that_is_no_message() -> None:
    """The channel fails with a sentence that says where and why."""
    link, _ = pair()
    link.messageReceived(b"\x00\xff\xff")
    (error,) = link.channel.did
    assert isinstance(error, ProtocolError)
    assert str(error).startswith("net.tcp://there/: a message cannot be read: ")


@implementer(IMessageLink, IMessageReceiver)
class Reconnecting:
    """Several framing sessions, one after the other, as one link: what a reliable session is."""

    via = "net.tcp://there/"

    def __init__(self, link: MessageLink) -> None:
        self.version = link.version
        self._receiver: Any = None
        self.unanswered: list[Message] = []
        self.reconnect(link)

    def reconnect(self, link: MessageLink) -> None:
        self._link = link
        link.start(self)
        for message in self.unanswered:
            link.send(message)

    def start(self, receiver: IMessageReceiver) -> None:
        self._receiver = receiver

    def send(self, message: Message) -> Deferred[None] | None:
        self.unanswered.append(message)
        return self._link.send(message)

    def keep_alive(self) -> None:
        self._link.keep_alive()

    def pause(self) -> None:
        self._link.pause()

    def resume(self) -> None:
        self._link.resume()

    def end_output(self) -> None:
        self._link.end_output()

    def close(self) -> Deferred[None]:
        return self._link.close()

    def abort(self) -> None:
        self._link.abort()

    def fail(self, error: TransportError) -> None:
        self._link.fail(error)

    def message_received(self, message: Message) -> None:
        self.unanswered.clear()
        self._receiver.message_received(message)

    def message_unreadable(self, message: Message, error: Exception) -> None:
        self._receiver.message_unreadable(message, error)

    def end_received(self) -> None:
        pass

    def link_closed(self, reason: Failure | None) -> None:
        pass


def test_several_framing_sessions_under_one_conversation() -> None:
    """A request that is lost with its connection is sent again on the next, in new tables."""
    first, lost = pair()
    lasting = Reconnecting(first)
    verifyObject(IMessageLink, lasting)
    talk = Conversation(lasting, Clock(), FakeUser())
    replies: list[Message] = []
    talk.request(Message("urn:warm-up"), None).addCallback(replies.append)
    user = FakeUser()
    Conversation(lost, Clock(), user)
    carry(first, lost)
    lost.send(Message("urn:reply", relates_to=user.requests[0].message_id))
    carry(lost, first)
    talk.request(Message("urn:warm-up"), None).addCallback(replies.append)
    first.channelClosed(Failure(CommunicationError("lost")))
    assert not talk.closed

    second, service = pair()
    user = FakeUser()
    Conversation(service, Clock(), user)
    lasting.reconnect(second)
    carry(second, service)
    service.send(Message("urn:again", relates_to=user.requests[0].message_id))
    carry(service, second)
    assert [one.action for one in replies] == ["urn:reply", "urn:again"]
