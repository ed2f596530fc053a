"""Links and their users, for the tests of conversations and exchanges."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.transport.calls.interfaces import (
    IConversationUser,
    IExchangeUser,
    IMessageLink,
    IMessageReceiver,
)
from netshare.transport.channels.errors import ChannelClosedError, TransportError
from netshare.transport.contracts.streams import Stream
from netshare.transport.soap import MESSAGE_VERSION_DEFAULT, Message


@implementer(IMessageLink)
class FakeLink:
    """A link whose other side is the test."""

    via = "net.tcp://there/"
    version = MESSAGE_VERSION_DEFAULT

    def __init__(self) -> None:
        self.receiver: Any = None
        self.sent: list[Message] = []
        self.did: list[str] = []
        self.open = True

    def start(self, receiver: IMessageReceiver) -> None:
        self.receiver = receiver

    def send(self, message: Message) -> Deferred[None] | None:
        if not self.open:
            raise ChannelClosedError("closed")
        self.sent.append(message)
        return None

    def keep_alive(self) -> None:
        self.did.append("keep_alive")

    def pause(self) -> None:
        self.did.append("pause")

    def resume(self) -> None:
        self.did.append("resume")

    def end_output(self) -> None:
        self.did.append("end_output")

    def close(self) -> Deferred[None]:
        self.did.append("close")
        return succeed(None)

    def abort(self) -> None:
        self.did.append("abort")

    def fail(self, error: TransportError) -> None:
        self.lose(error)

    def lose(self, error: Exception | None = None) -> None:
        """The link is over."""
        self.open = False
        self.receiver.link_closed(None if error is None else Failure(error))


@implementer(IConversationUser)
class FakeUser:
    """Works on a request when the test says so, or at once."""

    def __init__(self, at_once: bool = True) -> None:
        self.requests: list[Message] = []
        self.working: list[Deferred[None]] = []
        self.told: list[Any] = []
        self._at_once = at_once

    def request_received(self, message: Message) -> Deferred[None] | None:
        self.requests.append(message)
        if self._at_once:
            return None
        self.working.append(Deferred())
        return self.working[-1]

    def request_unreadable(self, message: Message, error: Exception) -> Deferred[None] | None:
        self.told.append((message.action, str(error)))
        return None

    def other_side_ended(self) -> None:
        self.told.append("ended")

    def conversation_over(self, reason: Failure | None) -> None:
        self.told.append(None if reason is None else reason.value)


@implementer(IExchangeUser)
class FakeExchangeUser:
    """Remembers what it is told."""

    def __init__(self, streamed: bool) -> None:
        self.streamed = streamed
        self.arrived: list[tuple[Message, Stream | None]] = []
        self.unreadable: list[tuple[Message | None, Exception]] = []
        self.told: list[Any] = []

    def is_streamed(self, message: Message) -> bool:
        return self.streamed

    def message_arrived(self, message: Message, stream: Stream | None) -> None:
        self.arrived.append((message, stream))

    def message_unreadable(self, message: Message | None, error: Exception) -> None:
        self.unreadable.append((message, error))

    def stream_abandoned(self) -> None:
        self.told.append("abandoned")

    def end_received(self) -> None:
        self.told.append("ended")

    def exchange_over(self, reason: Failure | None) -> None:
        self.told.append(None if reason is None else reason.value)
