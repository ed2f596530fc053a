"""
A worker that answers each message with its address and the message.

Run as ``python -m benchmarks.harness.chaos.worker ADDRESS CONTROL`` it registers itself; with
``tcp PORT`` behind its address it has a port of its own; the service starts it by
``benchmarks.harness.chaos.worker:a`` or ``:b``.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IAddress
from zope.interface import implementer

from netshare.framing import Fault, Mode
from netshare.transport.channels import (
    FramingServerFactory,
    IChannelAcceptor,
    IDuplexReceiver,
)
from netshare.worker import SharedPortServerEndpoint, Wish

reactor: Any = _reactor


@implementer(IDuplexReceiver)
class Answering:
    """One session."""

    def __init__(self, name: bytes, channel: Any) -> None:
        self._name = name
        self._channel = channel

    def messageReceived(self, payload: bytes) -> None:
        self._channel.send(self._name + payload)

    def endReceived(self) -> None:
        self._channel.close().addErrback(lambda failure: None)

    def channelClosed(self, reason: Any) -> None:
        pass


@implementer(IChannelAcceptor)
class Acceptor:
    """Takes every session for one path."""

    def __init__(self, name: str) -> None:
        self._name = name

    def channelOpening(
        self, via: str, mode: Mode, contentType: str, peer: IAddress
    ) -> Fault | None:
        served = via.rpartition("/")[2] == self._name
        return None if served else Fault.ENDPOINT_NOT_FOUND

    def channelOpened(self, channel: Any) -> Answering:
        return Answering(self._name.encode(), channel)


def factory(name: str) -> FramingServerFactory:
    """
    :param name: the last segment of the address, with which each message is answered
    """
    return FramingServerFactory(Acceptor(name), reactor, max_pending_connections=100_000)


def a() -> FramingServerFactory:
    """For the service to start."""
    return factory("a")


def b() -> FramingServerFactory:
    """For the service to start."""
    return factory("b")


def main(address: str, control: str, descriptors: str = "0") -> None:
    """Register, or listen, and serve until the end."""
    served = factory(address.rpartition("/")[2])
    if control == "tcp":
        reactor.listenTCP(int(descriptors), served, 4096, "127.0.0.1")
        reactor.run()
        return
    if int(descriptors):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(descriptors),) * 2)
    endpoint = SharedPortServerEndpoint(
        reactor, Wish(address, shared=True), control, wait=True, environ={}
    )
    reactor.callWhenRunning(lambda: ensureDeferred(endpoint.listen(served)))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
