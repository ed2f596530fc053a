"""
A link whose messages carry a Security header: what both sides of it have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.transport.calls.interfaces import IMessageLink, IMessageReceiver
from netshare.transport.channels.errors import TransportError
from netshare.transport.security.secureconversation.names import WSSE
from netshare.transport.soap import Message, MessageVersion

__all__ = ["SecuredLink", "secure_again"]


def secure_again(message: Message, secure: Callable[[Message], None]) -> None:
    """Give a message a security header, and only that: it may have one from an earlier time."""
    if message.headers:
        message.headers = [one for one in message.headers if one.namespace != WSSE]
    secure(message)


@implementer(IMessageLink, IMessageReceiver)
class SecuredLink:
    """
    Stands between a link and a conversation. Each side says how it secures what it sends
    (:meth:`secure`), and verifies what it receives before it passes it on.

    :param link: carries the messages
    """

    def __init__(self, link: IMessageLink) -> None:
        self._link = link
        self._receiver: Any = None
        self._closed = False

    def secure(self, message: Message) -> None:
        """Give a message the header that the other side looks for."""
        raise NotImplementedError

    # ---- the link

    @property
    def via(self) -> str:
        """The address that the client asked for."""
        via: str = self._link.via
        return via

    @property
    def version(self) -> MessageVersion:
        """Of all messages."""
        version: MessageVersion = self._link.version
        return version

    def start(self, receiver: IMessageReceiver) -> None:
        self._receiver = receiver
        self._link.start(self)

    def send(self, message: Message) -> Deferred[None] | None:
        message.version = self.version
        secure_again(message, self.secure)
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

    # ---- the receiver

    def message_received(self, message: Message) -> None:
        self._receiver.message_received(message)

    def message_unreadable(self, message: Message, error: Exception) -> None:
        self._receiver.message_unreadable(message, error)

    def end_received(self) -> None:
        self._receiver.end_received()

    def link_closed(self, reason: Failure | None) -> None:
        self._closed = True
        self._receiver.link_closed(reason)
