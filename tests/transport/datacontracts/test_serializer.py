"""Data contracts: names, order, known types, extremes, errors; binary and text."""

from __future__ import annotations

import datetime
import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Generic, NewType, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.datacontracts import (
    Byte,
    Char,
    DateTime,
    DateTimeKind,
    DateTimeOffset,
    DeserializationFailed,
    Int16,
    Int32,
    Int64,
    InvalidDataContract,
    SByte,
    Single,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    UnencodableValue,
    Uri,
    collection_contract,
    contract_name,
    data_contract,
    data_contract_enum,
    ignored,
    is_primitive,
    member,
    serializer_for,
)
from netshare.transport.datacontracts.scalars import SCALARS, as_object
from netshare.transport.xml.binary import BinaryWriter, Guid, XmlCursor, read_events
from netshare.transport.xml.text import TextWriter, parse_events
from tests.helpers.places import VECTORS
from tests.peers import datatypes as c

T = TypeVar("T")
U = TypeVar("U")
XSD = "http://www.w3.org/2001/XMLSchema"
SERIALIZATION = "http://schemas.microsoft.com/2003/10/Serialization/"


def typed(name: str, value: Any, namespace: str = XSD) -> Any:
    """A value of a simple type that Python has no type for."""
    return as_object(SCALARS[namespace, name], value)


# -- the types of tests/peers/DataContracts.cs


@data_contract(namespace="urn:t")
class P:
    A: int


@data_contract(namespace="urn:t")
class Page(Generic[T]):
    Items: list[T] | None


@data_contract(name="Two_{1}_{0}{#}", namespace="urn:t")
class Two(Generic[T, U]):
    X: T
    Y: U


@data_contract_enum(namespace="urn:t")
class E(enum.Enum):
    Z = 0


class F(enum.Enum):
    Q = 0


@data_contract(clr_namespace="My.Name")
class Poco:
    B: int
    A: str | None


@data_contract(clr_namespace="My.Name")
class Dc:
    B: int = member(order=2)
    Z: str | None
    Y: str | None = member(order=1)
    a: str | None
    last: str | None = member(name="Éa")


@collection_contract(namespace="urn:c", item_name="It", key_name="K", value_name="V")
class Dic(dict[str, P]):
    pass


@collection_contract(namespace="urn:c")
class Li(list[P]):
    pass


@collection_contract(name="Of{0}", namespace="urn:c")
class Gen(list[T], Generic[T]):
    pass


@data_contract(namespace="urn:b")
class Base:
    M: int
    Pp: P | None
    Ls: list[P] | None


@data_contract(namespace="urn:d")
class Derived(Base):
    A: int
    Inner: Base | None
    O: object  # noqa: E741
    Is: list[int] | None


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


def to_text(hint: Any, value: Any, known: Sequence[Any] = (), name: str = "r") -> str:
    """The value as XML text."""
    writer = TextWriter(short_empty=True)
    serializer_for(hint, known).write(writer, name, "urn:r", value)
    return writer.getvalue()


def from_text(hint: Any, text: str, known: Sequence[Any] = ()) -> Any:
    """The value of XML text."""
    cursor = XmlCursor(parse_events(text))
    cursor.root()
    return serializer_for(hint, known).read(cursor)


def through_binary(hint: Any, value: Any, known: Sequence[Any] = ()) -> Any:
    """The value written in binary and read again."""
    writer = BinaryWriter()
    serializer_for(hint, known).write(writer, "r", "urn:r", value)
    cursor = XmlCursor(read_events(writer.getvalue()))
    cursor.root()
    return serializer_for(hint, known).read(cursor)


def inner(hint: Any, content: str, known: Sequence[Any] = ()) -> Any:
    """The value of an element with this content."""
    return from_text(
        hint,
        f'<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="{XSD}">{content}</r>',
        known,
    )


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


def test_members_of_another_order_are_read() -> None:
    """Members are found by their names, in any order, and unknown ones ignored."""
    text = '<r xmlns="urn:t"><zz><A>7</A></zz><A>5</A><A xmlns="urn:other">6</A></r>'
    assert from_text(P, text) == P(5)


