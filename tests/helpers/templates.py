"""Messages of all kinds, and their bytes without templates, for the tests of templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from netshare.transport.calls.formatter import formatter_for
from netshare.transport.contracts.derivation import describe
from netshare.transport.datacontracts import UnencodableValue
from netshare.transport.encoders import BINARY_SESSION, BinarySessionEncoder
from netshare.transport.soap import (
    MESSAGE_VERSION_DEFAULT,
    SOAP12,
    SOAP12_AUGUST2004,
    Message,
    MessageHeader,
    MessageVersion,
)
from netshare.transport.xml import DictionaryString, ReaderQuotas, UniqueId, XmlException
from netshare.transport.xml.binary import BinaryWriter, WriterSession
from tests.peers.contracts import DATA_TYPES, IBasic, IData, IDuplex, ISession, ITasks
from tests.peers.json_values import from_json
from tests.transport.datacontracts.test_recorded import CALLS

VERSIONS = (MESSAGE_VERSION_DEFAULT, SOAP12_AUGUST2004, SOAP12)
DATA = [(call["op"], from_json(call["args"][0], DATA_TYPES[call["op"]])) for call in CALLS]
DEFAULT = ReaderQuotas()
LARGE = 1 << 20
TO = (None, "net.tcp://one/service", "net.tcp://two/é", DictionaryString("net.tcp://three"))
IDENTIFIERS = st.one_of(
    st.none(),
    st.binary(min_size=16, max_size=16).map(UniqueId),
    st.just(UniqueId(b"\xff" * 16)),
    st.sampled_from(["urn:uuid:x", "own", ""]),
)


def encoder(version: MessageVersion = MESSAGE_VERSION_DEFAULT, size: int = 2048) -> Any:
    """A new session's."""
    return BinarySessionEncoder(BINARY_SESSION, version, DEFAULT, LARGE, "", size)


def operations() -> dict[str, Any]:
    """Every operation of every contract that needs no stream and has its arguments in the body."""
    found = {}
    for contract in (IBasic, IData, IDuplex, ISession, ITasks):
        description = describe(contract)
        both = [description, *([description.callback] if description.callback else [])]
        for one in both:
            found.update({operation.name: operation for operation in one.operations})
    return found


OPERATIONS = operations()
NUMBERS = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-200, 200))
TEXTS = st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["0", "1", "Add", "Action"]))
#: By annotation: what a value may be. Others come from the recorded conversation.
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    int: NUMBERS,
    bool: st.booleans(),
    float: st.floats(),
    str: st.text(max_size=30),
    bytes: st.binary(max_size=30),
    str | None: TEXTS,
    int | None: st.one_of(st.none(), NUMBERS),
    bytes | None: st.one_of(st.none(), st.binary(max_size=300)),
    list[int] | None: st.one_of(st.none(), st.lists(NUMBERS, max_size=5)),
    list[str | None]: st.lists(TEXTS, max_size=5),
    list[str | None] | None: st.one_of(st.none(), st.lists(TEXTS, max_size=5)),
    list[float] | None: st.one_of(st.none(), st.lists(st.floats(), max_size=5)),
}
RECORDED: dict[str, list[Any]] = {}
for _name, _value in DATA:
    RECORDED.setdefault(_name, []).append(_value)


@st.composite
def messages(draw: Callable[..., Any]) -> Callable[[], Message]:
    """What makes a message of some operation, the same each time."""
    operation = OPERATIONS[draw(st.sampled_from(sorted(OPERATIONS)))]
    formatter = formatter_for(operation)
    is_reply = operation.reply is not None and draw(st.booleans())
    description = operation.reply if is_reply else operation.request
    values = {}
    for part in description.parts:
        strategy = VALUES.get(part.hint)
        if strategy is None:
            strategy = st.sampled_from(RECORDED[operation.name])
        values[part.member] = draw(strategy)
    if values and draw(st.integers(0, 30)) == 0:
        values[next(iter(values))] = object()  # of no type that can be written
    identifier, other = draw(IDENTIFIERS), draw(st.one_of(st.none(), IDENTIFIERS))
    if draw(st.booleans()):
        other = None
    to, reply_to = draw(st.sampled_from(TO)), draw(st.sampled_from((None, *VERSIONS, *TO)))
    unusual = draw(st.sampled_from(["", "", "", "", "header", "fault", "from", "fault_to"]))

    def make() -> Message:
        part = formatter.reply if is_reply else formatter.request
        assert part is not None
        message = part.write(values, False)
        message.to = to
        message.reply_to = (
            (reply_to.addressing.anonymous or None)
            if isinstance(reply_to, MessageVersion)
            else reply_to
        )
        message.message_id, message.relates_to = (
            (other, identifier)
            if is_reply
            else (
                identifier,
                other,
            )
        )
        if unusual == "header":
            message.headers.append(MessageHeader("Token", "urn:x", "secret", True))
        elif unusual == "fault":
            message.is_fault = True
        elif unusual == "from":
            message.from_ = "net.tcp://somebody"
        elif unusual == "fault_to":
            message.fault_to = "net.tcp://somebody"
        return message

    return make


def written(write: Callable[[], bytes]) -> bytes | str:
    """The bytes, or the error."""
    try:
        return write()
    except (XmlException, UnencodableValue) as error:
        return f"{type(error).__name__}: {error}"


def without_templates(message: Message, session: WriterSession) -> bytes:
    """What the ordinary writer writes."""
    writer = BinaryWriter(session)
    message.write(writer)
    return session.take_table() + writer.getvalue()
