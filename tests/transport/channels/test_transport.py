"""What the channels use of a transport is what Twisted's have."""

from __future__ import annotations

from inspect import isfunction, signature

import pytest
from twisted.internet import tcp

from netshare.sockets.privatenames import AdoptedConnection
from netshare.testing.wire import MemoryTransport
from netshare.transport.channels.transport import StreamTransport

USED = [name for name, value in vars(StreamTransport).items() if isfunction(value)]
USED = [name for name in USED if not name.startswith("_")]


@pytest.mark.parametrize("kind", [tcp.Server, tcp.Client, AdoptedConnection, MemoryTransport])
@pytest.mark.parametrize("name", USED)
def test_transports_have_it(kind: type, name: str) -> None:
    """Each method is there and takes as many arguments."""
    assert len(USED) > 8
    declared = signature(getattr(StreamTransport, name)).parameters
    assert len(signature(getattr(kind, name)).parameters) == len(declared)
