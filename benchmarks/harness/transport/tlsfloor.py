"""
What no service with TLS can be faster than: a bare Twisted TLS server, which knows no framing.

``tlsfloor.py CERTIFICATE PORT`` listens on 127.0.0.1. A request is :data:`REQUEST` bytes, of which
the first says what the answer is: :data:`REQUEST` bytes, or a megabyte.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate

from benchmarks.harness.transport.loads import MEGABYTE

reactor: Any = _reactor
#: Of a call of Add, and of its reply: about so many bytes.
REQUEST = 200
SMALL, LARGE = b"s" * REQUEST, b"l" * REQUEST
ANSWERS = {SMALL[0]: bytes(REQUEST), LARGE[0]: bytes(MEGABYTE)}


class Answering(Protocol):
    """Answers."""

    transport: Any

    def __init__(self) -> None:
        self._data = b""

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        data = self._data + data
        while len(data) >= REQUEST:
            self.transport.write(ANSWERS[data[0]])
            data = data[REQUEST:]
        self._data = data


def main(certificate: str, port: str) -> None:
    """Listen, and say so."""
    options = PrivateCertificate.loadPEM(Path(certificate).read_bytes()).options()
    factory = Factory.forProtocol(Answering)
    reactor.listenSSL(int(port), factory, options, backlog=512, interface="127.0.0.1")
    print("listening", flush=True)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
