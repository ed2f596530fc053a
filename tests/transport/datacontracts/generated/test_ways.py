"""Which values go the generated way, writing and reading, and which the ordinary one."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from netshare.testing import MemoryService
from netshare.transport import NetTcpBinding, SecurityMode, TextEncoding, TransferMode
from netshare.transport.calls.formatter import formatter_for
from netshare.transport.contracts.derivation import describe
from netshare.transport.datacontracts import (
    DateTimeOffset,
    KeyValuePair,
    XmlElement,
    data_contract,
    member,
    on_deserialized,
    on_serializing,
)
from tests.peers.contracts import IData
from tests.peers.datatypes import Person
from tests.peers.services import Data
from tests.transport.datacontracts.generated.test_reading import Session

STREAMED = NetTcpBinding(security=SecurityMode.NONE, transfer_mode=TransferMode.STREAMED)
TEXT = NetTcpBinding(security=SecurityMode.NONE, encoding=TextEncoding.soap11())
PERSON = Person(Name="Ada", Age=36)

BOTH, WRITTEN, READ, NEITHER = (True, True), (True, False), (False, True), (False, False)
NAMESPACE = "urn:o"


@data_contract(namespace=NAMESPACE)
class Point:
    X: int
    Y: int | None = None


@data_contract(namespace=NAMESPACE)
class Deeper(Point):
    Z: int = 0


@data_contract(namespace="urn:other")
class Elsewhere:
    At: Point | None
    Text: str | None


@data_contract(namespace=NAMESPACE)
class Ordered:
    A: int = member(order=2)
    B: int = member(order=1)


@data_contract(namespace=NAMESPACE)
class Required:
    A: int = member(required=True)


@data_contract(namespace=NAMESPACE)
class Sparse:
    A: int = member(default=0, emit_default=False)
    B: str | None = member(default=None, emit_default=False)


@data_contract(namespace=NAMESPACE, keep_unknown=True)
class Keeping:
    A: int


@data_contract(namespace=NAMESPACE, is_reference=True)
class Shared:
    A: int


@data_contract(namespace=NAMESPACE, struct=True)
class Struct:
    A: int = 0


@data_contract(namespace=NAMESPACE)
class WithStruct:
    One: Struct
    Two: Struct | None


@data_contract(namespace=NAMESPACE)
class Before:
    A: int

    @on_serializing
    def before(self) -> None:
        """What is called before writing."""


@data_contract(namespace=NAMESPACE)
class After:
    A: int

    @on_deserialized
    def after(self) -> None:
        """What is called after reading."""


@data_contract(namespace=NAMESPACE)
class Loose:
    What: object


ELEMENT = XmlElement.from_text("<x xmlns='urn:x'/>")
WAYS: dict[str, tuple[Any, Any, tuple[bool, bool]]] = {
    "members": (Point, Point(X=1, Y=70_000), BOTH),
    "nil": (Point, Point(X=1, Y=None), BOTH),
    "another namespace inside": (Elsewhere, Elsewhere(At=Point(X=1), Text="t"), BOTH),
    "order": (Ordered, Ordered(A=1, B=2), BOTH),
    "required": (Required, Required(A=1), BOTH),
    "a default left out": (Sparse, Sparse(A=5), BOTH),
    "all defaults left out": (list[Sparse], [Sparse(), Sparse(A=1), Sparse()], BOTH),
    "defaults not left out": (Sparse, Sparse(A=5, B="b"), BOTH),
    "structs": (WithStruct, WithStruct(One=Struct(A=1), Two=None), BOTH),
    "a list": (list[Point], [Point(X=1), Point(X=2, Y=3)], BOTH),
    "null in a list": (list[Point | None], [Point(X=1), None], BOTH),
    "lists of lists": (list[list[str]], [["a"], [], ["b"]], BOTH),
    "a dictionary": (dict[str, Point], {"a": Point(X=1)}, BOTH),
    "a pair": (KeyValuePair[int, str], KeyValuePair(1, "a"), BOTH),
    "a tuple": (tuple[int, str], (1, "a"), BOTH),
    "a set": (set[str], {"a"}, BOTH),
    "a moment with an offset": (list[DateTimeOffset], [DateTimeOffset(10**17, 60)], BOTH),
    "nothing kept": (Keeping, Keeping(A=1), BOTH),
    "an array of numbers": (list[list[int]], [[1, 2], [3, 4]], BOTH),
    "an array of decimals": (list[Decimal], [Decimal("1E+3")], BOTH),
    "a method before writing": (list[Before], [Before(A=1)], READ),
    "a method after reading": (list[After], [After(A=1)], WRITTEN),
    "references": (list[Shared], [Shared(A=1)], NEITHER),
    "a derived type": (list[Point], [Deeper(X=1, Z=2), Point(X=1)], BOTH),
    "a derived type of a parameter": (Point, Deeper(X=1, Z=2), BOTH),
    "object": (Loose, Loose(What=5), BOTH),
    "an object of a class": (Loose, Loose(What=Deeper(X=1)), BOTH),
    "objects": (list[object], [5, "", "a", None, Deeper(X=1), 5.5], BOTH),
    "null for object": (Loose, Loose(What=None), BOTH),
    "XML": (list[XmlElement], [ELEMENT], NEITHER),
    "a text in UTF-16": (list[str], ["日本語", "日本語" * 200], BOTH),
    "a text of 300 bytes": (list[str], ["x" * 300], BOTH),
    # Such a text is not to be copied another time.
    "a text of 70,000 bytes": (list[str], ["x" * 70_000], READ),
    "bytes": (list[bytes], [b"abc", b"", b"ab", b"abcdef"], BOTH),
    # .NET writes such bytes in two records.
    "bytes of another length": (list[bytes], [b"abcd"], WRITTEN),
    "identifiers": (list[uuid.UUID], [uuid.UUID(int=1)], BOTH),
    # They have a text, and no more: messages with nothing else are read without a cursor.
    "a scalar alone": (int, 5, READ),
}


@pytest.mark.parametrize("kind", WAYS)
def test_ways(kind: str) -> None:
    """In both ways it is the same value; which way it goes is what this table says."""
    hint, value, expected = WAYS[kind]
    session = Session(hint)
    session.serializer = type(session.serializer)(hint, [Deeper])
    documents = [session.document(value) for _ in range(4)]
    session.ordinarily(documents[0])
    session.ordinarily(documents[-1])
    quick = [session.agree(one) for one in (documents[0], documents[-1], documents[-1])]
    generated = session.serializer.generated
    assert (generated is not None and generated.written > 0, quick[-1]) == expected


@data_contract(namespace=NAMESPACE, name="Point")
class Backwards:
    Y: int | None = member(order=1)
    X: int = member(order=2)


@data_contract(namespace=NAMESPACE, name="Point")
class Newer:
    W: int
    X: int
    Y: int | None


@data_contract(namespace=NAMESPACE, name="Keeping")
class Wider:
    A: int
    B: int


@data_contract(namespace=NAMESPACE, name="Point")
class Older:
    X: int


@data_contract(namespace=NAMESPACE, name="Required")
class Forgetful:
    A: int | None = member(default=None, emit_default=False)


@data_contract(namespace=NAMESPACE)
class Within:
    R: Required


@data_contract(namespace=NAMESPACE, name="Within")
class Around:
    R: Forgetful


@pytest.mark.parametrize(
    ("hint", "sent", "quick"),
    [
        (Point, Backwards(X=1, Y=2), True),
        (Point, Newer(W=0, X=1, Y=2), True),
        (Keeping, Wider(A=1, B=2), False),
        (Point, Older(X=1), True),
        (Required, Forgetful(), False),
        (Within, Around(R=Forgetful()), False),
        (Point | None, Older(X=1), True),
    ],
    ids=[
        "out of order",
        "unknown members",
        "unknown members that are kept",
        "members that are not there",
        "required",
        "required inside",
        "nullable",
    ],
)
def test_what_others_send(hint: Any, sent: Any, quick: bool) -> None:
    """Peers have other versions of a contract; values, and errors, are the ordinary way's."""
    there, here = Session(type(sent)), Session(hint)
    here.reading = there.reading
    documents = [there.document(sent) for _ in range(3)]
    found = [here.agree(one) for one in [*documents, documents[-1]]]
    assert found[-1] is quick


def test_streamed_messages_and_text_are_ordinary() -> None:
    """What is not a whole binary message has no tokens, and its values are the same."""
    for binding in (STREAMED, TEXT):
        with MemoryService(Data, IData, binding) as service, service.client() as data:
            for _ in range(4):
                assert data.EchoPerson(PERSON) == PERSON
    formatter = formatter_for(next(o for o in describe(IData).operations if o.name == "EchoPerson"))
    assert formatter.request._reader is not None
    before = formatter.request._reader.read_so
    with MemoryService(Data, IData, STREAMED) as service, service.client() as data:
        assert data.EchoPerson(PERSON) == PERSON
    assert formatter.request._reader.read_so == before
