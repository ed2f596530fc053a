"""
A shared port inside of a program of one's own: two Factories, and a count of how connections end.

    python3 examples/embedded.py
"""

from collections import Counter

from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react
from twisted.web.server import Site
from twisted.web.static import Data
from zope.interface import implementer

from netshare.endpoints import NetTcpClientEndpoint, PreambleRefused, PreambleUse
from netshare.interfaces import IOutcomeRecorder
from netshare.service import SharedPort


@implementer(IOutcomeRecorder)
class Recorder:
    """Passes every connection's outcome on; here to a counter."""

    def __init__(self):
        self.outcomes = Counter()

    def connectionAccepted(self):
        pass

    def connectionReturned(self):
        pass

    def connectionDecided(self, outcome):
        self.outcomes[outcome.value] += 1


class Greeter(Protocol):
    """Says hello, and no more."""

    def connectionMade(self):
        self.transport.write(b"hello from the program itself\n")
        self.transport.loseConnection()


async def main(reactor):
    recorder = Recorder()
    shared = SharedPort(reactor, recorder=recorder)
    site = Site(Data(b"a page", "text/plain"))
    for path, factory in (("hello", Factory.forProtocol(Greeter)), ("web", site)):
        endpoint = shared.endpointFor(f"net.tcp://+:8808/{path}", PreambleUse.CONSUME)
        await endpoint.listen(factory)
    await shared.listen(serverFromString(reactor, "tcp:8808:interface=127.0.0.1"))

    for path in ("hello", "nobody"):
        client = NetTcpClientEndpoint(reactor, f"net.tcp://127.0.0.1:8808/{path}")
        try:
            protocol = await client.connect(Factory.forProtocol(Protocol))
            protocol.transport.loseConnection()
        except PreambleRefused as refused:
            print(refused)
    await shared.stop()
    print(dict(recorder.outcomes))


if __name__ == "__main__":
    react(lambda reactor: ensureDeferred(main(reactor)))
