"""Values of other types than the declared one: derived classes, and any type in an ``object``."""

from __future__ import annotations

import enum
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netshare.transport.datacontracts import (
    DateTime,
    DateTimeOffset,
    Int16,
    TimeSpan,
    data_contract,
    data_contract_enum,
    on_serializing,
)
from netshare.transport.datacontracts.generated import others
from netshare.transport.xml.binary import BinaryWriter, WriterSession
from tests.transport.datacontracts.generated.test_reading import MUTATIONS, PART, WRAPPER, Session

NAMESPACE = "urn:o"


@data_contract_enum(namespace="urn:c")
class Colour(enum.Enum):
    RED = 0
    BLUE = 1


@data_contract(namespace=NAMESPACE)
class Shape:
    Name: str | None


@data_contract(namespace="urn:c")
class Circle(Shape):
    Centre: Shape | None
    Radius: float


@data_contract(namespace=NAMESPACE)
class Square(Shape):
    """It has no members of its own."""


@data_contract(namespace=NAMESPACE)
class Empty:
    """It has none at all."""


@data_contract(namespace="urn:c")
class Group(Shape):
    Any: object
    By: dict[str, object] | None
    Many: list[object] | None
    Parts: list[Shape | None] | None


@data_contract(namespace=NAMESPACE)
class Strange(Shape):
    """It is not known."""


@data_contract(namespace=NAMESPACE, is_reference=True)
class Shared(Shape):
    """It is known, and referred to."""


@data_contract(namespace=NAMESPACE)
class Called(Shape):
    """It is called before it is written."""

    @on_serializing
    def called(self) -> None:
        """That must be once."""


KNOWN = (
    Shape,
    Circle,
    Square,
    Empty,
    Group,
    Called,
    Colour,
    list[int],
    list[Shape],
    dict[str, int],
)
NAMES = st.none() | st.text(max_size=4)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.decimals(-100, 100, places=2),
    st.builds(uuid.UUID, int=st.integers(0, (1 << 128) - 1)),
    st.builds(DateTime, st.integers(0, 1 << 60)),
    st.builds(TimeSpan, st.integers(-1000, 1000)),
    st.builds(Int16, st.integers(-1000, 1000)),
    st.sampled_from(Colour),
)
SIMPLE = st.one_of(
    st.builds(Shape, Name=NAMES), st.builds(Square, Name=NAMES), st.builds(Empty), SCALARS
)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    shapes = inner.filter(lambda one: one is None or isinstance(one, Shape))
    return st.one_of(
        st.builds(Circle, Name=NAMES, Centre=shapes, Radius=st.floats()),
        st.builds(
            Group,
            Name=NAMES,
            Any=inner,
            By=st.none() | st.dictionaries(st.text(max_size=2), inner, max_size=2),
            Many=st.none() | st.lists(inner, max_size=4),
            Parts=st.none() | st.lists(shapes, max_size=4),
        ),
        st.lists(st.integers(-5, 5), min_size=1, max_size=3),
        st.dictionaries(st.text(max_size=2), st.integers(-5, 5), min_size=1, max_size=3),
    )


ANY = st.recursive(SIMPLE, _around, max_leaves=8)


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(
    first=st.lists(ANY, max_size=5),
    second=st.lists(ANY, max_size=5),
    data=st.data(),
    size=st.sampled_from([0, 100_000]),
)
def test_both_ways(first: list[Any], second: list[Any], data: Any, size: int) -> None:
    """The same bytes, and the same objects, or for damaged bytes none."""
    session = Session(list[object], size=size, known=KNOWN)
    ordinary = WriterSession(size)
    for values in (first, second, first, first + second, first + second):
        document = session.document(values)
        writer = BinaryWriter(ordinary)
        writer.start_element(*WRAPPER)
        session.serializer.write_ordinarily(writer, *PART, values)
        writer.end_element()
        ordinary.take_table()
        assert writer.getvalue() == document
        session.agree(document)
        for _ in range(4):
            mutate = data.draw(st.sampled_from(MUTATIONS))
            at = data.draw(st.integers(0, len(document)))
            session.agree(mutate(document, at, data.draw(st.integers(0, 255))))


SHAPES = [
    Shape(Name="s"),
    Circle(Name="c", Centre=Square(Name="q"), Radius=2.5),
    Square(Name=None),
    Group(
        Name=None, Any=5, By={"a": 5.5, "b": None}, Many=["", "x", 1 << 40, Colour.RED], Parts=[]
    ),
    Group(Name=None, Any=Empty(), By={}, Many=[Decimal(1), [1, 2], Empty()], Parts=[None]),
    Group(
        Name=None, Any=None, By=None, Many=None, Parts=[Circle(Name="d", Centre=None, Radius=0.5)]
    ),
]


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (list[Shape], SHAPES),
        (Shape, SHAPES[3]),
        (list[object], [DateTimeOffset(10**17, 60), *SHAPES, True, b"ab", uuid.UUID(int=1)]),
        (dict[str, Shape], {"a": SHAPES[1], "b": SHAPES[0]}),
        (tuple[Shape, object], (SHAPES[2], SHAPES[4])),
    ],
)
def test_they_are_generated(hint: Any, value: Any) -> None:
    """All of them go the generated way, both to bytes and back."""
    session = Session(hint, known=[*KNOWN, DateTimeOffset])
    for _ in range(4):
        document = session.document(value)
        session.ordinarily(document)
        found = session.agree(document)
    assert found
    assert session.serializer.generated is not None
    assert session.serializer.generated.written > 1
    assert repr(session.quickly(document)) == repr({"value": value})


@pytest.mark.parametrize("odd", [Strange(Name="x"), Shared(Name="x"), Called(Name="x"), object()])
def test_what_is_not_generated(odd: Any) -> None:
    """What is not known, or is called or referred to, is the ordinary way's, with its errors."""
    session = Session(list[object], known=[*KNOWN, Shared])
    for _ in range(3):
        session.document([Shape(Name="s"), Square(Name="q")])
    generated = session.serializer.generated
    assert generated is not None
    before = generated.written
    messages = []
    for write in (session.serializer.write, session.serializer.write_ordinarily):
        try:
            write(BinaryWriter(WriterSession(0)), *PART, [Square(Name="q"), odd])
        except Exception as error:
            messages.append(str(error))
    assert generated.written == before
    assert len(messages) in (0, 2)
    assert len(set(messages)) < 2


def test_types_of_another_operation() -> None:
    """What is known to one operation is not therefore known to another, in the same session."""
    one, other = Session(list[Shape], known=KNOWN), Session(list[Shape])
    other.writing, other.reading = one.writing, one.reading
    for _ in range(3):
        document = one.document(SHAPES)
        one.ordinarily(document)
        assert one.agree(document) in (True, False)
    assert one.agree(document)
    assert not other.agree(document)
    assert other.quickly(document) is None


def test_how_many_types() -> None:
    """At one place there are so many types and no more, the others go the ordinary way."""
    kinds = [
        data_contract(namespace=NAMESPACE)(type(f"Kind{n}", (Shape,), {}))
        for n in range(others.MAX_TYPES + 3)
    ]
    session = Session(list[Shape], known=kinds)
    values = [kind(Name="n") for kind in kinds]
    for _ in range(4):
        document = session.document(values)
        session.ordinarily(document)
        assert not session.agree(document)
    assert session.serializer.generated is not None
    assert session.serializer.generated.written == 0
    for _ in range(70):
        document = session.document(values[:40])
    assert session.serializer.generated.written > 0
    for _ in range(3):
        found = session.agree(document)
    assert found
