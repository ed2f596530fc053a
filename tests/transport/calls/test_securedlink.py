"""A link whose messages carry a Security header."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import succeed
from zope.interface.verify import verifyObject

from netshare.transport.calls.interfaces import IMessageLink, IMessageReceiver
from netshare.transport.calls.securedlink import SecuredLink
from netshare.transport.security.secureconversation.names import WSSE
from netshare.transport.soap import MESSAGE_VERSION_DEFAULT, Message, MessageHeader


class Recording:
    """A link, or a receiver, that remembers what it is told."""

    version = MESSAGE_VERSION_DEFAULT
    via = "net.tcp://here/"

    def __init__(self) -> None:
        self.told: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        def tell(*arguments: Any) -> Any:
            self.told.append((name, arguments))
            return succeed(None) if name == "close" else None

        return tell


class Signed(SecuredLink):
    def secure(self, message: Message) -> None:
        message.headers.append(MessageHeader("Security", WSSE, "signed"))


def test_it_stands_between() -> None:
    """What it is told in one direction it tells in the other."""
    below, above = Recording(), Recording()
    link = Signed(below)
    verifyObject(IMessageLink, link)
    verifyObject(IMessageReceiver, link)
    assert (link.via, link.version) == (below.via, below.version)
    link.start(above)
    for name in ("keep_alive", "pause", "resume", "end_output", "close", "abort"):
        getattr(link, name)()
        assert below.told[-1] == (name, ())
    for name, arguments in (
        ("message_received", (Message(),)),
        ("message_unreadable", (Message(), ValueError())),
        ("end_received", ()),
        ("link_closed", (None,)),
    ):
        getattr(link, name)(*arguments)
        assert above.told[-1] == (name, arguments)


def test_a_message_is_sent_again() -> None:
    """It has one Security header, and its other headers."""
    below = Recording()
    link = Signed(below)
    message = Message(headers=[MessageHeader("Mine", "urn:mine", "1")])
    for _ in range(3):
        link.send(message)
        assert [one.name for one in message.headers] == ["Mine", "Security"]


def test_each_side_secures() -> None:
    """There is no security that both sides have in common."""
    with pytest.raises(NotImplementedError):
        SecuredLink(Recording()).send(Message())