def test_defaults() -> None:
    """A new object has .NET's defaults, and so has one that was read from nothing."""
    assert Derived() == Derived(0, None, None, 0, None, None, None)
    assert from_text(Derived, '<r xmlns="urn:d"/>') == Derived()
    assert serializer_for(int).default == 0
    assert serializer_for(str).default is None
    assert serializer_for(int | None).default is None
    assert serializer_for(c.Colour).default is c.Colour.Red
    assert serializer_for(c.Rights).default == c.Rights(0)


def test_required() -> None:
    """A required member that is missing is named."""
    with pytest.raises(DeserializationFailed, match=r"value\.Name: .*required") as caught:
        from_text(c.Person, "<r/>")
    assert caught.value.path == "value.Name"


def test_required_that_must_not_be_written() -> None:
    """A required member that is left out with its default value cannot be written, as in .NET."""

    @data_contract
    class Odd:
        N: Annotated[int, "odd"] = member(required=True, emit_default=False)

    assert "<N>1</N>" in to_text(Odd, Odd(1)).replace("a:", "")
    with pytest.raises(UnencodableValue, match=r"r\.N: "):
        to_text(Odd, Odd(0))


def test_ignored() -> None:
    """A field that is no member is not written, and has its default after reading."""

    @data_contract(namespace="urn:i")
    class Partly:
        N: Annotated[int, ""]
        Cache: Annotated[str, ""] = ignored(default="none")

    assert "Cache" not in to_text(Partly, Partly(1, "x"))
    assert from_text(Partly, '<r><N xmlns="urn:i">3</N></r>') == Partly(3, "none")


def test_frozen_and_slots() -> None:
    """Frozen dataclasses and such with slots can be data contracts, too."""
    assert through_binary(Frozen, Frozen(1, "a")) == Frozen(1, "a")
    assert from_text(Frozen, "<r/>") == Frozen(0, None)


@data_contract(namespace="urn:f")
@dataclass(frozen=True, slots=True)
class Frozen:
    N: int
    S: str | None = None


@data_contract(namespace="urn:t", name="P", keep_unknown=True)
class OldP:
    pass


@data_contract(namespace="urn:k", keep_unknown=True)
class Keeping:
    B: int
    D: int


def test_unknown_members_are_kept() -> None:
    """With keep_unknown, what a newer peer sends goes back where it stood."""
    text = (
        '<r xmlns="urn:r" xmlns:a="urn:k" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        '<a:A>0</a:A><a:B>1</a:B><a:C i:type="x:int" xmlns:x="http://www.w3.org/2001/XMLSchema">'
        "2</a:C><a:D>3</a:D><a:E><a:F>4</a:F></a:E></r>"
    )
    value = from_text(Keeping, text)
    assert value == Keeping(1, 3)
    value.B = 9
    assert to_text(Keeping, value) == text.replace("<a:B>1<", "<a:B>9<")
    assert "A" in to_text(OldP, from_text(OldP, to_text(P, P(7))))


def test_known_types() -> None:
    """A type that is not named as known is neither written nor read; the error names it."""
    with pytest.raises(UnencodableValue, match=r"r: Derived is no Base, or not known"):
        to_text(Base, Derived())
    with pytest.raises(UnencodableValue, match=r"r: P is no Object"):
        to_text(object, P())
    text = to_text(object, P(1), (P,))
    with pytest.raises(DeserializationFailed, match="'P' from namespace 'urn:t' is not known"):
        from_text(object, text)
    with pytest.raises(DeserializationFailed, match="is no Base"):
        from_text(Base, text.replace("<o", "<r").replace("o>", "r>"), (P,))
    with pytest.raises(UnencodableValue, match=r"r\.Pp: Base is no P"):
        to_text(Base, Base(Pp=Base()))


