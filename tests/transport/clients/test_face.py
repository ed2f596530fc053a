"""What clients of other programs than Twisted's have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from netshare.transport.calls.callers import Caller
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.calls.proxy import channel_of
from netshare.transport.clients.face import ClientFace
from netshare.transport.contracts.binding import TransferMode
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.streams import Stream
from tests.helpers.world import HERE, Answering, ITest, World, binding
from tests.peers.contracts import IStreams
from tests.peers.services import Streams, pattern


class Face(ClientFace):
    """A face whose reactor is the test's own, and which reads streams whole."""

    def __init__(self, world: World, contract: type, **options: Any) -> None:
        self.world = world
        callback = Answering() if contract is ITest else None
        super().__init__(
            contract,
            HERE,
            binding(**options),
            world.reactor,
            Caller(),
            None,
            callback,
            world.pool(),
        )
        self.operations = self._proxy((), None, None, self._carry)

    def _carry(self, operation: OperationDescription, call: Callable[[], Deferred[Any]]) -> Any:
        return self._readable(operation, self.world.now(call()))

    def _stream(self, stream: Stream) -> Any:
        return self.world.now(stream.read())


def test_a_call(world: World) -> None:
    """Its operations are the channel's, carried out elsewhere; closing closes the factory."""
    world.serve()
    face = Face(world, ITest)
    assert face.state is CommunicationState.CREATED
    assert face.operations.Count() == 1
    assert face.state is CommunicationState.OPENED
    told: list[Any] = []
    assert channel_of(face.operations) is face
    face.on_closed(told.append)
    world.flow()
    world.now(face._close_all())
    assert face.state is CommunicationState.CLOSED
    assert told == [None]


def test_it_is_aborted(world: World) -> None:
    """Aborting leaves nothing."""
    world.serve()
    face = Face(world, ITest)
    assert face.operations.Count() == 1
    world.now(face._abort_all())
    assert face.state is CommunicationState.CLOSED
    assert world.wires[0].ends[0].state == "lost"


def test_streams_are_made_readable(world: World) -> None:
    """A stream that is the result, or in one, is what the face makes of it."""
    streamed = {"transfer_mode": TransferMode.STREAMED, "max_received_message_size": 1 << 20}
    world.serve(IStreams, Streams, binding=binding(**streamed))
    face = Face(world, IStreams, **streamed)
    assert face.operations.Download(5000) == pattern(5000)
