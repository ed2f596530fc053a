"""
One Python worker for ``benchmarks/transport.py``: IBasic at its addresses, on ports of its own or
behind shared ports; and what nothing can be faster than, an echo of as many bytes.

``transport_worker.py ADDRESS[=CONTROL]...`` serves; with a control socket behind it an address is
registered there. ``transport_worker.py echo PORT`` answers every whole request of
a connection, whose first 8 bytes say how long its requests and its replies are.
"""

from __future__ import annotations

import struct
import sys
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from netshare.transport.binding import NetTcpBinding, SecurityMode
from netshare.transport.host import ServiceHost
from tests.peers.services import SERVICES

reactor: Any = _reactor
LARGE = 1 << 26
SIZES = struct.Struct("!II")


class Echo(Protocol):
    """Answers requests of one size with replies of another."""

    transport: Any

    def __init__(self) -> None:
        self._first = b""
        self._came = self._asked = 0
        self._reply = b""

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        if not self._asked:
            self._first += data
            if len(self._first) < SIZES.size:
                return
            self._asked, size = SIZES.unpack_from(self._first)
            self._reply = bytes(size)
            data = self._first[SIZES.size :]
        self._came += len(data)
        while self._came >= self._asked:
            self._came -= self._asked
            self.transport.write(self._reply)


async def serve(addresses: list[str]) -> None:
    """Serve IBasic at all addresses."""
    contract, service = SERVICES["IBasic"]
    for argument in addresses:
        address, _, control = argument.partition("=")
        host = ServiceHost(service, reactor, control=control or None)
        binding = NetTcpBinding(
            security=SecurityMode.NONE,
            max_received_message_size=LARGE,
            port_sharing_enabled=bool(control),
        )
        host.add_endpoint(contract, binding, address)
        await host.open()


def _failed(failure: Failure) -> None:
    print(failure.getTraceback(), flush=True)
    reactor.stop()


def main(arguments: list[str]) -> None:
    """Serve, and say so."""
    if arguments[0] == "echo":
        # A queue for all that connect at once: who does not fit in tries again a second later.
        factory = Factory.forProtocol(Echo)
        reactor.listenTCP(int(arguments[1]), factory, backlog=512, interface="127.0.0.1")
        print("listening", flush=True)
    else:
        served = ensureDeferred(serve(arguments))
        served.addCallbacks(lambda _: print("listening", flush=True), _failed)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
