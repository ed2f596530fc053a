"""What a supervised worker is started with."""

import sys

from netshare.addresses import parse_base_address
from netshare.endpoints.preamble import PreambleUse
from netshare.service.activation.spec import WorkerSpec

ADDRESS = parse_base_address("net.tcp://+:8808/one")


def test_a_factory() -> None:
    """A factory is run by the package's own program, with what it has to know."""
    spec = WorkerSpec("one", ADDRESS, target="a.b:c", preamble=PreambleUse.CONSUME)
    program, *rest = spec.arguments()
    assert program == sys.executable
    assert rest == [
        "-m",
        "netshare.worker.child",
        "--preamble=consume",
        "net.tcp://+:8808/one",
        "a.b:c",
    ]


def test_an_idle_limit() -> None:
    """A factory that sees no preamble may have a limit for connections that rest."""
    spec = WorkerSpec("one", ADDRESS, "a:b", None, PreambleUse.CONSUME, connectionIdleTimeout=90.5)
    assert "--connection-idle-timeout=90.5" in spec.arguments()


def test_several_processes() -> None:
    """Several processes share the address."""
    assert "--shared" in WorkerSpec("one", ADDRESS, target="a:b", processes=2).arguments()
    assert "--shared" in WorkerSpec("one", ADDRESS, target="a:b", maxProcesses=2).arguments()
    assert "--shared" not in WorkerSpec("one", ADDRESS, target="a:b").arguments()


def test_a_command() -> None:
    """A command is started as it is."""
    assert WorkerSpec("one", ADDRESS, command=("run", "me")).arguments() == ("run", "me")
