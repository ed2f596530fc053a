"""
The reactor and its connections, as this package uses them.
"""

from __future__ import annotations

from socket import socket
from typing import Any, Protocol, runtime_checkable

from twisted.internet.interfaces import (
    IConsumer,
    IPushProducer,
    IReactorCore,
    IReactorFDSet,
    IReactorProcess,
    IReactorSocket,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IReactorUNIX,
    ITCPTransport,
)
from zope.interface import Attribute

__all__ = ["IConnection", "IReactor", "PausablePort"]


class IReactor(
    IReactorCore,
    IReactorFDSet,
    IReactorProcess,
    IReactorSocket,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IReactorUNIX,
):
    """
    What a reactor for POSIX offers, in one name for annotations.
    """


class IConnection(ITCPTransport, IConsumer, IPushProducer):
    """
    The transport of a TCP or UNIX connection as Twisted's reactors make it, in one name for
    annotations: it also paces and is paced, and its socket can be had.
    """

    protocol: Any = Attribute("what gets the bytes")
    disconnecting: bool = Attribute("whether it closes when everything is written")

    def getHandle() -> socket:
        """The socket."""

    def stopReading() -> None:
        """Take it out of what the reactor reads."""

    def stopWriting() -> None:
        """Take it out of what the reactor writes."""


@runtime_checkable
class PausablePort(Protocol):
    """
    A listening port that can stop accepting for a while, as those of TCP and UNIX sockets can.
    """

    def pauseProducing(self) -> None:
        """Accept nothing more for now."""

    def resumeProducing(self) -> None:
        """Accept again."""
