"""Whole values, as Microsoft writes them, in binary and in text."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.datacontracts import (
    Byte,
    Char,
    DateTime,
    DateTimeKind,
    DateTimeOffset,
    Int16,
    Int64,
    SByte,
    Single,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    UnencodableValue,
    Uri,
    is_primitive,
)
from tests.helpers.places import VECTORS
from tests.helpers.sampletypes import (
    Base,
    Dc,
    Derived,
    Dic,
    E,
    F,
    Gen,
    Li,
    P,
    Page,
    Poco,
    Two,
)
from tests.helpers.serializing import (
    SERIALIZATION,
    from_text,
    through_binary,
    to_text,
    typed,
)
from tests.peers import datatypes as c

OFFSET = DateTimeOffset(DateTime.from_datetime(datetime.datetime(2019, 12, 31, 22)).ticks, 120)


OBJECTS = [
    1,
    "a",
    2.5,
    Decimal(1),
    P(),
    None,
    True,
    typed("unsignedByte", 1),
    typed("char", "c", SERIALIZATION),
    TimeSpan(0),
    typed("anyURI", "http://a/"),
    uuid.UUID(int=0),
    b"\1",
    typed("float", 1.5),
]


#: As in the program: type, value, known types.
CASES: list[tuple[Any, Any, tuple[Any, ...]]] = [
    (list[int | None], [1, None], ()),
    (list[E], [E.Z], ()),
    (list[E | None], [E.Z, None], ()),
    (list[F], [F.Q], ()),
    (list[P], [P()], ()),
    (list[list[P]], [[P()]], ()),
    (Page[int], Page([1]), ()),
    (Page[P], Page(None), ()),
    (Page[Page[P]], Page(), ()),
    (Page[int | None], Page(), ()),
    (Page[list[P]], Page(), ()),
    (Page[list[int]], Page(), ()),
    (Two[int, str], Two(0, None), ()),
    (Two[P, E], Two(None, E.Z), ()),
    (Poco, Poco(), ()),
    (Dc, Dc(), ()),
    (Dic, Dic(a=P()), ()),
    (Li, Li([P()]), ()),
    (Gen[int], Gen([1]), ()),
    (Gen[P], Gen([P()]), ()),
    (dict[int, DateTime], {1: DateTime(0)}, ()),
    (dict[uuid.UUID, list[P]], {uuid.UUID(int=0): [P()]}, ()),
    (dict[str, int | None], {"a": None}, ()),
    (dict[E, list[int]], {E.Z: [1]}, ()),
    (dict[str, dict[str, int]], {"k": {"l": 1}}, ()),
    (Derived, Derived(Pp=P(), Ls=[P()], Inner=Base(), O=Derived(), Is=[1, 2]), (Derived,)),
    (Base, Derived(O=typed("long", 5)), (Derived,)),
    (list[object], OBJECTS, (P,)),
    (list[DateTimeOffset], [OFFSET], ()),
    (list[bytes], [b"\1"], ()),
    (list[Char], ["a"], ()),
    (list[TimeSpan], [TimeSpan(0)], ()),
    (list[Uri], ["http://a/"], ()),
    (list[object], [1], ()),
    (list[DateTimeOffset | None], [None], ()),
]


LINES = (VECTORS / "datacontracts.xml.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("number", range(len(CASES)))
def test_as_microsoft_writes_it(number: int) -> None:
    """Names, namespaces, order and prefixes are those of DataContractSerializer."""
    hint, value, known = CASES[number]
    own, as_object = LINES[2 * number : 2 * number + 2]
    assert to_text(hint, value, known) == own
    # A type declared as object may be any of the known ones.
    actual = Derived if type(value) is Derived else hint
    assert to_text(object, value, (*known, actual), "o") == as_object
    assert from_text(hint, own, known) == value
    assert from_text(object, as_object, (*known, actual)) == value


def test_cycle() -> None:
    """A value that contains itself is an error, not a crash."""
    node = c.Node(1)
    node.Next = node
    with pytest.raises(UnencodableValue, match=r"nested too deeply"):
        to_text(c.Node, node)


def test_primitive() -> None:
    """The types of WCF's formatter for primitive operations, and no others."""
    for hint in (int, str, bool, float, Single, Decimal, DateTime, Int64, bytes, list[int], None):
        assert is_primitive(hint)
    for hint in (Byte, uuid.UUID, TimeSpan, list[str], int | None, P, list[Byte], object, set[int]):
        assert not is_primitive(hint)


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


_TICKS = st.integers(0, 3155378975999999999)


VALUES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers(-(2**31), 2**31 - 1)),
    (Byte, st.integers(0, 255)),
    (SByte, st.integers(-128, 127)),
    (Int16, st.integers(-(2**15), 2**15 - 1)),
    (UInt16, st.integers(0, 2**16 - 1)),
    (UInt32, st.integers(0, 2**32 - 1)),
    (Int64, st.integers(-(2**63), 2**63 - 1)),
    (UInt64, st.integers(0, 2**64 - 1)),
    (bool, st.booleans()),
    (float, st.floats(allow_nan=False)),
    (Single, st.floats(width=32, allow_nan=False)),
    (Decimal, st.decimals(-(10**20), 10**20, places=6)),
    (str, _TEXT),
    (bytes, st.binary()),
    (uuid.UUID, st.uuids()),
    (DateTime, st.builds(DateTime, _TICKS, st.sampled_from(list(DateTimeKind)[:2]))),
    (TimeSpan, st.builds(TimeSpan, st.integers(-(2**63), 2**63 - 1))),
    (c.Colour, st.sampled_from(c.Colour)),
    (c.Rights, st.integers(0, 7).map(c.Rights)),
    (Char, st.characters(max_codepoint=0xFFFF)),
    (int | None, st.none() | st.integers(-5, 5)),
    (list[str | None], st.lists(st.none() | _TEXT)),
    (list[bool], st.lists(st.booleans())),
    (list[Int64], st.lists(st.integers(-(2**63), 2**63 - 1))),
    (list[Single], st.lists(st.floats(width=32, allow_nan=False))),
    (list[float], st.lists(st.floats(allow_nan=False))),
    (list[list[int]], st.lists(st.lists(st.integers(-9, 9)))),
    (dict[str, list[int]], st.dictionaries(_TEXT, st.lists(st.integers(-9, 9)))),
    (c.Node | None, st.recursive(st.none(), lambda n: st.builds(c.Node, st.integers(-9, 9), n))),
    (object, st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | _TEXT | st.binary()),
]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_round_trip(data: st.DataObject) -> None:
    """Any value of any type is the same after writing and reading, in binary and in text."""
    hint, values = data.draw(st.sampled_from(VALUES))
    value = data.draw(values)
    assert through_binary(hint, value) == value
    assert from_text(hint, to_text(hint, value)) == value


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=8), max_size=4), st.randoms(use_true_random=False))
def test_everything_round_trip(parts: list[bytes], random: Any) -> None:
    """The largest type with chosen members is the same after a round trip."""
    value = c.Everything(
        Int=random.randint(-(2**31), 2**31 - 1),
        Double=random.random(),
        Bytes=b"".join(parts),
        Strings=[p.hex() for p in parts],
        Map={p.hex(): n for n, p in enumerate(parts)},
        Jagged=[list(p) for p in parts],
        Guids=[uuid.UUID(int=random.getrandbits(128)) for _ in parts],
        Bools=[bool(p) for p in parts],
    )
    assert through_binary(c.Everything, value) == value
    assert from_text(c.Everything, to_text(c.Everything, value)) == value
