"""
``make run``: one port, two services in processes of their own, a call to each.

Starts the sharing service on 127.0.0.1:8808 with two workers from ``hello.py``, calls both and an
address that nobody serves, and stays up until Ctrl-C.
"""

import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.web.client import Agent, readBody
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from netshare.worker.client import NetTcpClientEndpoint, PreambleRefused
from netshare.worker.commands import ControlProtocol, ListRegistrations

# Twisted's readBody warns of its own transport.
warnings.filterwarnings("ignore", "Using readBody", DeprecationWarning)

HERE = Path(__file__).resolve().parent
PORT = int(os.environ.get("PORT", "8808"))
ADDRESSES = [f"net.tcp://127.0.0.1:{PORT}/{path}" for path in ("one", "two")]
UNKNOWN = f"net.tcp://127.0.0.1:{PORT}/three"


@implementer(IAgentEndpointFactory)
class Via:
    """Lets an HTTP client connect through a shared port."""

    def __init__(self, via: str) -> None:
        self.via = via

    def endpointForURI(self, uri: object) -> NetTcpClientEndpoint:
        return NetTcpClientEndpoint(reactor, self.via)


class Service(ProcessProtocol):
    """The ``twistd netshare`` process; its log is shown as it comes."""

    def __init__(self) -> None:
        self.ended = Deferred()

    def outReceived(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            print("  |", line.partition("#info] ")[2] or line, flush=True)

    errReceived = outReceived

    def processExited(self, reason: object) -> None:
        self.ended.callback(None)


async def call(via: str) -> str:
    """One HTTP request to the service at an address behind the shared port."""
    agent = Agent.usingEndpointFactory(reactor, Via(via))
    response = await agent.request(b"GET", b"http://service/")
    return (await readBody(response)).decode().strip()


async def workers_ready(control: Path, service: Service) -> None:
    """Ask at the control socket until both workers have registered."""
    for _ in range(300):
        if service.ended.called:
            raise SystemExit("the service ended; what it said stands above")
        try:
            link = await connectProtocol(
                UNIXClientEndpoint(reactor, str(control)), ControlProtocol()
            )
            answer = await link.callRemote(ListRegistrations, start=0)
            link.transport.loseConnection()
            if answer["json"].count(b'"ready"') == len(ADDRESSES):
                return
        except ConnectError:
            pass  # not there yet
        await deferLater(reactor, 0.1)
    raise SystemExit("the workers did not register within 30 seconds")


async def demo(control: Path) -> None:
    command = [sys.executable, "-m", "twisted", "--log-format=text", "netshare"]
    command += ["--interface=127.0.0.1", f"--control={control}"]
    for address, name in zip(ADDRESSES, ("one", "two"), strict=True):
        command.append(f"--worker={address}=hello:{name},preamble=consume")
    print("Starting:", " ".join(["twist", *command[3:]]), flush=True)
    service = Service()
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    process = reactor.spawnProcess(service, command[0], command, env=environment)

    def end() -> Deferred:
        try:
            process.signalProcess("TERM")
        except ProcessExitedAlready:
            pass
        return service.ended

    reactor.addSystemEventTrigger("before", "shutdown", end)
    await workers_ready(control, service)
    print()
    for address in ADDRESSES:
        print(f"{address}\n    -> {await call(address)}")
    try:
        await call(UNKNOWN)
    except PreambleRefused as refusal:
        print(f"{UNKNOWN}\n    -> refused: {refusal.uri}")
    where = f"NETSHARE_CONTROL={control} {Path(sys.executable).parent / 'netshare'}"
    print(
        f"\nThe service stays up until Ctrl-C. Try, in another terminal:\n"
        f"    {where} list\n"
        f"    {where} who {ADDRESSES[0]}/some/path\n"
        f"    {where} probe {UNKNOWN}\n"
        f"    {where} stats",
        flush=True,
    )


def main() -> None:
    directory = Path(tempfile.mkdtemp(prefix="netshare-demo-"))
    reactor.addSystemEventTrigger("after", "shutdown", shutil.rmtree, directory, True)
    status = 0

    def failed(failure: object) -> None:
        nonlocal status
        status = 1
        print(failure.getErrorMessage(), file=sys.stderr)
        reactor.stop()

    reactor.callWhenRunning(
        lambda: ensureDeferred(demo(directory / "control")).addErrback(failed)
    )
    reactor.run()
    sys.exit(status)


if __name__ == "__main__":
    main()
