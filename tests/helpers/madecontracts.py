"""Data contracts that Hypothesis makes up, with values of them, usual ones and others."""

from __future__ import annotations

import datetime
import enum
import itertools
import types
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

from netshare.transport.datacontracts import (
    Byte,
    Char,
    DateTime,
    DateTimeKind,
    DateTimeOffset,
    Int16,
    Int64,
    KeyValuePair,
    SByte,
    Single,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    Uri,
    ValueTuple,
    XmlElement,
    collection_contract,
    data_contract,
    data_contract_enum,
    ignored,
    member,
    on_serializing,
)

#: Of classes; a short list, so that some are in one and some are not. "urn:r" is the root's.
NAMESPACES = st.sampled_from(["urn:a", "urn:a", "urn:b", "urn:r", ""])
_numbers = itertools.count()


@data_contract_enum(namespace="urn:a")
class Color(enum.Enum):
    RED = 0
    GREEN = 1


@data_contract_enum(namespace="urn:b")
class Rights(enum.Flag):
    READ = 1
    WRITE = 2
    OWN = 4


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Text(str):
    """A string of a class of its own."""


class Number(int):
    """An integer of a class of its own."""


class Made(NamedTuple):
    """A type, as an annotation, and its values."""

    hint: Any
    #: Those that a generated writer takes.
    usual: st.SearchStrategy[Any]
    #: These, others that can be written, and such as cannot.
    any: st.SearchStrategy[Any]


def _integers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    edges = (-32769, -129, -128, -1, 0, 1, 127, 128, 255, 32767, 32768)
    chosen = [low, high, *(n for n in edges if low <= n <= high)]
    return st.one_of(st.sampled_from(chosen), st.integers(low, high))


#: What is never a value of a type, or is no usual one.
ODD = st.one_of(
    st.sampled_from(
        [None, 5, True, 1.5, "x", b"x", Text("x"), Number(7), 1 << 70, -1, object(), [], (), {}]
    ),
    st.sampled_from([Color.RED, Level.HIGH, "\ud800", Decimal("NaN"), Decimal("1E+40"), 1e300]),
    st.sampled_from([float("nan"), float("inf"), [1, "x"], uuid.UUID(int=3), {1: 2}]),
    st.sampled_from([datetime.datetime(2020, 1, 1), datetime.timedelta(1)]),
    st.builds(lambda: bytearray(b"abcd")),
    st.builds(lambda: "x" * 70_000),
)
_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["", "0", "1", "é", "x" * 255, "x" * 256, "日本語" * 30]),
)
_DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=4
)
_DATES = st.builds(DateTime, st.integers(0, 3155378975999999999), st.sampled_from(DateTimeKind))
_TICKS = st.integers(-(2**63), 2**63 - 1)
_OFFSETS = st.builds(DateTimeOffset, st.integers(10**12, 3 * 10**18), st.integers(-840, 840))
_SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (bool, st.booleans()),
    (Byte, _integers(8, False)),
    (SByte, _integers(8, True)),
    (Int16, _integers(16, True)),
    (UInt16, _integers(16, False)),
    (int, _integers(32, True)),
    (UInt32, _integers(32, False)),
    (Int64, _integers(64, True)),
    (UInt64, _integers(64, False)),
    (Single, st.floats(width=32)),
    (float, st.floats()),
    (Decimal, _DECIMALS),
    (DateTime, _DATES),
    (TimeSpan, st.builds(TimeSpan, _TICKS)),
    (Char, st.characters(max_codepoint=0xFFFF)),
    (uuid.UUID, st.uuids()),
    (Color, st.sampled_from(Color)),
    (Rights, st.builds(Rights, st.integers(0, 7))),
    (Level, st.sampled_from(Level)),
    (DateTimeOffset, _OFFSETS),
]
_NULLABLE: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str | None, _TEXT),
    (Uri | None, _TEXT),
    (bytes | None, st.binary(max_size=10)),
]


_MOST = 3


@st.composite
def leaves(draw: st.DrawFn) -> Made:
    """A simple type."""
    if draw(st.integers(0, 3)) == 0:
        hint, usual = draw(st.sampled_from(_NULLABLE))
    else:
        hint, usual = draw(st.sampled_from(_SCALARS))
        if draw(st.booleans()):
            return Made(hint, usual, st.one_of(usual, usual, usual, ODD))
        hint |= None
    usual = st.one_of(usual, st.none())
    return Made(hint, usual, st.one_of(usual, usual, usual, ODD))


@st.composite
def strange(draw: st.DrawFn) -> Made:
    """A type that nothing is generated for but its null."""
    if draw(st.booleans()):
        return Made(object, st.none(), st.one_of(st.integers(0, 5), _TEXT, st.none(), ODD))
    element = XmlElement.from_text("<x xmlns='urn:x' a='1'>t</x>")
    return Made(XmlElement | None, st.none(), st.sampled_from([None, element]))


@st.composite
def keys(draw: st.DrawFn) -> Made:
    """A type whose values have a hash."""
    hint, usual = draw(
        st.sampled_from([(int, st.integers(-5, 300)), (str, _TEXT), (uuid.UUID, st.uuids())])
    )
    return Made(hint, usual, usual)


@st.composite
def parts(draw: st.DrawFn, depth: int) -> Made:
    """What a member or an item is."""
    if depth <= 0 or draw(st.integers(0, 2)):
        return draw(strange() if draw(st.integers(0, 9)) == 9 else leaves())
    return draw(contracts(depth))


