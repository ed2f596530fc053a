"""
A service in a process that may send no more descriptors, because another process of its user has
sent many that are not read.

Run as a program: ``python -m tests.integration.exhausting fast|plain USER``. As root it becomes
that user first, since the kernel exempts root.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from netshare.endpoints.preamble import ConsumingFactory
from netshare.framing.records import PREAMBLE_ACK
from netshare.outcomes import Outcome
from tests.integration.running import RunningService

reactor: Any = _reactor


class Hog:
    """
    A process that sends 600 descriptors to a socket which is not read, as that of a worker would
    be. It is forked, since its user may not be able to start Python.
    """

    def __init__(self) -> None:
        self._here, there = socket.socketpair()
        if os.fork() == 0:
            self._here.close()
            there.recv(1)
            one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            for _ in range(3):
                socket.send_fds(one, [b"x"], [2] * 200)
            there.send(b"x")
            there.recv(1)  # until the service ends it, or has ended
            os._exit(0)
        there.close()

    def send(self) -> None:
        """Have it do so."""
        self._here.send(b"x")
        assert self._here.recv(1) == b"x"

    def end(self) -> None:
        """End it: the descriptors are under way no longer."""
        self._here.close()
        os.wait()


def carries() -> bool:
    """Whether the kernel carries a descriptor for this process."""
    one, other = socket.socketpair()
    with one, other:
        try:
            socket.send_fds(one, [b"x"], [0])
        except OSError as error:
            print(error.strerror)
            return False
    return True


async def main(fast: bool, hog: Hog) -> None:
    """Say, line by line, how it went."""
    service = RunningService(reactor, Path(tempfile.mkdtemp()), fast=fast)
    await service.start()
    await service.worker("one", ConsumingFactory(Factory.forProtocol(Protocol), reactor))
    links = list(service.shared.registry.links)
    client = await service.call("one")
    assert await client.until(1) == PREAMBLE_ACK
    hog.send()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    if carries():
        print("exempt")
    clients = [await service.call("one") for _ in range(5)]
    await deferLater(reactor, 0.5)
    used = sum(os.times()[:2])
    await deferLater(reactor, 0.5)
    print("at rest" if sum(os.times()[:2]) - used < 0.25 else "busy")
    print("ended:", service.shared.counts.outcomes.total() - 1)
    hog.end()
    for client in clients:
        assert await client.until(1) == PREAMBLE_ACK
    await service.settle(service.balanced)
    print("served:", service.count(Outcome.HANDED_OVER) - 1)
    print("link:", "the same" if list(service.shared.registry.links) == links else "another")
    await service.stop()


if __name__ == "__main__":
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(int(sys.argv[2]))
        os.setuid(int(sys.argv[2]))
    hog = Hog()
    reactor.callWhenRunning(
        lambda: (
            ensureDeferred(main(sys.argv[1] == "fast", hog))
            .addErrback(lambda failure: print(failure.getTraceback()))
            .addBoth(lambda _: reactor.stop())
        )
    )
    reactor.run()
