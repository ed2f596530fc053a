"""Bodies that cannot be read: a fault each, and the session goes on."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.channels.errors import CommunicationError, ProtocolError
from netshare.transport.contracts.binding import BinaryEncoding, TextEncoding, TransferMode
from netshare.transport.contracts.decorators import operation, service_contract
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.contracts.streams import Stream
from netshare.transport.encoders import BinarySessionEncoder
from netshare.transport.soap.message import Message
from netshare.transport.xml import ReaderQuotas
from tests.helpers.world import World, binding

QUOTAS = ReaderQuotas(max_string_content_length=1000, max_array_length=1000, max_depth=16)


class IAnswers:
    @operation
    def Ask(self, question: str) -> str: ...


@service_contract(namespace="urn:test", callback=IAnswers)
class IEcho:
    @operation
    def Echo(self, value: str) -> str: ...
    @operation
    def Bytes(self, value: bytes) -> int: ...
    @operation
    def Long(self, size: int) -> str: ...
    @operation(action="*")
    def Raw(self, message: Message) -> Message: ...
    @operation(one_way=True)
    def Tell(self, value: str) -> None: ...


@service_contract(namespace="urn:test")
class ILast:
    @operation
    def Echo(self, value: str) -> str: ...
    @operation(is_terminating=True)
    def End(self, value: str) -> None: ...


class Last:
    def Echo(self, value: str) -> str:
        return value

    def End(self, value: str) -> None:
        pass


@service_contract(namespace="urn:test")
class IStreamed:
    @operation
    def Echo(self, value: str) -> str: ...
    @operation
    def Bytes(self, value: bytes) -> int: ...
    @operation
    def Upload(self, data: Stream) -> int: ...


class Echo:
    kept: list[Any] = []

    def Echo(self, value: str) -> str:
        self.kept.append(OperationContext.current().callback)
        return "damage" if value == "reply" else value

    def Bytes(self, value: bytes) -> int:
        return len(value)

    def Long(self, size: int) -> str:
        return "x" * size

    def Raw(self, message: Message) -> Message:
        return Message("urn:reply")

    def Tell(self, value: str) -> None:
        pass

    async def Upload(self, data: Stream) -> int:
        return len(await data.read())


class Answers:
    def Ask(self, question: str) -> str:
        return question


def nested(depth: int) -> Any:
    """Writes elements inside of each other."""

    def write(writer: Any) -> None:
        for _ in range(depth):
            writer.start_element("n", "urn:test")
        for _ in range(depth):
            writer.end_element()

    return write


ENCODINGS = {"binary": BinaryEncoding(), "text": TextEncoding()}
UNREADABLE = {
    "string": lambda calls: calls.Echo("x" * 2000),
    "bytes": lambda calls: calls.Bytes(b"x" * 2000),
    "depth": lambda calls: calls.Raw(Message("urn:any", nested(20))),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("what", UNREADABLE)
def test_a_request(world: World, encoding: str, what: str) -> None:
    """What is over a quota is answered with DeserializationFailed, and the next call works."""
    world.serve(IEcho, Echo, binding=binding(encoding=ENCODINGS[encoding], reader_quotas=QUOTAS))
    channel = world.channel(
        contract=IEcho, binding=binding(encoding=ENCODINGS[encoding]), callback=Answers()
    )
    assert world.now(channel.operations.Echo("short")) == "short"
    for _ in range(2):
        with pytest.raises(FaultError) as caught:
            world.now(UNREADABLE[what](channel.operations))
        assert caught.value.code.subcode is not None
        assert caught.value.code.subcode.name == "DeserializationFailed"
        assert world.now(channel.operations.Echo("short")) == "short"


@pytest.mark.parametrize("times", range(4))
def test_bad_bytes_behind_what_is_known(
    world: World, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides say the same, whether a body is read at once or when it is asked for."""
    decode = BinarySessionEncoder.decode

    def damaged(encoder: BinarySessionEncoder, payload: bytes) -> Message:
        return decode(encoder, payload.replace(b"damage", b"dam\xffge"))

    monkeypatch.setattr(BinarySessionEncoder, "decode", damaged)
    world.serve(IEcho, Echo)
    channel = world.channel(contract=IEcho, callback=Answers())
    for _ in range(times):
        assert world.now(channel.operations.Echo("short")) == "short"
    with pytest.raises(FaultError, match="invalid UTF-8") as caught:
        world.now(channel.operations.Echo("damage"))
    assert caught.value.reason.startswith("The message cannot be read: ")
    with pytest.raises(ProtocolError) as failed:
        world.now(channel.operations.Echo("reply"))
    assert str(failed.value).startswith(
        "net.tcp://127.0.0.1:9000/here: the reply urn:test/IEcho/EchoResponse cannot be read: "
    )
    assert world.now(channel.operations.Echo("short")) == "short"


