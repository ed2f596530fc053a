"""
``make run``: one port, two services in processes of their own, a call to each.

Starts the sharing service on 127.0.0.1:8808 with two workers: the WCF service of
``calculator.py``, and the web site of ``hello.py``. Calls both, and an address that no worker
serves, and stays up until Ctrl-C.
"""

import os
import shlex
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from calculator import ICalculator
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.web.client import Agent, readBody
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from netshare.control import ControlProtocol, ListRegistrations
from netshare.endpoints import NetTcpClientEndpoint, PreambleRefused
from netshare.transport import ChannelFactory, NetTcpBinding, SecurityMode

# Twisted's readBody warns of its own transport.
warnings.filterwarnings("ignore", "Using readBody", DeprecationWarning)

HERE = Path(__file__).resolve().parent
PORT = int(os.environ.get("PORT", "8808"))
CALCULATOR = f"net.tcp://127.0.0.1:{PORT}/calculator"
SITE = f"net.tcp://127.0.0.1:{PORT}/site"
UNKNOWN = f"net.tcp://127.0.0.1:{PORT}/nobody"


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


async def add(a: float, b: float) -> float:
    """One call to the WCF service, as any WCF client would make it."""
    binding = NetTcpBinding(security=SecurityMode.NONE)
    factory = ChannelFactory(ICalculator, binding, reactor, callback=Progress())
    channel = factory.create_channel(CALCULATOR)
    result = await channel.operations.Add(a, b)
    await channel.close()
    await factory.close()
    return result


class Progress:
    """What the service may call back."""

    def Step(self, value: float) -> None:
        print(f"    so far {value}")


async def get(via: str) -> str:
    """One HTTP request to the web site at an address behind the shared port."""
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
            if answer["json"].count(b'"ready"') == 2:
                return
        except ConnectError:
            pass  # not there yet
        await deferLater(reactor, 0.1)
    raise SystemExit("the workers did not register within 30 seconds")


async def demo(control: Path) -> None:
    command = [sys.executable, "-m", "twisted", "--log-format=text", "netshare"]
    command += ["--interface=127.0.0.1", f"--control={control}"]
    calculator = shlex.join([sys.executable, str(HERE / "calculator.py"), CALCULATOR, "--shared"])
    # WCF services answer to any host name ("+") unless they are told otherwise.
    command.append(f"--worker={CALCULATOR.replace('127.0.0.1', '+')}=!{calculator}")
    command.append(f"--worker={SITE.replace('127.0.0.1', '+')}=hello:one,preamble=consume")
    print("Starting:", " ".join(["twist", *command[3:]]), flush=True)
    service = Service()
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    # In a session of its own: Ctrl-C is for this program, which ends the service.
    process = reactor.spawnProcess(service, "setsid", ["setsid", *command], env=environment)

    def end() -> Deferred:
        try:
            process.signalProcess("TERM")
        except ProcessExitedAlready:
            pass
        return service.ended

    reactor.addSystemEventTrigger("before", "shutdown", end)
    await workers_ready(control, service)
    print()
    print(f"{CALCULATOR}\n    -> Add(1, 2) = {await add(1, 2)}")
    print(f"{SITE}\n    -> {await get(SITE)}")
    try:
        await get(UNKNOWN)
    except PreambleRefused as refusal:
        print(f"{UNKNOWN}\n    -> refused: {refusal.uri}")
    where = f"NETSHARE_CONTROL={control} {Path(sys.executable).parent / 'netshare'}"
    print(
        f"\nThe service stays up until Ctrl-C. Try, in another terminal:\n"
        f"    {where} list\n"
        f"    {where} who {CALCULATOR}/some/path\n"
        f"    {where} probe {UNKNOWN}\n"
        f"    {where} stats\n"
        f"    {sys.executable} {HERE / 'calculator_client.py'} {CALCULATOR}",
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

    reactor.callWhenRunning(lambda: ensureDeferred(demo(directory / "control")).addErrback(failed))
    reactor.run()
    sys.exit(status)


if __name__ == "__main__":
    main()
