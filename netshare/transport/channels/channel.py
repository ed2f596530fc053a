"""
Channels: one framing session each, as its user sees it. Payloads are bytes; what is in them
concerns the layer above. Streamed ones are in :mod:`.singleton`.

A channel's states, and what leads from one to the next (``End>`` was sent, ``>End`` came)::

                 endOutput: End>                    >End
        OPEN ───────────────────► OUTPUT_ENDED ────────────────► CLOSED
         │                                │                       ▲ ▲ ▲
         │ >End                           │ close                 │ │ │
         ├────► INPUT_ENDED ──────────────┼── endOutput, close: ──┘ │ │
         │                                ▼          End>           │ │
         │ close: End>                 CLOSING ────────── >End ─────┘ │
         ├───────────────────────────────►                            │
         │ close                                                      │
         └────► DRAINING ───────────────────────── >End, then End> ───┘
                (streamed, at the server)

Every state also ends in CLOSED when the connection is lost, a timeout expires, the other side
breaks the protocol or sends a fault, or the user calls ``abort``, ``fail`` or ``fault``; then
``channelClosed`` has a reason. From CLOSING and DRAINING on the receiver is told nothing else.

The server's End of a streamed session says that the socket is free for the next one. So it is
sent only after the client's, however early the reply is complete.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.events import (
    Broken,
    Closed,
    Ended,
    Envelope,
    Event,
    FaultReceived,
)
from netshare.framing.faults import Fault
from netshare.framing.records import END, Mode
from netshare.framing.sized import envelope_header
from netshare.logger import Logger
from netshare.transport.channels.errors import (
    ChannelClosedError,
    CommunicationObjectAbortedError,
    ProtocolError,
    TimeoutError,
    TransportError,
    error_for_broken,
    error_for_fault,
)
from netshare.transport.channels.interfaces import (
    ICarriedChannel,
    ICarrier,
    IChannelReceiver,
    IDuplexChannel,
)
from netshare.transport.channels.settings import ChannelSettings

__all__ = ["Channel", "ChannelState", "DuplexChannel"]


class ChannelState(Enum):
    """See the page of this module."""

    OPEN = "open"
    OUTPUT_ENDED = "this side has sent End"
    INPUT_ENDED = "the other side has sent End"
    CLOSING = "closed here; the other side's End is awaited"
    DRAINING = "closed here; the rest of the other side's message is read, then End is sent"
    CLOSED = "over"


_OPEN = ChannelState.OPEN
_OUTPUT_ENDED = ChannelState.OUTPUT_ENDED
_INPUT_ENDED = ChannelState.INPUT_ENDED
_CLOSING = ChannelState.CLOSING
_DRAINING = ChannelState.DRAINING
_CLOSED = ChannelState.CLOSED


class Channel:
    """
    What both kinds of channel have in common; see :class:`~.interfaces.IChannel`.

    :param carrier: the connection
    :param via: the address, as the client wrote it
    :param contentType: of the messages
    :param settings: timeouts; the limits are the session's
    :param server: which side this is
    """

    log = Logger()

    def __init__(
        self,
        carrier: ICarrier,
        via: str,
        mode: Mode,
        contentType: str,
        settings: ChannelSettings,
        server: bool,
    ) -> None:
        self.via = via
        self.mode = mode
        self.contentType = contentType
        self.peer = carrier.peer
        self.security = carrier.security
        self._carrier = carrier
        self._alarm = carrier.alarm
        self._settings = settings
        self._server = server
        self._receiver: Any = None
        self._state = _OPEN
        self._reason: Failure | None = None
        self._closers: list[Deferred[None]] = []

    def start(self, receiver: IChannelReceiver) -> None:
        """
        Begin to tell the receiver what happens.

        :param receiver: of the kind that the mode asks for
        """
        self._receiver = receiver
        self._expectMore()

    def close(self) -> Deferred[None]:
        if self._state is _CLOSED:
            return succeed(None) if self._reason is None else fail(self._reason)
        closed: Deferred[None] = Deferred()
        self._closers.append(closed)
        if self._state is not _CLOSING and self._state is not _DRAINING:
            self._close()
        return closed

    def abort(self) -> None:
        self.fail(CommunicationObjectAbortedError(f"{self.via}: this side aborted the channel"))

    def fail(self, error: TransportError) -> None:
        if self._state is not _CLOSED:
            self._carrier.abort()
            self._over(error)

    def fault(self, fault: Fault) -> None:
        if not self._server:
            raise RuntimeError("only a server sends faults")
        if self._state is not _CLOSED:
            self._carrier.refuse(fault)
            self._over(
                CommunicationObjectAbortedError(
                    f"{self.via}: this side ended the channel with the fault {fault.value}"
                )
            )

    def keepAlive(self) -> None:
        self._expectMore()

    def pauseReceiving(self) -> None:
        if self._state in (_OPEN, _OUTPUT_ENDED, _INPUT_ENDED):
            self._alarm.stop()
            self._carrier.pauseReceiving()

    def resumeReceiving(self) -> None:
        if self._state in (_OPEN, _OUTPUT_ENDED, _INPUT_ENDED):
            self._expectMore()
            self._carrier.resumeReceiving()

    # ---- for the connection

    def happened(self, event: Event) -> None:
        """What both kinds of session can meet."""
        if isinstance(event, (Ended, Closed)):
            self._inputEnded()
        elif isinstance(event, FaultReceived):
            if self._state is _OPEN:
                self._carrier.write(END)  # as .NET's client does
            self._carrier.drop()
            self._over(error_for_fault(event.uri, self.via))
        elif isinstance(event, Broken):
            if self._server and event.fault is not None:
                self._carrier.refuse(event.fault)
            else:
                self._carrier.abort()
            self._over(error_for_broken(event, self.via))

    def connectionLost(self, reason: Failure) -> None:
        self._over(reason.value)

    # ---- inside

    def _expectMore(self) -> None:
        """The time for the other side to send something begins now."""
        if self._state is _OPEN or self._state is _OUTPUT_ENDED:
            self._alarm.start(self._settings.receive_timeout, self._receiveTimedOut)

    def _inputEnded(self) -> None:
        self._alarm.stop()
        self._carrier.inputEnded()
        if self._state is _OPEN:
            self._state = _INPUT_ENDED
            self._tellEnd()
        else:
            if self._state is _DRAINING:
                self._carrier.end()
            elif self._state is _OUTPUT_ENDED:
                self._tellEnd()
            self._over(None)

    def _endOutput(self) -> None:
        if self._state is _OPEN:
            self._state = _OUTPUT_ENDED
            self._carrier.end()
        elif self._state is _INPUT_ENDED:
            self._carrier.end()
            self._over(None)

    def _close(self) -> None:
        """The user ends the channel."""
        self._endOutput()
        if self._state is _OUTPUT_ENDED:
            self._awaitEnd(_CLOSING)

    def _awaitEnd(self, state: ChannelState) -> None:
        self._state = state
        self._alarm.start(self._settings.close_timeout, self._closeTimedOut)
        self._carrier.resumeReceiving()

    def _over(self, error: BaseException | None) -> None:
        if self._state is _CLOSED:
            return
        self._state = _CLOSED
        self._reason = None if error is None else Failure(error)
        self._carrier.channelOver(error is None)
        if self._receiver is not None:
            try:
                self._receiver.channelClosed(self._reason)
            except Exception:
                self.log.failure("channelClosed of {receiver} failed", receiver=self._receiver)
        closers, self._closers = self._closers, []
        for closer in closers:
            if self._reason is None:
                closer.callback(None)
            else:
                closer.errback(self._reason)
        self._carrier.resumeReceiving()

    def _tellEnd(self) -> None:
        try:
            self._receiver.endReceived()
        except Exception:
            self._receiverFailed("endReceived")

    def _receiverFailed(self, method: str) -> None:
        """The receiver has just raised an exception, which ends the channel, not the process."""
        self.log.failure("{method} of {receiver} failed", method=method, receiver=self._receiver)
        self.fail(
            CommunicationObjectAbortedError(
                f"{self.via}: the channel's receiver failed in {method}; see the log"
            )
        )

    def _receiveTimedOut(self) -> None:
        seconds = self._settings.receive_timeout
        self.fail(TimeoutError(f"{self.via}: nothing came for {seconds} s; see receive_timeout"))

    def _closeTimedOut(self) -> None:
        seconds = self._settings.close_timeout
        self.fail(
            TimeoutError(
                f"{self.via}: the other side has not ended the session {seconds} s after this "
                "one; see close_timeout"
            )
        )


@implementer(IDuplexChannel, ICarriedChannel)
class DuplexChannel(Channel):
    """
    Whole messages in both directions; see :class:`~.interfaces.IDuplexChannel`.
    """

    def send(self, *payload: bytes | memoryview) -> Deferred[None] | None:
        if self._state is not _OPEN and self._state is not _INPUT_ENDED:
            why = f": {self._reason.getErrorMessage()}" if self._reason else ""
            raise ChannelClosedError(f"{self.via}: nothing can be sent, the channel is over{why}")
        sent: Deferred[None] | None = self._carrier.write(
            envelope_header(sum(map(len, payload))), *payload
        )
        return sent

    def endOutput(self) -> None:
        self._endOutput()

    def happened(self, event: Event) -> None:
        if not isinstance(event, Envelope):
            super().happened(event)
        elif self._state is _CLOSING:
            self.fail(ProtocolError(f"{self.via}: a message came while the channel was closing"))
        else:
            self._alarm.start(self._settings.receive_timeout, self._receiveTimedOut)
            try:
                self._receiver.messageReceived(event.payload)
            except Exception:
                self._receiverFailed("messageReceived")
