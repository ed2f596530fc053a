"""netshare.control.commands: large values, and errors that arrive as themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.protocols import amp

from netshare.control import commands
from netshare.control.commands import (
    MAX_LARGE_BYTES,
    REGISTRATION_ERRORS,
    Busy,
    Duplicate,
    Register,
    Return,
)
from tests.helpers.control import Pair, result_of


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 131070, 131071, 131072, 1_000_000])
def test_large_bytes(pair: Pair, pipe: int, size: int) -> None:
    """Any number of bytes arrives as it was sent, beside a descriptor and other arguments."""
    asking, answering, link = pair
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    answer = asking.callRemote(Return, peer="p", readData=data, socket=pipe)
    assert result_of(link, answer) == {}
    (got,) = answering.got
    assert got["readData"] == data
    assert got["peer"] == "p"
    assert got["inheritable"] is False


def test_large_bytes_have_a_bound(pair: Pair, pipe: int) -> None:
    """What is beyond the bound is TooLong, and the link goes on."""
    asking, answering, link = pair
    with pytest.raises(amp.TooLong):
        asking.callRemote(Return, readData=b"x" * (MAX_LARGE_BYTES + 1), socket=pipe)
    at_the_bound = asking.callRemote(Return, readData=b"x" * MAX_LARGE_BYTES, socket=pipe)
    result_of(link, at_the_bound)
    assert len(answering.got[0]["readData"]) == MAX_LARGE_BYTES


@given(st.integers(0, 3), st.integers(-2, 2))
def test_large_bytes_on_the_wire(pieces: int, more: int) -> None:
    """The box has pieces of 65,535 bytes, named in order, none of them empty but the only one."""
    size = max(0, pieces * 65535 + more)
    argument = commands.LargeBytes()
    box = amp.Box()
    argument.toBox(b"data", box, {"data": bytes(size)}, None)
    lengths = [len(piece) for piece in box.values()]
    assert sum(lengths) == size
    assert all(length == 65535 for length in lengths[:-1])
    assert lengths == [0] or 0 not in lengths
    assert list(box) == [b"data", *(b"data.%d" % n for n in range(1, len(box)))]
    objects: dict[str, Any] = {}
    argument.fromBox(b"data", box, objects, None)
    assert objects == {"data": bytes(size)}


def test_an_optional_large_value() -> None:
    """An optional value that is not there is None, in both directions."""
    argument = commands.LargeBytes(optional=True)
    box = amp.Box()
    argument.toBox(b"data", box, {"data": None}, None)
    assert not box
    objects: dict[str, Any] = {}
    argument.fromBox(b"data", box, objects, None)
    assert objects == {"data": None}


@pytest.mark.parametrize("error", list(REGISTRATION_ERRORS))
def test_registration_errors_travel(pair: Pair, error: type[Exception]) -> None:
    """Every status of the original's contract arrives as itself, with its sentence."""
    asking, answering, link = pair
    answering.error = error("do this")
    with pytest.raises(error, match="do this"):
        result_of(link, asking.callRemote(Register, version=1))


def test_busy_travels(pair: Pair, pipe: int) -> None:
    """What a worker declares arrives as itself."""
    asking, answering, link = pair
    answering.error = Busy("full")
    answer = asking.callRemote(
        Duplicate, via="v", baseAddress="b", peer="p", local="l", readData=b"", socket=pipe
    )
    with pytest.raises(Busy, match="full"):
        result_of(link, answer)


def test_every_command_declares_its_errors() -> None:
    """A command that is answered declares a catch-all error, or else a surprise costs the link."""
    answered: list[Any] = [
        command
        for command in vars(commands).values()
        if isinstance(command, type)
        and issubclass(command, amp.Command)
        and command.__module__ == commands.__name__
        and command.requiresAnswer
    ]
    assert len(answered) >= 8
    for command in answered:
        faults: set[Callable[..., Any]] = {commands.ServiceFault, commands.WorkerFault}
        assert faults & set(command.errors), command