def test_nested_path() -> None:
    """An error names the member however deep inside it is, and the types."""
    person = c.Person(Name="a", Children=[c.Person(Name="b"), c.Person(Name="c", Age="7")])
    with pytest.raises(UnencodableValue) as caught:
        to_text(c.Person, person)
    assert caught.value.path == "r.Children[1].Age"
    assert "'7' (str) is no Int32" in str(caught.value)
    with pytest.raises(UnencodableValue, match=r"r\['x'\]\.Age: 2147483648 is out of the range"):
        to_text(dict[str, c.Person], {"x": c.Person(Age=2**31)})
    child = "<Children><Person><Name/><Age>x</Age></Person></Children>"
    text = f'<r xmlns="urn:peers:types"><Name/>{child}</r>'
    with pytest.raises(DeserializationFailed) as failed:
        from_text(c.Person, text)
    assert failed.value.path == "value.Children[0].Age"


BAD: list[tuple[Any, Any, str]] = [
    (int, 2**31, "out of the range of Int32"),
    (int, True, "True .bool. is no Int32"),
    (int, 1.0, "is no Int32"),
    (int, None, "None is no Int32"),
    (Byte, 256, "Byte, 0 to 255"),
    (Byte, -1, "Byte"),
    (SByte, 128, "SByte"),
    (Int16, 32768, "Int16"),
    (UInt16, -1, "UInt16"),
    (UInt32, 2**32, "UInt32"),
    (Int64, 2**63, "Int64"),
    (UInt64, 2**64, "UInt64"),
    (Single, 1e39, "Single"),
    (float, "1", "Double"),
    (float, 10**400, "Double"),
    (float, True, "Double"),
    (bool, 1, "Boolean"),
    (str, 1, "String"),
    (str, b"x", "String"),
    (str, "\ud800", "surrogate"),
    (Char, "ab", "Char"),
    (Char, "\U0001f600", "Char"),
    (bytes, "x", "Byte"),
    (Decimal, Decimal("79228162514264337593543950336"), "Decimal"),
    (Decimal, Decimal("NaN"), "Decimal"),
    (Decimal, 1.5, "Decimal"),
    (uuid.UUID, "x", "Guid"),
    (DateTime, DateTime(-1), "DateTime"),
    (DateTime, "2020", "DateTime"),
    (DateTime, datetime.date(2020, 1, 1), "DateTime"),
    (TimeSpan, TimeSpan(2**63), "TimeSpan"),
    (DateTimeOffset, DateTimeOffset(0, 900), "DateTimeOffset|14 hours"),
    (DateTimeOffset, datetime.datetime(2020, 1, 1), "time zone"),
    (c.Colour, "Red", "Colour"),
    (c.Colour, None, "Colour"),
    (c.Rights, 8, "Rights"),
    (list[int], 5, "list"),
    (list[int], [1, None], r"r\[1\]"),
    (list[int], "abc", "list"),
    (dict[str, int], [1], "dict"),
    (dict[str, int], {None: 1}, "key"),
    (P, "x", "P"),
    (object, {1}, "set"),
    (object, 2**64, "UInt64"),
]


@pytest.mark.parametrize(("hint", "value", "message"), BAD)
def test_unencodable(hint: Any, value: Any, message: str) -> None:
    """A value that the type cannot have is an error naming both, in binary and in text."""
    for write in (to_text, through_binary):
        with pytest.raises(UnencodableValue, match=message):
            write(hint, value)


def test_cycle() -> None:
    """A value that contains itself is an error, not a crash."""
    node = c.Node(1)
    node.Next = node
    with pytest.raises(UnencodableValue, match=r"nested too deeply"):
        to_text(c.Node, node)


WRONG = [
    (int, "x", "cannot be parsed"),
    (int, "2147483648", "cannot be parsed"),
    (bool, "maybe", "cannot be parsed"),
    (Char, "65536", "cannot be parsed"),
    (c.Colour, "Green", "no member of Colour"),
    (c.Rights, "Read Nothing", "no member of Rights"),
    (uuid.UUID, "1", "cannot be parsed"),
    (int, "<y/>", "Text was expected"),
    (list[int], "<y/>", "'y' from namespace '' is not expected"),
    (dict[str, int], "<y/>", "'y' from namespace '' is not expected"),
]


