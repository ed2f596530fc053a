"""
Back-pressure of one connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IProducer,
    IPullProducer,
    IPushProducer,
    IReactorTime,
)
from zope.interface import implementer

from netshare.sockets.privatenames import send_now
from netshare.timing import Timer
from netshare.transport.channels.transport import StreamTransport

__all__ = ["SLICE", "LastWrite", "Outflow"]

#: Bytes given to a transport at a time, which is what Twisted's sends at a time. More would wait
#: in its buffer, and be copied into that first.
SLICE = 128 * 1024

#: The next turn of the reactor, but not the same instant: a clock would never get past that.
_SOON = 0.00000001


@implementer(IPushProducer)
class _Pulled:
    """
    Makes a producer that wants to be asked for each piece one that can be paused.
    """

    def __init__(self, clock: IReactorTime, producer: IPullProducer) -> None:
        self._producer = producer
        self._next = Timer(clock, self._ask)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._next.start(_SOON)

    def pauseProducing(self) -> None:
        self._next.stop()

    def stopProducing(self) -> None:
        self._next.stop()
        self._producer.stopProducing()

    def _ask(self) -> None:
        self._next.start(_SOON)
        self._producer.resumeProducing()


@implementer(IPushProducer)
class Outflow:
    """
    What leaves a connection. Large pieces go to the transport slice by slice, each when the one
    before it has left: they are never copied whole. To the transport this is a producer, and it
    passes its pauses on to the senders.

    :param stuck: called when the other side takes nothing for longer than :attr:`timeout`
    """

    def __init__(self, clock: IReactorTime, stuck: Callable[[], None]) -> None:
        self._clock = clock
        self._timer = Timer(clock, stuck)
        self._transport: StreamTransport  # set by attach()
        self._attached = False
        #: What the transport has not been given yet.
        self._queue: deque[bytes | memoryview] = deque()
        self._waiters: list[Deferred[None]] = []
        self._producer: IPushProducer | None = None
        self._pulled: _Pulled | None = None
        self._congested = False
        self._resuming = False
        #: Seconds that sending may take (SendTimeout), or None.
        self.timeout: float | None = None

    def attach(self, transport: StreamTransport) -> None:
        """Be a transport's producer."""
        self._transport = transport
        self._attached = True
        transport.registerProducer(self, True)

    def detach(self) -> None:
        """
        Give the transport all that is left, and do not be its producer any more. What is written
        from now on waits in its buffer.
        """
        if self._queue:
            self._transport.write(b"".join(self._queue))
            self._queue.clear()
        self._attached = False
        self._transport.unregisterProducer()

    def write(self, pieces: Sequence[bytes | memoryview]) -> Deferred[None] | None:
        """
        Send bytes.

        :param pieces: none of which changes any more; a memoryview is long
        :returns: as :meth:`waiting`
        """
        if self._queue or max(map(len, pieces)) > SLICE:
            self._queue.extend(pieces)
            if self._congested:
                self._timer.start(self.timeout)
            self._fill()
        else:
            data = b"".join(pieces)
            # While something else is the producer all has to wait for its turn.
            sent = send_now(self._transport, data) if self._attached else 0
            if sent < len(data):
                self._transport.write(data[sent:])
        return self.waiting() if self._congested else None

    def write_byte(self, byte: bytes) -> bool:
        """
        :returns: whether a byte, and all that was written before it, has left; if not, nothing was
            done
        """
        return self._attached and not self._queue and send_now(self._transport, byte) == 1

    def waiting(self) -> Deferred[None] | None:
        """
        :returns: None when more can be sent at once, or a Deferred that fires when it can, or
            when there is nothing left to send to
        """
        if not self._congested:
            return None
        waiter: Deferred[None] = Deferred()
        self._waiters.append(waiter)
        return waiter

    def register(self, producer: IProducer, streaming: bool) -> None:
        """
        :param streaming: whether it is an IPushProducer, not an IPullProducer
        :raises RuntimeError: there is a producer already
        """
        if self._producer is not None:
            raise RuntimeError("another producer is registered")
        if not streaming:
            self._pulled = _Pulled(self._clock, cast(IPullProducer, producer))
        self._producer = self._pulled or cast(IPushProducer, producer)
        if self._congested:
            self._producer.pauseProducing()

    def unregister(self) -> None:
        """Forget the producer."""
        pulled, self._pulled = self._pulled, None
        if pulled is not None:
            pulled.pauseProducing()
        self._producer = None

    def lost(self) -> None:
        """Nothing more can be sent."""
        self._timer.stop()
        self._congested = False
        self._queue.clear()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._fire()

    def pauseProducing(self) -> None:
        self._congested = True
        if self._resuming:
            return  # another slice of what is on its way: its time runs already
        self._timer.start(self.timeout)
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        self._congested = False
        self._resuming = True
        try:
            self._fill()
        finally:
            self._resuming = False
        if self._congested:
            return
        self._timer.stop()
        self._fire()
        if self._producer is not None and not self._congested:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """The transport is gone; its connectionLost follows and says why."""

    def _fill(self) -> None:
        queue = self._queue
        while queue and not self._congested:
            room = SLICE
            slices: list[bytes | memoryview] = []
            while queue and room:
                piece = queue.popleft()
                if len(piece) > room:
                    whole = memoryview(piece)
                    piece = whole[:room]
                    queue.appendleft(whole[room:])
                slices.append(piece)
                room -= len(piece)
            self._transport.write(b"".join(slices))

    def _fire(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(None)


@implementer(IPullProducer)
class LastWrite:
    """
    Writes once and tells when it has left: a transport asks a pull producer at once, and then
    whenever its buffer is empty.

    :param data: what to write
    :param write: writes it
    :param left: called when it has left
    """

    def __init__(
        self, data: bytes, write: Callable[[bytes], object], left: Callable[[], None]
    ) -> None:
        self._data: bytes | None = data
        self._write = write
        self._left = left

    def resumeProducing(self) -> None:
        data, self._data = self._data, None
        if data is not None:
            self._write(data)
        else:
            self._left()

    def stopProducing(self) -> None:
        """The connection is lost, and with it what waited."""