def test_one_that_ends_the_session(world: World) -> None:
    """It ends the session though it could not be read, as it does when its values are wrong."""
    world.serve(ILast, Last, binding=binding(reader_quotas=QUOTAS))
    channel = world.channel(contract=ILast)
    assert world.now(channel.operations.Echo("short")) == "short"
    with pytest.raises(FaultError, match="cannot be read"):
        world.now(channel.operations.End("x" * 2000))
    with pytest.raises((FaultError, CommunicationError)):
        world.now(channel.operations.Echo("short"))


def test_one_that_is_one_way(world: World) -> None:
    """It is passed over, and the session goes on."""
    world.serve(IEcho, Echo, binding=binding(reader_quotas=QUOTAS))
    channel = world.channel(contract=IEcho, callback=Answers())
    world.now(channel.operations.Tell("x" * 2000))
    assert world.now(channel.operations.Echo("short")) == "short"
    assert channel.state is CommunicationState.OPENED


def test_a_reply(world: World) -> None:
    """The call fails with a sentence, and the next one works."""
    world.serve(IEcho, Echo)
    channel = world.channel(
        contract=IEcho, binding=binding(reader_quotas=QUOTAS), callback=Answers()
    )
    assert world.now(channel.operations.Long(10)) == "x" * 10
    with pytest.raises(ProtocolError, match="LongResponse cannot be read"):
        world.now(channel.operations.Long(2000))
    assert world.now(channel.operations.Long(10)) == "x" * 10


def test_a_callback(world: World) -> None:
    """A client answers its service with the fault, too."""
    world.serve(IEcho, Echo)
    channel = world.channel(
        contract=IEcho, binding=binding(reader_quotas=QUOTAS), callback=Answers()
    )
    world.now(channel.operations.Echo(""))
    with pytest.raises(FaultError) as caught:
        world.now(Echo.kept[-1].Ask("x" * 2000))
    assert caught.value.code.subcode is not None
    assert caught.value.code.subcode.name == "DeserializationFailed"
    assert world.now(Echo.kept[-1].Ask("short")) == "short"


def test_an_action_that_there_is_not(world: World) -> None:
    """The first thing that is wrong is what the fault says."""
    world.serve(IStreamed, Echo, binding=binding(reader_quotas=QUOTAS))
    channel = world.channel(contract=IEcho, callback=Answers())
    with pytest.raises(FaultError, match="ContractFilter"):
        world.now(channel.operations.Raw(Message("urn:none", nested(20))))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("what", ["string", "bytes"])
def test_a_streamed_service(world: World, encoding: str, what: str) -> None:
    """A call over a quota, 16 KiB of bytes unless the binding says so, is a fault, not a reset."""
    options = {"transfer_mode": TransferMode.STREAMED, "max_received_message_size": 1 << 20}
    encoded = binding(encoding=ENCODINGS[encoding], **options)
    world.serve(IStreamed, Echo, binding=encoded)
    calls = world.channel(contract=IStreamed, binding=encoded).operations
    with pytest.raises(FaultError) as caught:
        world.now(calls.Echo("x" * 9000) if what == "string" else calls.Bytes(b"x" * 17000))
    assert caught.value.code.subcode is not None
    assert caught.value.code.subcode.name == "DeserializationFailed"
    assert world.now(calls.Bytes(b"x" * 6000)) == 6000


@pytest.mark.parametrize("part", ["table", "header"])
def test_what_ends_the_session(world: World, part: str, caplog: Any) -> None:
    """A string table or a header that cannot be read leaves nothing to answer, or to trust."""
    world.serve(IEcho, Echo)
    channel = world.channel(contract=IEcho, callback=Answers())
    assert world.now(channel.operations.Echo("short")) == "short"
    waiting = world.start(channel.operations.Echo("short"))
    link = channel._link.channel
    link.send(b"\x7f\x01x" if part == "table" else b"\0\xff\xff")
    world.flow()
    assert channel.state is CommunicationState.FAULTED
    with pytest.raises(CommunicationError):
        world.now(channel.operations.Echo("short"))
    assert waiting
