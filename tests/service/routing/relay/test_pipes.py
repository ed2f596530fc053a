"""netshare.service.routing.relay.pipes: bytes that are not read."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any

import pytest

from netshare.service.routing.relay import pipes as module
from netshare.service.routing.relay.pipes import Pipe, Pipes
from netshare.testing import tcpPair

pytestmark = pytest.mark.skipif(not module.AVAILABLE, reason="Python has splice since 3.10")


def test_a_pipe() -> None:
    """What is taken from one socket comes to the other, no more than is wanted, and the end."""
    one, near = tcpPair()
    far, other = tcpPair()
    pipe = Pipe()
    with one, near, far, other:
        with pytest.raises(BlockingIOError):
            pipe.fill(near.fileno(), 100)
        one.sendall(b"hello, world")
        assert pipe.fill(near.fileno(), 5) == 5
        assert pipe.held == 5
        pipe.pour(other.fileno())
        assert (pipe.held, far.recv(100)) == (0, b"hello")
        assert pipe.fill(near.fileno(), 100) == 7
        pipe.pour(other.fileno())
        assert far.recv(100) == b", world"
        one.shutdown(socket.SHUT_WR)
        assert pipe.fill(near.fileno(), 100) == 0
    pipe.close()


def test_a_socket_that_takes_no_more() -> None:
    """What it does not take stays in the pipe."""
    one, near = tcpPair()
    far, other = tcpPair()
    pipe = Pipe()
    with one, near, far, other:
        with suppress(BlockingIOError):
            while True:
                other.send(bytes(50_000))
        one.sendall(b"behind")
        pipe.fill(near.fileno(), 100)
        with pytest.raises(BlockingIOError):
            pipe.pour(other.fileno())
        assert pipe.held == 6
        received = b""
        while not received.endswith(b"behind"):
            received = (received + far.recv(1 << 20))[-6:]
            with suppress(BlockingIOError):
                pipe.pour(other.fileno())
        assert pipe.held == 0
    pipe.close()


def test_few_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are so many and no more; one that is given back is used again, if it is empty."""
    pipes = Pipes(2)
    one, other = pipes.take(), pipes.take()
    assert one is not None
    assert other is not None
    assert pipes.take() is None
    pipes.give(one)
    assert pipes.take() is one
    other.held = 5
    pipes.give(other)
    fresh = pipes.take()
    assert fresh is not None
    assert (fresh is other, fresh.held) == (False, 0)
    for pipe in (one, fresh):
        pipes.give(pipe)
    pipes.clear()

    def full(flags: int) -> Any:
        raise OSError("no descriptors")

    monkeypatch.setattr(os, "pipe2", full)
    assert pipes.take() is None
    monkeypatch.setattr(module, "AVAILABLE", False)
    assert pipes.take() is None
