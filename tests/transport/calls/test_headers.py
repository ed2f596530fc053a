"""Headers that are members of a message contract."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.calls.headers import HeaderFormatter
from netshare.transport.contracts.description import HeaderDescription
from netshare.transport.datacontracts import (
    DeserializationFailed,
    UnencodableValue,
    serializer_for,
)
from netshare.transport.encoders import encoder_for
from netshare.transport.soap import Message, MessageHeader

DECLARED = (
    HeaderDescription("One", "urn:h", int, "one", False),
    HeaderDescription("List", "urn:h", list[int] | None, "list", False),
    HeaderDescription("Several", "urn:h", int, "several", False, array=True),
    HeaderDescription("Maybe", "urn:h", int, "maybe", False, array=True, optional=True),
)
HEADERS = HeaderFormatter([(head, serializer_for(head.hint)) for head in DECLARED], "Ask")


def sent(message: Message, kind: str) -> Message:
    """The message as it arrives."""
    encoder = encoder_for(kind)
    message.version = encoder.version
    return encoder.decode(encoder.encode(message))


@pytest.mark.parametrize("kind", ["binary", "text"])
@pytest.mark.parametrize("several", [[], [1], [1, 2, 3]])
@pytest.mark.parametrize("plain", [None, [], [4, 5]])
def test_round_trip(kind: str, several: list[int], plain: list[int] | None) -> None:
    """An array is a header for each item, a list one header with all of them."""
    message = Message("urn:a")
    values = {"one": 7, "list": plain, "several": several, "maybe": several or None}
    HEADERS.write(message, values)
    assert len(message.headers) == 2 + 2 * len(several)
    assert HEADERS.read(sent(message, kind)) == values


def test_what_is_missing() -> None:
    """A header that is missing is a default, an array of none is empty, or None where it may be."""
    assert HEADERS.read(Message("urn:a")) == {
        "one": 0,
        "list": None,
        "several": [],
        "maybe": None,
    }
    for nothing in (None, []):
        message = Message("urn:a")
        HEADERS.write(message, {"one": 1, "list": None, "several": nothing, "maybe": nothing})
        read = HEADERS.read(sent(message, "text"))
        assert (read["several"], read["maybe"]) == ([], None)


@pytest.mark.parametrize("name", ["One", "List"])
def test_several_where_one_is_declared(name: str) -> None:
    """None of several headers is taken for the one that is declared."""
    message = Message("urn:a")
    message.headers += [MessageHeader(name, "urn:h", 1), MessageHeader(name, "urn:h", 2)]
    with pytest.raises(DeserializationFailed, match=f"{name}: there are 2 headers .*array=True"):
        HEADERS.read(message)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"one": None}, r"Ask\.One: None is no Int32"),
        ({"several": [1, None]}, r"Ask\.Several: None is no Int32"),
        ({"several": 5}, r"Ask\.Several: int is no list of headers"),
        ({"list": [None]}, r"Ask\.List\[0\]: None"),
    ],
)
def test_bad_values(values: dict[str, Any], message: str) -> None:
    """A value that the contract does not allow is refused, naming operation and header."""

    def send() -> None:
        written = Message("urn:a")
        HEADERS.write(written, {"one": 1, "list": [], "several": [], "maybe": None} | values)
        sent(written, "binary")

    with pytest.raises(UnencodableValue, match=message):
        send()
