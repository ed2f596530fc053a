"""
One Python worker: IBasic at its addresses, or IOrders at one that ends so, on ports of its own or
behind shared ports.

``worker.py [--together] ADDRESS[=CONTROL]...`` serves; with a control socket behind it an address
is registered there, with ``--together`` as one that other processes serve, too.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from benchmarks.harness.transport.loads import BINDING, ORDERS
from benchmarks.harness.transport.orders import IOrders, Orders
from netshare.transport.contracts.behavior import (
    ConcurrencyMode,
    InstanceContextMode,
    service_behavior,
)
from netshare.transport.hosting.host import ServiceHost
from tests.peers.contracts import IBasic
from tests.peers.services import Basic, pattern

reactor: Any = _reactor
TOGETHER = "--together"


@cache
def prepared(count: int) -> bytes:
    """:returns: so many bytes, the same ones each time"""
    return pattern(count)


@service_behavior(
    instance_context_mode=InstanceContextMode.PER_CALL, concurrency_mode=ConcurrencyMode.MULTIPLE
)
class Prepared(Basic):
    """IBasic, whose large replies lie ready: how they are made is not what is measured."""

    def Bytes(self, count: int) -> bytes:
        return prepared(count)


async def serve(addresses: list[str], together: bool) -> None:
    """Serve at all addresses."""
    for argument in addresses:
        address, _, control = argument.partition("=")
        service, contract = (Orders, IOrders) if address.endswith(ORDERS) else (Prepared, IBasic)
        host = ServiceHost(service, reactor, control=control or None, shared_addresses=together)
        host.add_endpoint(contract, BINDING.but(port_sharing_enabled=bool(control)), address)
        await host.open()


def _failed(failure: Failure) -> None:
    print(failure.getTraceback(), flush=True)
    reactor.stop()


def main(arguments: list[str]) -> None:
    """Serve, and say so."""
    addresses = [argument for argument in arguments if argument != TOGETHER]
    served = ensureDeferred(serve(addresses, TOGETHER in arguments))
    served.addCallbacks(lambda _: print("listening", flush=True), _failed)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
