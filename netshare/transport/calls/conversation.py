"""
Messages both ways on a link: who answers what, on either side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.timing import Deadlines
from netshare.transport.calls.interfaces import IConversationUser, IMessageLink, IMessageReceiver
from netshare.transport.channels.errors import (
    ChannelClosedError,
    CommunicationError,
    ProtocolError,
    TimeoutError,
)
from netshare.transport.soap import Message, new_message_id
from netshare.transport.xml import as_unique_id

__all__ = ["Conversation"]

#: Requests that are being worked on, from which on the other side is held up ...
MAX_AHEAD = 64
#: ... unless it owes us replies; then it may go on for so many.
MAX_AHEAD_WHILE_ASKING = 1024


@dataclass(slots=True, eq=False)
class _Asked:
    """A request whose reply has not come."""

    key: object
    action: str | None
    reply: Deferred[Message]
    timeout: float | None


@implementer(IMessageReceiver)
class Conversation:
    """
    Finds the request to a reply, and passes requests on.

    :param link: carries the messages
    :param clock: where timeouts are set
    :param user: works on requests
    """

    log = Logger()

    def __init__(self, link: IMessageLink, clock: IReactorTime, user: IConversationUser) -> None:
        self.link = link
        #: To whom messages are addressed that need no address; None: to nothing.
        self.anonymous: str | None = link.version.addressing.anonymous or None
        #: Nothing can be sent or received any more.
        self.closed = False
        self._clock = clock
        self._user = user
        self._pending: dict[object, _Asked] = {}
        self._deadlines = Deadlines(clock, self._late, keep=True)
        self._working = 0
        self._paused = False
        self._idle: list[Deferred[None]] = []
        self._closers: list[Deferred[None]] = []
        link.start(self)

    # ---- the user

    def send(self, message: Message) -> Deferred[None] | None:
        """Send a message that has no answer, or is one; see :meth:`.IMessageLink.send`."""
        return self.link.send(message)

    def request(self, message: Message, timeout: float | None) -> Deferred[Message]:
        """
        Send a request.

        :param timeout: seconds until the reply has to be there, or None
        :returns: a Deferred of the reply, which may be a fault; it fails with a
            :class:`~.errors.TransportError`
        :raises ValueError: the message has an identifier, and another request that waits for its
            reply has the same
        """
        if message.message_id is None:
            message.message_id = new_message_id()
        key = as_unique_id(message.message_id)
        if key in self._pending:
            raise ValueError(f"a request with the message_id {key} waits for its reply already")
        reply: Deferred[Message] = Deferred(lambda _: self._drop(key))
        asked = self._pending[key] = _Asked(key, message.action, reply, timeout)
        try:
            # The reply comes after what is sent has left, so only the reply is waited for.
            self.link.send(message)
        except Exception:
            del self._pending[key]
            return fail()
        if self._working:
            self._throttle()
        if timeout is not None:
            self._deadlines.add(asked, timeout)
        return reply

    def keep_alive(self) -> None:
        """What this side sends keeps the session from being idle, though nothing comes."""
        if not self._paused and not self.closed:
            self.link.keep_alive()

    def idle(self) -> Deferred[None]:
        """:returns: a Deferred that fires when no call is under way, in either direction."""
        if not self.busy:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._idle.append(waiting)
        return waiting

    def close(self, timeout: float | None) -> Deferred[None]:
        """
        End this side of the session and wait for the other's end. What comes until then, such as
        replies to calls that were given up, is passed over.

        :param timeout: seconds, or None
        :returns: a Deferred that fails with a :class:`~.errors.TransportError`
        """
        if self.closed:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._closers.append(closed)
        self.link.end_output()
        if timeout is not None and not closed.called:
            late = self._clock.callLater(timeout, self._close_timed_out, timeout)

            def in_time(result: Any) -> Any:
                if late.active():
                    late.cancel()
                return result

            closed.addBoth(in_time)
        return closed

    @property
    def busy(self) -> bool:
        """Whether calls are under way."""
        return bool(self._pending or self._working) and not self.closed

    # ---- the link

    def message_received(self, message: Message) -> None:
        reply = self._awaited(message)
        if reply is not None:
            reply.callback(message)
            if self._idle:
                self._maybe_idle()
        elif message.is_fault or (message.relates_to is not None and message.message_id is None):
            self.log.debug("a reply without a request: {action}", action=message.action)
        else:
            self._work(self._user.request_received, message)

    def message_unreadable(self, message: Message, error: Exception) -> None:
        reply = self._awaited(message)
        if reply is not None:
            reply.errback(
                ProtocolError(
                    f"{self.link.via}: the reply {message.action} cannot be read: {error}"
                )
            )
            self._maybe_idle()
        elif message.is_fault or message.relates_to is not None:
            self.log.debug("a reply without a request: {action}", action=message.action)
        else:
            self._work(self._user.request_unreadable, message, error)

    def end_received(self) -> None:
        self._fail_all(
            CommunicationError(f"{self.link.via}: the other side ended the session without a reply")
        )
        self._user.other_side_ended()

    def link_closed(self, reason: Failure | None) -> None:
        self.closed = True
        closed = ChannelClosedError("the channel is closed")
        self._fail_all(closed if reason is None or reason.value is None else reason.value)
        self._user.conversation_over(reason)
        self._maybe_idle()
        closers, self._closers = self._closers, []
        for closer in closers:
            if reason is None:
                closer.callback(None)
            else:
                closer.errback(reason)

    # ---- inside

    def _awaited(self, message: Message) -> Deferred[Message] | None:
        """What waits for this message, if it is a reply."""
        related = message.relates_to
        if related is not None:
            reply = self._forget(related)
        elif message.is_fault and len(self._pending) == 1:
            # Mono's services do not say what their faults relate to.
            reply = self._forget(next(iter(self._pending)))
        else:
            return None
        if self._working:
            self._throttle()
        return reply

    def _work(self, work: Callable[..., Deferred[None] | None], *arguments: Any) -> None:
        self._working += 1
        try:
            done = work(*arguments)
        except Exception:
            self._failed(Failure())
            done = None
        if done is None:
            self._working -= 1
            if self._idle:
                self._maybe_idle()
        else:
            self._throttle()
            done.addErrback(self._failed)
            done.addCallback(self._worked)

    def _failed(self, failure: Failure) -> None:
        self.log.failure("a message could not be worked on", failure)
        self.link.abort()

    def _worked(self, _: object) -> None:
        self._working -= 1
        self._throttle()
        self._maybe_idle()

    def _forget(self, key: object) -> Deferred[Message] | None:
        asked = self._pending.pop(key, None)
        if asked is None:
            return None
        self._deadlines.discard(asked)
        return asked.reply

    def _drop(self, key: object) -> None:
        self._forget(key)

    def _late(self, asked: _Asked) -> None:
        del self._pending[asked.key]
        asked.reply.errback(
            TimeoutError(
                f"{self.link.via}: no reply to {asked.action} within {asked.timeout} s; "
                "see send_timeout"
            )
        )
        self._maybe_idle()

    def _close_timed_out(self, timeout: float) -> None:
        self.link.fail(
            TimeoutError(
                f"{self.link.via}: the other side has not ended the session {timeout} s after "
                "this one; see close_timeout"
            )
        )

    def _fail_all(self, error: BaseException) -> None:
        pending, self._pending = self._pending, {}
        self._deadlines.clear()
        for asked in pending.values():
            asked.reply.errback(error)
        self._maybe_idle()

    def _maybe_idle(self) -> None:
        if self._idle and not self.busy:
            idle, self._idle = self._idle, []
            for waiting in idle:
                waiting.callback(None)

    def _throttle(self) -> None:
        if self.closed:
            return
        limit = MAX_AHEAD_WHILE_ASKING if self._pending else MAX_AHEAD
        full = self._working >= limit
        if full != self._paused:
            self._paused = full
            if full:
                self.link.pause()
            else:
                self.link.resume()
