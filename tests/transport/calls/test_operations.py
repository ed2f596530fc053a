"""From arguments to a result."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netshare.transport.contracts.decorators import operation, service_contract
from netshare.transport.soap import Message
from tests.helpers.world import World


def test_wrong_arguments(world: World) -> None:
    """Arguments that are not the operation's, or of another type, never leave the client."""
    world.serve()
    channel = world.channel()
    with pytest.raises(TypeError, match="Wait: missing a required argument: 'name'"):
        world.now(channel.operations.Wait())
    with pytest.raises(Exception, match="name"):
        world.now(channel.operations.Wait(5))
    with pytest.raises(AttributeError, match="ITest has no operation Wiat"):
        channel.operations.Wiat("x")
    assert world.now(channel.operations.Count()) == 1


@service_contract(namespace="urn:test")
class IAny:
    @operation(action="*", reply_action="*")
    def Process(self, request: Message) -> Message: ...


class Any_:
    """Answers with what it was told."""

    def Process(self, request: Message) -> Message:
        action = None if request.action == "urn:silent" else f"{request.action}Response"
        return Message(action, f"<Seen xmlns='urn:test'>{request.message_id}</Seen>")


def test_the_identifier_of_a_message(world: World) -> None:
    """One that the program gives is kept, whatever it looks like; others are made."""
    world.serve(IAny, Any_)
    calls = world.channel(contract=IAny).operations
    given = "urn:uuid:0f0e0d0c-0b0a-0908-0706-050403020100"
    for identifier in ("urn:mine", given, given.upper().replace("URN:UUID", "urn:uuid"), None):
        message = Message("urn:a", message_id=identifier)
        for _ in range(2):  # a message may be sent again
            seen = world.now(calls.Process(message)).body_element().value
            if identifier is None:
                assert seen.startswith("urn:uuid:")
            else:
                assert seen.lower() == identifier.lower()
        assert message.message_id == identifier
        assert message.to is None


def test_two_requests_of_one_identifier(world: World) -> None:
    """The second is refused while the first waits: their replies could not be told apart."""

    class Slow(Any_):
        def Process(self, request: Message) -> Any:
            return Deferred()

    world.serve(IAny, Slow)
    calls = world.channel(contract=IAny).operations
    world.start(calls.Process(Message("urn:a", message_id="urn:mine")))
    with pytest.raises(ValueError, match="waits for its reply already"):
        world.now(calls.Process(Message("urn:a", message_id="urn:mine")))


def test_a_message_without_an_action(world: World) -> None:
    """It is not sent as "*" but refused; a reply may have none."""
    world.serve(IAny, Any_)
    calls = world.channel(contract=IAny).operations
    with pytest.raises(ValueError, match="Process: the Message needs an action"):
        world.now(calls.Process(Message()))
    with pytest.raises(TypeError, match="Process: a Message is needed, not str"):
        world.now(calls.Process("<a/>"))
    assert world.now(calls.Process(Message("urn:silent"))).action is None