@st.composite
def contracts(draw: st.DrawFn, depth: int = 2) -> Made:
    """A type that is generated for, with what is in it."""
    kind = draw(
        st.sampled_from(["class", "class", "class", "list", "own", "set", "dict", "pair", "tuple"])
    )
    if kind == "class":
        return draw(_classes(depth - 1))
    if kind == "tuple":
        return _tuple(
            draw(st.lists(parts(depth - 1), min_size=1, max_size=_MOST)), draw(st.booleans())
        )
    if kind == "set":
        return _set(draw(keys()))
    part = draw(parts(depth - 1))
    if kind in ("dict", "pair"):
        return (_dict if kind == "dict" else _pair)(draw(keys()), part)
    return _list(part) if kind == "list" else _own_list(part)


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=_MOST)


def _list(item: Made) -> Made:
    every = st.one_of(_some(item.any), _some(item.any).map(tuple), ODD)
    return Made(list[item.hint] | None, st.one_of(st.none(), _some(item.usual)), every)  # type: ignore[name-defined]


def _own_list(item: Made) -> Made:
    bases = (list[item.hint],)  # type: ignore[name-defined]
    name = f"List{next(_numbers)}"
    cls: Any = types.new_class(name, bases, {}, lambda body: body.update(__module__=__name__))
    cls = collection_contract(namespace="urn:b", item_name="Entry")(cls)
    usual = st.one_of(st.none(), _some(item.usual).map(cls))
    return Made(cls | None, usual, _some(item.any).map(cls))


def _set(item: Made) -> Made:
    usual = st.sets(item.usual, max_size=_MOST)
    return Made(set[item.hint], usual, st.one_of(usual, usual.map(frozenset), ODD))  # type: ignore[name-defined]


def _dict(key: Made, value: Made) -> Made:
    usual = st.dictionaries(key.usual, value.usual, max_size=_MOST)
    every = st.one_of(st.dictionaries(key.usual, value.any, max_size=_MOST), ODD)
    return Made(dict[key.hint, value.hint], usual, every)  # type: ignore[name-defined]


def _pair(key: Made, value: Made) -> Made:
    hint = KeyValuePair[key.hint, value.hint]  # type: ignore[name-defined]
    usual, every = (
        st.builds(KeyValuePair, key=key.usual, value=values) for values in (value.usual, value.any)
    )
    return Made(hint, usual, every)


def _tuple(items: list[Made], value_type: bool) -> Made:
    hints = tuple(item.hint for item in items)
    hint: Any = ValueTuple[hints] if value_type else tuple[hints]  # type: ignore[valid-type]
    every = st.one_of(st.tuples(*(item.any for item in items)), ODD)
    return Made(hint, st.tuples(*(item.usual for item in items)), every)


def _class(draw: st.DrawFn, members: list[Made], bases: tuple[type, ...] = ()) -> Any:
    number = next(_numbers)
    annotations: dict[str, Any] = {}
    body: dict[str, Any] = {"__annotations__": annotations, "__module__": __name__}
    for at, one in enumerate(members):
        name = draw(st.sampled_from(["A", "b", "Zeta", "é"])) + f"{number}_{at}"
        annotations[name] = one.hint
        body[name] = member(
            order=draw(st.sampled_from([None, None, 0, 3])),
            required=draw(st.integers(0, 4)) == 4,
            emit_default=draw(st.integers(0, 2)) < 2,
        )
    if draw(st.booleans()):
        annotations[f"aside{number}"] = int
        body[f"aside{number}"] = ignored()
    decorate = data_contract(namespace=draw(NAMESPACES), keep_unknown=draw(st.booleans()))
    return decorate(type(f"Class{number}", bases, body))


def _objects(cls: Any, values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(values).map(lambda given: cls(**given))


@st.composite
def _classes(draw: st.DrawFn, depth: int) -> Made:
    """A class, perhaps with a base class; objects of derived classes are no usual ones."""
    some = st.lists(parts(depth), max_size=5)
    inherited = draw(some) if draw(st.booleans()) else []
    members = draw(some)
    bases = (_class(draw, inherited),) if inherited else ()
    cls = _class(draw, members, bases)
    derived = data_contract(namespace="urn:b")(type(f"{cls.__name__}Derived", (cls,), {}))
    names = [name for name in cls.__dataclass_fields__ if not name.startswith("aside")]
    kinds = dict(zip(names, [*inherited, *members], strict=True))
    # A required member with the default that is not to be written is an error.
    usual = _objects(cls, {n: k.usual for n, k in kinds.items()})
    every = _objects(cls, {n: k.any for n, k in kinds.items()})
    others = st.one_of(
        every, every, every, _objects(derived, {n: k.usual for n, k in kinds.items()})
    )
    without = st.builds(lambda: cls.__new__(cls))
    return Made(
        cls | None,
        st.one_of(usual, usual, st.none()),
        st.one_of(others, others, others, st.none(), without),
    )


@data_contract(namespace="urn:a")
class Counting:
    """Counts how often it is written."""

    Value: int

    @on_serializing
    def count(self) -> None:
        self.Value += 1


@data_contract(namespace="urn:a", is_reference=True)
class Node:
    Name: str | None
    Next: Node | None


@data_contract(namespace="urn:a")
class Tree:
    """May contain itself."""

    Inner: Tree | None
