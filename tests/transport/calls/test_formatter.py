"""Arguments of messages: simple ones are read as the cursor would read them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.calls.formatter import MessageFormatter, formatter_for
from netshare.transport.contracts import (
    body,
    describe,
    header,
    message_contract,
    operation,
    service_contract,
)
from netshare.transport.datacontracts import DeserializationFailed, Int64, UnencodableValue
from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message, MessageInvalid
from netshare.transport.xml import XmlException
from tests.fuzz.test_properties import damaged
from tests.helpers.templates import OPERATIONS, messages

ENVELOPE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{}</s:Body></s:Envelope>'
)
ADD = '<Add xmlns="urn:peers:basic" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">{}</Add>'
A, B = "<a>1</a>", "<b>2</b>"
#: What is in the wrapper of Add, and what comes of it.
BODIES: list[tuple[str, Any]] = [
    (A + B, {"a": 1, "b": 2}),
    (B + A, {"a": 1, "b": 2}),
    (A + B + A.replace("1", "7"), {"a": 7, "b": 2}),
    (A + "<c>3</c>" + B, {"a": 1, "b": 2}),
    (A + "<c><d/></c>" + B, {"a": 1, "b": 2}),
    (A + "<b> 2 </b>", {"a": 1, "b": 2}),
    (A + "<!-- no value --> <b><!-- none here -->2</b>", {"a": 1, "b": 2}),
    (A, {"a": 1, "b": 0}),
    ("", {"a": 0, "b": 0}),
    (A + '<b xmlns="urn:other">2</b>', {"a": 1, "b": 0}),
    (A + '<b other="x">2</b>', {"a": 1, "b": 2}),
    (A + '<b i:nil="true"/>', "null is no Int32"),
    (A + "<b>two</b>", "two"),
    (A + "<b/>", "''"),
    (A + "<b><c/></b>", "Text was expected"),
    (A + "<b>99999999999</b>", "99999999999"),
    (A + "more" + B, "Text was encountered where an element was expected: 'more'"),
    ("more", "Text was encountered where an element was expected: 'more'"),
]


def outcome(formatter: MessageFormatter, message: Message) -> Any:
    """The values, or the error."""
    try:
        return repr(formatter.read(message))
    except (DeserializationFailed, XmlException) as error:
        return f"{type(error).__name__}: {error}"


def with_cursor(formatter: MessageFormatter, message: Message) -> Any:
    """What the cursor makes of it."""
    with patch.object(MessageFormatter, "_readLeaves", lambda *_: False):
        return outcome(formatter, message)


@pytest.mark.parametrize(("inside", "expected"), BODIES)
def test_bodies(inside: str, expected: Any) -> None:
    """Whatever stands in the body, the values and the complaints are those of the contract."""
    formatter = formatter_for(OPERATIONS["Add"]).request
    message = encoder_for("text").decode(ENVELOPE.format(ADD.format(inside)).encode())
    read = outcome(formatter, message)
    assert read == with_cursor(formatter, message)
    if isinstance(expected, dict):
        assert read == repr(expected)
    else:
        assert read.startswith("DeserializationFailed: ")
        assert expected in read


@pytest.mark.parametrize("body", ["", "<Add/>", "<Sub xmlns='urn:peers:basic'><a>1</a></Sub>", "x"])
def test_other_bodies(body: str) -> None:
    """A body without the wrapper is as it would be to the cursor."""
    formatter = formatter_for(OPERATIONS["Add"]).request
    message = encoder_for("text").decode(ENVELOPE.format(body).encode())
    assert outcome(formatter, message) == with_cursor(formatter, message)


def test_simple_arguments_need_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the events is looked at."""
    formatter = formatter_for(OPERATIONS["Add"]).request
    message = encoder_for("text").decode(ENVELOPE.format(ADD.format(A + B)).encode())
    monkeypatch.delattr(Message, "body")
    assert formatter.read(message) == {"a": 1, "b": 2}


@service_contract(namespace="urn:none")
class INone:
    @operation
    def Add(self, a: int, b: int) -> int: ...
    @operation(out=("more",))
    def Twice(self, a: object) -> tuple[bool, int]: ...
    @operation
    def Send(self, headed: Headed) -> None: ...


@message_contract(wrapper_name="Sent")
class Headed:
    Number: Int64 = header()
    Text: str | None = body()


#: What is written, and where it says that there is a None too much.
NONES: list[tuple[str, bool, dict[str, Any], str]] = [
    ("Add", False, {"a": 1, "b": None}, "Add.b: None is no Int32"),
    ("Add", True, {"": None}, "Add.AddResult: None is no Int32"),
    ("Twice", True, {"": True, "more": None}, "Twice.more: None is no Int32"),
    ("Twice", True, {"": None, "more": 1}, "Twice.TwiceResult: None is no Boolean"),
    ("Send", False, {"Number": None, "Text": None}, "Send.Number: None is no Int64"),
]


@pytest.mark.parametrize("content_type", ["binary", "binary-session", "text"])
@pytest.mark.parametrize(("method", "is_reply", "values", "message"), NONES)
def test_none_where_there_is_none(
    content_type: str, method: str, is_reply: bool, values: dict[str, Any], message: str
) -> None:
    """None for a type without a null is refused by its sender, naming operation and member."""
    (described,) = (one for one in describe(INone).operations if one.method == method)
    formatter = formatter_for(described)
    one = formatter.reply if is_reply else formatter.request
    assert one is not None
    encoder = encoder_for(content_type)
    for _ in range(3):  # the first messages of a session make templates of the next
        written = one.write(values, False)
        written.version = encoder.version
        with pytest.raises(UnencodableValue) as caught:
            encoder.encode(written)
        assert str(caught.value) == message


@settings(max_examples=600, deadline=None)
@given(messages(), st.integers(0, 2**32), st.booleans())
def test_as_the_cursor_reads(make: Callable[[], Message], seed: int, damage: bool) -> None:
    """The values of every operation, and what is wrong with damaged ones, are the cursor's."""
    encoder = encoder_for("binary")
    message = make()
    message.version = encoder.version
    try:
        payload = encoder.encode(message)
        if damage:
            payload = damaged(random.Random(seed), [payload])
        received = encoder.decode(payload)
    except (XmlException, UnencodableValue, MessageInvalid):
        return
    for described in OPERATIONS.values():
        formatter = formatter_for(described)
        for one in (formatter.request, formatter.reply):
            if one is not None and one.description.action in (received.action, None):
                assert outcome(one, received) == with_cursor(one, received)
