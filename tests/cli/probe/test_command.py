"""``netshare probe``: what it prints, and how it ends."""

from __future__ import annotations

import argparse
import json

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol

from netshare.cli.exits import CommandFailed, Exit
from netshare.cli.probe.command import configure, run
from netshare.testing import MemoryNetwork
from tests.helpers.probeservers import Closing, Greeting, Silent, Wcf, Web


def probe(server: type[Protocol] | None, *arguments: str) -> int:
    """Probe a server in memory; the output goes where it goes."""
    parser = argparse.ArgumentParser()
    configure(parser)
    options = parser.parse_args([*arguments, "net.tcp://host:9000/app"])
    network = MemoryNetwork()
    if server is not None:
        network.listenTCP(9000, Factory.forProtocol(server))
    waiting: Deferred[int] = ensureDeferred(run(network, options))
    for _ in range(1000):
        network.settle()
        if waiting.called:
            break
        network.advance(0.05)
    code: int = network.result(waiting)
    return code


@pytest.mark.parametrize(
    ("server", "code", "says"),
    [
        (Wcf, Exit.OK, "net.tcp://host:9000/app is reachable, in WCF with:"),
        (Silent, Exit.NO_ANSWER, "does not answer net.tcp"),
        (Closing, Exit.NO_ANSWER, "closes what it cannot serve"),
        (Greeting, Exit.NOT_NET_TCP, "it speaks SSH"),
        (Web, Exit.NOT_NET_TCP, "it speaks HTTP"),
        (None, Exit.UNREACHABLE, "nothing listens on port 9000"),
    ],
)
def test_conclusions(
    server: type[Protocol] | None, code: Exit, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """People are told what it comes to, programs the same as JSON with the same exit code."""
    assert probe(server) == code
    assert says in capsys.readouterr().out
    assert probe(server, "--json") == code
    assert json.loads(capsys.readouterr().out)["exitCode"] == code


def test_each_attempt_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The attempts stand before the conclusion; without a connection there are none to show."""
    probe(Wcf)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "net.tcp://host:9000/app at 127.0.0.1:9000:"
    assert sum(line.startswith(("  duplex", "  singleton")) for line in lines) == 7
    probe(None)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_an_address_that_no_client_can_ask_for() -> None:
    """A wildcard is an error of the command line."""
    options = argparse.Namespace(uri="net.tcp://+/x", host=None, port=None, timeout=1, json=False)
    with pytest.raises(CommandFailed, match="stands for any host") as caught:
        MemoryNetwork().result(run(None, options))
    assert caught.value.code is Exit.USAGE
