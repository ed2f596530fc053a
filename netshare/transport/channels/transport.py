"""
What is used of Twisted's stream transports.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twisted.internet.interfaces import IAddress, IProducer

__all__ = ["StreamTransport"]


class StreamTransport(Protocol):
    """
    A connection as ``twisted.internet.tcp`` has it, or anything that behaves like one:
    :class:`~twisted.internet.interfaces.ITCPTransport` without what is not needed, and with the
    :class:`~twisted.internet.interfaces.IPushProducer` and
    :class:`~twisted.internet.interfaces.IConsumer` that all such transports are.
    """

    def write(self, data: bytes) -> None: ...

    def writeSequence(self, pieces: Iterable[bytes]) -> None: ...

    def loseConnection(self) -> None: ...

    def loseWriteConnection(self) -> None: ...

    def abortConnection(self) -> None: ...

    def getPeer(self) -> IAddress: ...

    def setTcpNoDelay(self, enabled: bool) -> None: ...

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def registerProducer(self, producer: IProducer, streaming: bool) -> None: ...

    def unregisterProducer(self) -> None: ...