@pytest.mark.parametrize(("hint", "content", "message"), WRONG)
def test_wrong_content(hint: Any, content: str, message: str) -> None:
    """Content of another type is an error that says so."""
    with pytest.raises(DeserializationFailed, match=message):
        inner(hint, content)


def test_nulls() -> None:
    """Null is None where there is a null, and an error where there is none."""
    null = '<r i:nil="true" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"/>'
    for hint in (str, int | None, P, list[int], object, bytes, dict[str, int], Uri):
        assert from_text(hint, null) is None
    for hint in (int, c.Colour, uuid.UUID, DateTimeOffset):
        with pytest.raises(DeserializationFailed, match="null is no"):
            from_text(hint, null)


def test_references_are_refused() -> None:
    """An object that stands elsewhere is refused with a sentence; an id alone does no harm."""
    z = f'xmlns:z="{SERIALIZATION}" xmlns="urn:t"'
    assert from_text(P, f'<r {z} z:Id="i1"><A>4</A></r>') == P(4)
    with pytest.raises(DeserializationFailed, match="references"):
        from_text(P, f'<r {z} z:Ref="i1"/>')


def test_untyped_object() -> None:
    """An object that does not say its type is given as XML."""
    value = inner(object, "<y>1</y>")
    assert value.find("y", "").text == "1"


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (set[int], "no type"),
        (int | str, "unions"),
        (tuple[int, str], "tuple"),
        (Page, "generic"),
        (complex, "dataclasses"),
        ([], "no type"),
        (type("NotData", (), {}), "NotData"),
    ],
)
def test_no_contract(hint: Any, message: str) -> None:
    """A type that XML has nothing for is refused when the program starts, with its name."""
    with pytest.raises(InvalidDataContract, match=message):
        serializer_for(hint)


def test_members_of_one_name() -> None:
    """Two members of one name are refused."""

    @data_contract
    class Double:
        a: Annotated[int, ""] = member(name="X")
        b: Annotated[int, ""] = member(name="X")

    with pytest.raises(InvalidDataContract, match="two members 'X'"):
        serializer_for(Double)


Meters = NewType("Meters", int)


def test_names_of_types() -> None:
    """Types are called what .NET calls them."""
    assert contract_name(Page[P]) == ("PageOfPdDhgNEMs", "urn:t")
    assert contract_name(dict[str, c.Person])[0].endswith("PersonaQi92V0P")
    assert contract_name(Meters) == ("int", XSD)
    assert contract_name(Int32) == contract_name(int)
    assert contract_name(Sequence[str]) == contract_name(tuple[str, ...])
    assert contract_name(c.Square) == ("TheSquare", "urn:peers:shapes")


def test_primitive() -> None:
    """The types of WCF's formatter for primitive operations, and no others."""
    for hint in (int, str, bool, float, Single, Decimal, DateTime, Int64, bytes, list[int], None):
        assert is_primitive(hint)
    for hint in (Byte, uuid.UUID, TimeSpan, list[str], int | None, P, list[Byte], object, set[int]):
        assert not is_primitive(hint)


def test_python_values() -> None:
    """Python's own dates, times and integers are taken where .NET's are declared."""
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.UTC)
    assert through_binary(DateTime, moment).to_datetime() == moment
    assert through_binary(DateTimeOffset, moment).to_datetime() == moment
    length = datetime.timedelta(days=-1, microseconds=5)
    assert through_binary(TimeSpan, length).to_timedelta() == length
    assert through_binary(Decimal, 5) == Decimal(5)
    assert through_binary(float, 5) == 5.0
    assert through_binary(bytes, bytearray(b"ab")) == b"ab"
    identifier = uuid.uuid4()
    assert through_binary(uuid.UUID, Guid.from_uuid(identifier)) == identifier
    assert through_binary(list[int], (1, 2)) == [1, 2]


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
