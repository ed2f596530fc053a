"""
IBasic with security, on ports of its own.

``securedworker.py CERTIFICATE TLS-ADDRESS [NTLM-ADDRESS]``; the users of NTLM are in the file that
``NTLM_USER_FILE`` names.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from benchmarks.harness.transport.security import NTLM, TLS
from benchmarks.harness.transport.worker import Prepared
from netshare.transport import PemCertificate, ServiceCredentials, ServiceHost
from tests.peers.contracts import IBasic

reactor: Any = _reactor


async def serve(certificate: str, *addresses: str) -> None:
    """Serve IBasic over TLS, and over NTLM."""
    credentials = ServiceCredentials(certificate=PemCertificate(Path(certificate)))
    for binding, address in zip((TLS, NTLM), addresses, strict=False):
        host = ServiceHost(Prepared, reactor, credentials=credentials)
        host.add_endpoint(IBasic, binding, address)
        await host.open()


def _failed(failure: Failure) -> None:
    print(failure.getTraceback(), flush=True)
    reactor.stop()


def main(arguments: list[str]) -> None:
    """Serve, and say so."""
    served = ensureDeferred(serve(*arguments))
    served.addCallbacks(lambda _: print("listening", flush=True), _failed)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
