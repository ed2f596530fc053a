"""
A Twisted server that acknowledges preambles, at any server endpoint.

``twisted_worker.py tcp:9000:interface=127.0.0.1`` owns a port; with a ``netshare:`` endpoint the
same Factory is behind a shared one.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

reactor: Any = _reactor


class Acknowledging(Protocol):
    """Answers a preamble with its ack, and waits for the client to leave."""

    transport: Any
    _received = b""

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\x0c"):
            self.transport.write(b"\x0b")


class AcknowledgingFactory(Factory):
    """Makes them."""

    noisy = False
    protocol = Acknowledging


def _listening(port: Any) -> None:
    print("listening", flush=True)


def _failed(failure: Failure) -> None:
    print(failure.getErrorMessage(), flush=True)
    reactor.stop()


if __name__ == "__main__":
    listening: Any = serverFromString(reactor, sys.argv[1]).listen(AcknowledgingFactory())
    listening.addCallbacks(_listening, _failed)
    reactor.run()
