"""
Messages both ways on a duplex channel: who answers what, on either side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.timing import Deadlines
from netshare.transport.channels.errors import (
    ChannelClosedError,
    CommunicationError,
    ProtocolError,
    TimeoutError,
)
from netshare.transport.channels.interfaces import IDuplexReceiver
from netshare.transport.encoders.encoders import MessageEncoder
from netshare.transport.soap.message import Message, MessageInvalid, new_message_id
from netshare.transport.xml import XmlException

__all__ = ["Conversation"]

#: Messages that are being worked on, above which the other side is held up ...
MAX_AHEAD = 64
#: ... unless it owes us replies; then it may go on for so many.
MAX_AHEAD_WHILE_ASKING = 1024


class _Asked:
    """A request whose reply has not come."""

    __slots__ = ("action", "reply", "timeout")

    def __init__(self, action: str | None, reply: Deferred[Message], timeout: float | None) -> None:
        self.action = action
        self.reply = reply
        self.timeout = timeout


@implementer(IDuplexReceiver)
class Conversation:
    """
    A duplex channel's receiver: finds the request to a reply, and passes requests on.

    :param encoder: of this side, its :meth:`session` not yet begun
    :param clock: where timeouts are set
    :param request_received: called with each message that is no reply; returns a Deferred when
        working on it takes longer
    """

    log = Logger()

    def __init__(
        self,
        encoder: MessageEncoder,
        clock: IReactorTime,
        request_received: Callable[[Message], Deferred[None] | None],
    ) -> None:
        self.encoder = encoder.session()
        #: The :class:`~.interfaces.IDuplexChannel`, once it is open.
        self.channel: Any = None
        #: Called when the other side will send nothing more.
        self.ended: Callable[[], None] = lambda: None
        #: Called when the channel is closed, with the reason or None.
        self.lost: Callable[[Failure | None], None] = lambda reason: None
        self._clock = clock
        self._requestReceived = request_received
        self._pending: dict[object, _Asked] = {}
        #: None: no deadline was set yet.
        self._deadlines: Deadlines[object] | None = None
        self._working = 0
        self._paused = False
        self._idle: list[Deferred[None]] = []
        self._closers: list[Deferred[None]] = []
        self.closed = False

    # ---- the user

    def send(self, message: Message) -> Deferred[None] | None:
        """
        Send a message that has no answer, or is one.

        :returns: None, or a Deferred that fires when the next should follow
        :raises ChannelClosedError: the channel does not take it any more
        """
        message.version = self.encoder.version
        payload = self.encoder.pieces(message)
        sent: Deferred[None] | None = self._openChannel().send(*payload)
        return sent

    def request(self, message: Message, timeout: float | None) -> Deferred[Message]:
        """
        Send a request.

        :param timeout: seconds until the reply has to be there, or None
        :returns: a Deferred of the reply, which may be a fault; it fails with a
            :class:`~.errors.TransportError`
        """
        message.message_id = key = new_message_id()
        reply: Deferred[Message] = Deferred(lambda _: self._drop(key))
        self._pending[key] = _Asked(message.action, reply, timeout)
        try:
            # The reply comes after what is sent has left, so only the reply is waited for.
            self.send(message)
        except Exception:
            self._drop(key)
            return fail()
        self._throttle()
        if timeout is not None:
            if self._deadlines is None:
                self._deadlines = Deadlines(self._clock, self._late, keep=True)
            self._deadlines.add(key, timeout)
        return reply

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
        replies to calls that were given up, is nobody's mistake.

        :param timeout: seconds, or None
        :returns: a Deferred that fails with a :class:`~.errors.TransportError`
        """
        if self.closed or self.channel is None:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._closers.append(closed)
        self.channel.endOutput()
        if timeout is not None and not closed.called:
            late = self._clock.callLater(timeout, self._tooLate, timeout)

            def in_time(result: Any) -> Any:
                if late.active():
                    late.cancel()
                return result

            closed.addBoth(in_time)
        return closed

    def _tooLate(self, timeout: float) -> None:
        self.channel.fail(
            TimeoutError(
                f"{self.channel.via}: the other side has not ended the session {timeout} s after "
                "this one; see close_timeout"
            )
        )

    @property
    def busy(self) -> bool:
        """Whether calls are under way."""
        return bool(self._pending or self._working) and not self.closed

    # ---- the channel

    def messageReceived(self, payload: bytes) -> None:
        try:
            message = self.encoder.decode(payload)
        except (XmlException, MessageInvalid) as error:
            # The tables of a binary session cannot be trusted after this, so that it ends here.
            self.channel.fail(
                ProtocolError(f"{self.channel.via}: a message cannot be read: {error}")
            )
            return
        pending = self._asked(message)
        if pending is not None:
            self._throttle()
            pending.callback(message)
            self._maybeIdle()
        elif message.is_fault or (message.relates_to is not None and message.message_id is None):
            self.log.debug("a reply that nobody waits for: {action}", action=message.action)
        else:
            self._work(message)

    def endReceived(self) -> None:
        self._failAll(
            CommunicationError(
                f"{self.channel.via}: the other side ended the session without a reply"
            )
        )
        self.ended()

    def channelClosed(self, reason: Failure | None) -> None:
        self.closed = True
        closed = ChannelClosedError("the channel is closed")
        self._failAll(closed if reason is None or reason.value is None else reason.value)
        self.lost(reason)
        self._maybeIdle()
        closers, self._closers = self._closers, []
        for closer in closers:
            if reason is None:
                closer.callback(None)
            else:
                closer.errback(reason)

    # ---- inside

    def _asked(self, message: Message) -> Deferred[Message] | None:
        """What waits for this message, if it is a reply."""
        if message.relates_to is not None:
            return self._forget(message.relates_to)
        if message.is_fault and len(self._pending) == 1:
            # Mono's services do not say what their faults relate to.
            return self._forget(next(iter(self._pending)))
        return None

    def _openChannel(self) -> Any:
        if self.channel is None or self.closed:
            raise ChannelClosedError("the channel is not open")
        return self.channel

    def _work(self, message: Message) -> None:
        self._working += 1
        self._throttle()
        try:
            done = self._requestReceived(message)
        except Exception:
            self._failed(Failure())
            done = None
        if done is None:
            self._worked(None)
        else:
            done.addErrback(self._failed)
            done.addCallback(self._worked)

    def _failed(self, failure: Failure) -> None:
        self.log.failure("a message could not be worked on", failure)
        self.channel.abort()

    def _worked(self, _: object) -> None:
        self._working -= 1
        self._throttle()
        self._maybeIdle()

    def _forget(self, key: object) -> Deferred[Message] | None:
        if self._deadlines is not None:
            self._deadlines.discard(key)
        asked = self._pending.pop(key, None)
        return None if asked is None else asked.reply

    def _drop(self, key: object) -> None:
        self._forget(key)

    def _late(self, key: object) -> None:
        asked = self._pending.pop(key, None)
        if asked is not None:
            asked.reply.errback(
                TimeoutError(
                    f"{self.channel.via}: no reply to {asked.action} within {asked.timeout} s; "
                    "see send_timeout"
                )
            )
            self._maybeIdle()

    def _failAll(self, error: BaseException) -> None:
        pending, self._pending = self._pending, {}
        if self._deadlines is not None:
            self._deadlines.clear()
        for asked in pending.values():
            asked.reply.errback(error)
        self._maybeIdle()

    def _maybeIdle(self) -> None:
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
                self.channel.pauseReceiving()
            else:
                self.channel.resumeReceiving()
