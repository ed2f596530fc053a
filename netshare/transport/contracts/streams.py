"""
Streams of bytes as arguments and results of operations.

A contract says ``Stream``. What comes in *is* a :class:`Stream`, and a slow reader holds up the
other side. What goes out may be a :class:`Stream`, bytes, an open file, or anything that gives
pieces of bytes when it is iterated over, also by ``async for``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["CHUNK", "Stream", "StreamSource", "collect", "pieces", "pump"]

#: The size of the pieces in which files and long byte strings are sent.
CHUNK: Final = 65536
#: How many unread bytes make the other side wait.
HIGH_WATER: Final = 4 * CHUNK

Call = Callable[..., "Deferred[Any]"]


class Reader(Protocol):
    """Reads what users give as streams; a :class:`~.calling.Caller`."""

    @property
    def blocking(self) -> Callable[..., Deferred[Any]] | None:
        """Calls a function that may block, where it may; None: it is called here."""

    def iterate(self, source: Any) -> AsyncIterator[Any]:
        """Iterates over an asynchronous iterable where that belongs."""


class Stream:
    """
    Bytes that arrive. To be read once, from the beginning to the end::

        async for piece in stream:
            …

    :param pause: called when too much has arrived that has not been read
    :param resume: called when there is room again
    :param abandon: called when the reader wants no more
    """

    def __init__(
        self,
        pause: Callable[[], None] = lambda: None,
        resume: Callable[[], None] = lambda: None,
        abandon: Callable[[], None] = lambda: None,
    ) -> None:
        self._pause, self._resume, self._abandon = pause, resume, abandon
        #: What has arrived; of a piece that was read in part the rest, not copied.
        self._pieces: deque[bytes | memoryview] = deque()
        self._size = 0
        self._paused = False
        self._ended = False
        self._failure: Failure | None = None
        self._waiting: tuple[Deferred[bytes], int] | None = None

    @classmethod
    def of(cls, data: bytes) -> Stream:
        """:returns: a stream of these bytes."""
        stream = cls()
        stream.feed(data)
        stream.end()
        return stream

    # ---- the reader

    def read(self, size: int = -1) -> Deferred[bytes]:
        """
        :param size: how many bytes at most; -1: all there will be
        :returns: a Deferred of at least one byte, and of none at the end; it fails with a
            :class:`~netshare.transport.channels.errors.TransportError` when the rest will never
            come
        :raises RuntimeError: another read is under way
        """
        if self._waiting is not None:
            raise RuntimeError("the stream is being read already")
        if size == 0:
            return succeed(b"")
        if self._ended or self._failure is not None or (size > 0 and self._size):
            return self._answer(size)
        waiting: Deferred[bytes] = Deferred(self._cancelled)
        self._waiting = waiting, size
        self._throttle()
        return waiting

    def close(self) -> None:
        """Read no more; the rest does not arrive."""
        if not self._ended and self._failure is None:
            self._failure = Failure(EOFError("the stream was closed by its reader"))
            self._abandon()
        self._pieces.clear()
        self._size = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[bytes]:
        while piece := await self.read(CHUNK):
            yield piece

    # ---- the sender

    def feed(self, data: bytes) -> None:
        """More bytes have arrived."""
        if data and self._failure is None:
            self._pieces.append(data)
            self._size += len(data)
            if self._waiting is not None and self._waiting[1] > 0:
                self._deliver()
            self._throttle()

    def end(self) -> None:
        """That was all."""
        self._ended = True
        if self._waiting is not None:
            self._deliver()

    def fail(self, reason: Failure) -> None:
        """The rest will never come."""
        if not self._ended and self._failure is None:
            self._failure = reason
            if self._waiting is not None:
                self._deliver()

    @property
    def ended(self) -> bool:
        """Whether all of it has arrived."""
        return self._ended

    # ---- inside

    def _deliver(self) -> None:
        assert self._waiting is not None
        (waiting, size), self._waiting = self._waiting, None
        self._answer(size).chainDeferred(waiting)

    def _answer(self, size: int) -> Deferred[bytes]:
        if self._failure is not None and (size < 0 or not self._size):
            return fail(self._failure)
        if size < 0 or size >= self._size:
            data = b"".join(self._pieces) if len(self._pieces) != 1 else bytes(self._pieces[0])
            self._pieces.clear()
        else:
            piece = self._pieces.popleft()
            if size < len(piece):
                whole = memoryview(piece)
                self._pieces.appendleft(whole[size:])
                piece = whole[:size]
            data = bytes(piece)
        self._size -= len(data)
        self._throttle()
        return succeed(data)

    def _cancelled(self, _: object) -> None:
        self._waiting = None

    def _throttle(self) -> None:
        wants_all = self._waiting is not None
        full = self._size >= HIGH_WATER and not wants_all
        if full != self._paused and not self._ended:
            self._paused = full
            (self._pause if full else self._resume)()


#: What can be sent as a stream. A contract may say this instead of ``Stream``, for type checkers.
StreamSource = Stream | bytes | BinaryIO | Iterable[bytes] | AsyncIterable[bytes]


def pieces(source: Any, reader: Reader) -> AsyncIterator[bytes]:
    """
    The bytes of what a user gave as a stream.

    :param source: see the module; None: no bytes
    :param reader: reads it
    :raises TypeError: it is nothing that bytes could be had of
    """
    if source is None:
        return _of_bytes(b"")
    if isinstance(source, bytes | bytearray | memoryview):
        return _of_bytes(bytes(source))
    if hasattr(source, "__aiter__"):
        return _of_async(aiter(source) if isinstance(source, Stream) else reader.iterate(source))
    if callable(getattr(source, "read", None)):
        return _of_file(source, reader.blocking)
    if isinstance(source, str) or not hasattr(source, "__iter__"):
        raise TypeError(
            f"a stream is bytes, an open file, or an iterable of bytes, not {type(source).__name__}"
        )
    return _of_iterable(iter(source), reader.blocking)


async def collect(source: Any, reader: Reader) -> bytes:
    """:returns: all bytes of a source at once; parameters as of :func:`pieces`."""
    if isinstance(source, bytes):
        return source
    return b"".join([piece async for piece in pieces(source, reader)])


async def _of_bytes(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), CHUNK):
        yield data[at : at + CHUNK]


async def _of_async(source: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for piece in source:
        yield _checked(piece)


async def _of_file(source: Any, call: Call | None) -> AsyncIterator[bytes]:
    while True:
        piece = source.read(CHUNK) if call is None else await call(source.read, CHUNK)
        if isinstance(piece, Awaitable):
            piece = await piece
        if not piece:
            return
        yield _checked(piece)


async def _of_iterable(source: Iterator[Any], call: Call | None) -> AsyncIterator[bytes]:
    end = object()
    while True:
        piece = next(source, end) if call is None else await call(next, source, end)
        if piece is end:
            return
        yield _checked(piece)


def _checked(piece: Any) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray | memoryview):
        return bytes(piece)
    raise TypeError(f"a stream consists of bytes, not of {type(piece).__name__}")


@implementer(IPushProducer)
class _Gate:
    """Holds up the sender while the channel is full."""

    def __init__(self) -> None:
        self.stopped = False
        self._waiting: Deferred[None] | None = None
        self._paused = False

    async def passed(self) -> None:
        """Wait until more may be sent."""
        if self._paused and not self.stopped:
            self._waiting = Deferred()
            await self._waiting

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        self.stopped = True
        self.resumeProducing()


async def pump(
    source: AsyncIterator[bytes], channel: IConsumer, encode: Callable[[bytes], bytes]
) -> bool:
    """
    Send a stream through a channel, as fast as it takes it.

    :param source: where the bytes come from
    :param channel: the :class:`~.interfaces.ISingletonChannel`; not finished here
    :param encode: what becomes of each piece on its way
    :returns: whether everything was sent; False: the channel is gone
    :raises Exception: what the source raised
    """
    gate = _Gate()
    channel.registerProducer(gate, True)
    try:
        async for piece in source:
            # A large piece is not to be in memory once more as what becomes of it.
            for at in range(0, len(piece) or 1, CHUNK):
                channel.write(encode(piece[at : at + CHUNK]))
                await gate.passed()
                if gate.stopped:
                    return False
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
        if not gate.stopped:
            channel.unregisterProducer()
    return True
