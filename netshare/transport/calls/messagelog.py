"""
Seeing messages: each one of a host or a client as XML in the log, with size and time.
(``messageLogging`` of system.diagnostics)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime

from netshare.logger import Logger
from netshare.transport.soap import Message, StreamBody
from netshare.transport.xml import MAX_QUOTAS, Attribute, Element, as_unique_id, parse
from netshare.transport.xml.text import TextWriter

__all__ = ["LinkLog", "MessageLog"]

#: Not an attribute of a class, whose name Twisted would take for the namespace.
_LOG: Final = Logger(namespace="netshare.messages")

_MASKED: Final = "***"
#: Of how many requests the time is remembered, in each direction of a link.
_MAX_OPEN: Final = 1024
#: Line ends would let a message write lines of the log.
_LINES: Final = str.maketrans({"\n": "&#10;", "\r": "&#13;", "\x85": "&#133;", "\u2028": "&#8232;"})


@dataclass(frozen=True, slots=True)
class MessageLog:
    """
    What is logged of messages: a line for each, at *info*, by Twisted's logger
    ``netshare.messages``.
    """

    #: Elements and attributes whose content is not shown, by local name or as ``{namespace}name``.
    mask: Collection[str] = ("Password", "BinarySecurityToken")
    #: How many characters of a message's XML are shown at most.
    max_length: int = 16384

    def __post_init__(self) -> None:
        if isinstance(self.mask, str):
            raise TypeError(f"mask is a collection of names, such as [{self.mask!r}], not a string")
        if self.max_length <= 0:
            raise ValueError(f"max_length must be more than 0, not {self.max_length}")

    def show(self, message: Message) -> str:
        """
        :returns: a message as XML in one line, masked; of a streamed one the headers
        """
        try:
            text = self._xml(message)
        except Exception as error:
            # A message that cannot be written is the sender's matter, and no reason to fail here.
            return f"(cannot be shown: {error})"
        text = text.translate(_LINES)
        if len(text) > self.max_length:
            return f"{text[: self.max_length]}… ({len(text)} characters)"
        return text

    def _xml(self, message: Message) -> str:
        writer = TextWriter(short_empty=True)
        message.write(writer)
        if isinstance(message.body_content, StreamBody):
            writer.text("…")
            while writer.depth:
                writer.end_element()
        text = writer.encode("utf-8").decode("utf-8")
        if not self.mask:
            return text
        masked = TextWriter(short_empty=True)
        masked.node(self._masked(parse(text, quotas=MAX_QUOTAS).root))
        return masked.encode("utf-8").decode("utf-8")

    def _masked(self, element: Element) -> Element:
        attributes = tuple(
            Attribute(one.name, _MASKED)
            if isinstance(one, Attribute) and self._hides(one.name)
            else one
            for one in element.attributes
        )
        if self._hides(element.name):
            return Element(element.name, attributes, (_MASKED,))
        children = tuple(
            self._masked(one) if isinstance(one, Element) else one for one in element.children
        )
        return Element(element.name, attributes, children)

    def _hides(self, name: Any) -> bool:
        return name.local in self.mask or f"{{{name.namespace}}}{name.local}" in self.mask


class LinkLog:
    """
    The log of one session, or of one streamed call.

    :param what: is logged
    :param clock: where times are taken
    """

    def __init__(self, what: MessageLog, clock: IReactorTime) -> None:
        self._what = what
        self._clock = clock
        #: When requests came or went, by identifier.
        self._begun: dict[object, float] = {}

    def sent(self, message: Message, size: int, via: str) -> None:
        """
        A message was sent.

        :param size: bytes; of a streamed one those before its content
        :param via: the session's address
        """
        self._write("sent", message, size, via)

    def received(self, message: Message, size: int, via: str) -> None:
        """A message has come; parameters as of :meth:`sent`."""
        self._write("received", message, size, via)

    def unreadable(self, size: int, error: Exception, via: str) -> None:
        """A message has come that cannot be read."""
        _LOG.info(
            "received {size} bytes at {via} that cannot be read: {error}",
            size=size,
            via=via,
            error=str(error).translate(_LINES),
        )

    def _write(self, did: str, message: Message, size: int, via: str) -> None:
        took = self._time(message)
        _LOG.info(
            "{did} {action}, {size} bytes, at {via}{took}: {xml}",
            did=did,
            action=message.action,
            size=size,
            via=via,
            took="" if took is None else f", after {took * 1000:.1f} ms",
            seconds=took,
            xml=self._what.show(message),
        )

    def _time(self, message: Message) -> float | None:
        """Seconds from a request to this message, if it is its reply."""
        now = self._clock.seconds()
        if message.relates_to is not None:
            begun = self._begun.pop(as_unique_id(message.relates_to), None)
            return None if begun is None else now - begun
        if message.message_id is not None:
            if len(self._begun) >= _MAX_OPEN:
                del self._begun[next(iter(self._begun))]
            self._begun[as_unique_id(message.message_id)] = now
        return None
