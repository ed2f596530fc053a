"""netshare.transport.clients.blocking: calls of plain programs, which wait for their results."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from netshare.transport import CommunicationState, FaultError, NetTcpClient
from netshare.transport.channels.errors import EndpointNotFoundError
from netshare.transport.channels.errors import TimeoutError as CallTimeoutError
from netshare.transport.soap import Message
from tests.helpers.background import (
    ADDRESS,
    BINDING,
    STREAMED,
    Background,
    ICalculator,
    IFiles,
    background,
    said_by_client,
)

#: The End record ([MC-NMF] 2.2.3.8).
END = b"\x07"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    """A service, and a network in memory to it."""
    with background(monkeypatch) as made:
        yield made


def test_a_call(world: Background) -> None:
    """An operation returns its result; the block's end closes session and connection."""
    client = NetTcpClient(ICalculator, ADDRESS, BINDING)
    assert client.state is CommunicationState.CREATED
    with client as calculator:
        assert calculator.Add(1, 2) == 3
        assert client.state is CommunicationState.OPENED
    assert client.state is CommunicationState.CLOSED
    assert said_by_client(world).endswith(END)


def test_a_fault(world: Background) -> None:
    """What the service raised is raised here, and the session goes on."""
    with NetTcpClient(ICalculator, ADDRESS, BINDING) as calculator:
        with pytest.raises(FaultError, match="it failed"):
            calculator.Fail()
        assert calculator.Add(3, 4) == 7


def test_a_block_that_fails(world: Background) -> None:
    """A block that ends with an exception aborts the session, since a call may be under way."""
    client = NetTcpClient(ICalculator, ADDRESS, BINDING)
    with pytest.raises(ZeroDivisionError), client as calculator:
        calculator.Add(1, 1 // 0)
    assert client.state is not CommunicationState.OPENED
    world.network.settle()
    assert not said_by_client(world).endswith(END)


def test_a_service_that_is_not_there(world: Background) -> None:
    """A block whose channel cannot be opened does not begin, and leaves nothing behind."""
    client = NetTcpClient(ICalculator, "net.tcp://127.0.0.1:9000/nothing", BINDING)
    with pytest.raises(EndpointNotFoundError), client:
        raise AssertionError("the block began")
    assert client.state is CommunicationState.FAULTED


def test_without_a_block(world: Background) -> None:
    """The first call opens the channel; close ends it."""
    client = NetTcpClient(ICalculator, ADDRESS, BINDING)
    assert client.operations.Add(1, 1) == 2
    client.close()
    assert client.state is CommunicationState.CLOSED


def test_aborted(world: Background) -> None:
    """An aborted client is over at once, without a word to the service."""
    client = NetTcpClient(ICalculator, ADDRESS, BINDING)
    client.open()
    client.abort()
    world.network.settle()
    assert not said_by_client(world).endswith(END)


def test_calls_with_something_special(world: Background) -> None:
    """A timeout of its own, and the reply for its headers."""
    client = NetTcpClient(ICalculator, ADDRESS, BINDING)
    replies: list[Message] = []
    with client:
        assert client.using(replies=replies).Add(1, 2) == 3
        assert [reply.action for reply in replies] == ["urn:test/ICalculator/AddResponse"]
        with pytest.raises(CallTimeoutError):
            client.using(timeout=0.2).Wait()
        client.abort()


def test_streams_that_go_out(world: Background) -> None:
    """Bytes, and files that are open."""
    with NetTcpClient(IFiles, "net.tcp://127.0.0.1:9001/files", STREAMED) as files:
        assert files.Upload(b"x" * 40_000) == 40_000
        assert files.Upload(io.BytesIO(b"x" * 50_000)) == 50_000
