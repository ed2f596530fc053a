"""``netshare call``: what it prints, and how it ends, with services in memory."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol

from netshare.cli.call.command import configure, run
from netshare.cli.exits import CommandFailed, Exit
from netshare.testing import MemoryNetwork, MemoryService
from netshare.transport import NetTcpBinding, SecurityMode, TextEncoding, TransferMode
from tests.helpers.probeservers import Closing, Silent, Web
from tests.peers.contracts import IBasic
from tests.peers.services import Basic

ADDRESS = "net.tcp://localhost/service"
BASIC = "urn:peers:basic/IBasic/"


def call(network: MemoryNetwork, *arguments: str) -> int:
    """Call in memory; the output goes where it goes."""
    parser = argparse.ArgumentParser()
    configure(parser)
    options = parser.parse_args(list(arguments))
    waiting: Deferred[int] = ensureDeferred(run(network, options))
    for _ in range(200):
        network.settle()
        if waiting.called:
            break
        network.advance(0.5)
    code: int = network.result(waiting)
    return code


BINDINGS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"encoding": TextEncoding()}, ["--encoding", "text"]),
    ({"transfer_mode": TransferMode.STREAMED}, ["--streamed"]),
]


@pytest.mark.parametrize(("binding", "options"), BINDINGS)
def test_a_call(
    binding: dict[str, Any], options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The reply's body is printed, in every mode and encoding."""
    made = NetTcpBinding(security=SecurityMode.NONE, **binding)
    with MemoryService(Basic, IBasic, made) as service:
        assert call(service.network, ADDRESS, BASIC + "Add", "a=40", "b=2", *options) == Exit.OK
    assert "<AddResult>42</AddResult>" in capsys.readouterr().out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get action, headers and body."""
    with MemoryService(Basic, IBasic) as service:
        assert call(service.network, ADDRESS, BASIC + "Who", "--json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["fault"] is None
    assert "<WhoResult>python</WhoResult>" in told["body"][0]


def test_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    """With --one-way nothing is waited for, and nothing printed."""
    with MemoryService(Basic, IBasic) as service:
        assert call(service.network, ADDRESS, BASIC + "Notify", "text=x", "--one-way") == Exit.OK
    assert capsys.readouterr().out == ""


def test_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """A SOAP fault has a code of its own, its reason in the sentence and its detail shown."""
    arguments = [ADDRESS, BASIC + "Fail", "reason=enough", "code=7"]
    with MemoryService(Basic, IBasic) as service:
        with pytest.raises(CommandFailed, match="enough") as caught:
            call(service.network, *arguments)
        assert caught.value.code is Exit.FAULT
        assert "<Code>7</Code>" in capsys.readouterr().err
        with pytest.raises(CommandFailed):
            call(service.network, *arguments, "--json")
    assert json.loads(capsys.readouterr().out)["fault"]["reason"].endswith("enough")


def test_no_such_path() -> None:
    """A path that is not served is told from a port that is not."""
    with MemoryService(Basic, IBasic) as service:
        with pytest.raises(CommandFailed) as caught:
            call(service.network, "net.tcp://localhost/nowhere", BASIC + "Who")
        assert caught.value.code is Exit.NO_ENDPOINT
        with pytest.raises(CommandFailed) as caught:
            call(service.network, "net.tcp://localhost:1/", BASIC + "Who")
        assert caught.value.code is Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("server", "code"),
    [(Silent, Exit.NO_ANSWER), (Closing, Exit.NOT_NET_TCP), (Web, Exit.NO_ANSWER)],
)
def test_strangers(server: type[Protocol], code: Exit) -> None:
    """What speaks no net.tcp, or nothing, ends the command with a sentence."""
    network = MemoryNetwork()
    network.listenTCP(808, Factory.forProtocol(server))
    with pytest.raises(CommandFailed) as caught:
        call(network, ADDRESS, BASIC + "Who", "--timeout", "3")
    assert caught.value.code is code
    assert str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["net.tcp://+/x", "a/b/c"], "stands for any host"),
        ([ADDRESS, "nonsense"], "--body"),
        ([ADDRESS, "a/b/c", "--body-file", "/nowhere/x"], "cannot be read"),
        ([ADDRESS, "a/b/c", "x=1", "--body", "<a/>"], "there cannot be parameters as well"),
        ([ADDRESS, "a/b/c", "--header", "x"], "is not {namespace}name=value"),
    ],
)
def test_usage(arguments: list[str], says: str) -> None:
    """What makes no message is an error of the command line."""
    with pytest.raises(CommandFailed) as caught:
        call(MemoryNetwork(), *arguments)
    assert caught.value.code is Exit.USAGE
    assert says in str(caught.value)
