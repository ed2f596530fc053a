"""What becomes of what a method returns or raises."""

from __future__ import annotations

import pytest

from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.channels.errors import (
    CommunicationError,
)
from netshare.transport.contracts.decorators import operation, service_contract
from netshare.transport.contracts.exceptiondetail import ExceptionDetail
from netshare.transport.contracts.faulterror import FaultError
from tests.helpers.world import World


def test_an_unexpected_exception_ends_the_session(world: World) -> None:
    """The client gets WCF's internal fault, without the exception, and the channel is over."""
    world.serve()
    channel = world.channel()
    with pytest.raises(FaultError) as caught:
        world.now(channel.operations.Break())
    assert "secret" not in str(caught.value)
    assert caught.value.code.subcode is not None
    assert caught.value.code.subcode.name == "InternalServiceFault"
    assert channel.state is CommunicationState.FAULTED
    with pytest.raises(CommunicationError):
        world.now(channel.operations.Count())


def test_exceptions_are_told_when_that_is_on(world: World) -> None:
    """With include_exception_detail_in_faults the client gets WCF's ExceptionDetail."""
    world.serve(include_exception_detail_in_faults=True)
    with pytest.raises(FaultError, match="a secret") as caught:
        world.now(world.channel().operations.Break())
    assert caught.value.reason == "a secret"
    detail = caught.value.detail
    assert isinstance(detail, ExceptionDetail)
    assert (detail.Type, detail.Message) == ("builtins.ValueError", "a secret")
    assert detail.StackTrace is not None
    assert "in Break" in detail.StackTrace


def test_a_result_that_is_not_as_declared(world: World) -> None:
    """A reply that cannot be written is the service's failure, not silence."""
    world.serve()
    with pytest.raises(FaultError) as caught:
        world.now(world.channel().operations.Lie())
    assert caught.value.code.is_receiver


def test_nobody_is_told_what_became_of_a_one_way_call(world: World) -> None:
    """A one-way call that fails ends the session without a word."""
    world.serve()
    channel = world.channel()
    assert world.now(channel.operations.BreakQuietly()) is None
    assert channel.state is CommunicationState.FAULTED


def test_arguments_that_cannot_be_read(world: World) -> None:
    """A request that is not as declared is the fault DeserializationFailed; the session goes on."""

    @service_contract(name="ITest", namespace="urn:test")
    class IOther:
        @operation(name="Wait")
        def Wrong(self, name: list[int]) -> str: ...
        @operation
        def Count(self) -> int: ...

    @service_contract(name="ITest", namespace="urn:test")
    class IReal:
        @operation
        def Wait(self, name: int) -> str: ...
        @operation
        def Count(self) -> int: ...

    world.serve(IReal)
    channel = world.channel(contract=IOther)
    with pytest.raises(FaultError) as caught:
        world.now(channel.operations.Wrong([1, 2]))
    assert caught.value.code.subcode is not None
    assert caught.value.code.subcode.name == "DeserializationFailed"
    assert world.now(channel.operations.Count()) == 1
