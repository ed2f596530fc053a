"""The door of the generated readers: the same objects as the ordinary way's, or none at all."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netshare.transport.calls.formatter import formatter_for
from netshare.transport.datacontracts import (
    DateTime,
    DateTimeOffset,
    DeserializationFailed,
    Int16,
    Int64,
    Serializer,
    Single,
    TimeSpan,
    UnencodableValue,
    data_contract,
    member,
    on_deserialized,
)
from netshare.transport.datacontracts.generated import GeneratedReader, rowplaces
from netshare.transport.datacontracts.generated.reading import MOST_SKIPPED
from netshare.transport.datacontracts.generated.readplaces import MAX_PLACES
from netshare.transport.soap import new_message_id
from netshare.transport.xml import ReaderQuotas, XmlCursor, XmlException
from netshare.transport.xml.binary import (
    BinaryWriter,
    ReaderSession,
    WriterSession,
    read_events,
    rows,
)
from netshare.transport.xml.binary.recordreader import RecordReader
from netshare.transport.xml.binary.scanned import scan
from tests.helpers.madecontracts import Made, contracts
from tests.helpers.sampletypes import P, Page
from tests.helpers.templates import DATA, OPERATIONS, encoder
from tests.peers.contracts import DATA_TYPES

WRAPPER = "Operation", "urn:o"
PART = "value", "urn:o"


class Session:
    """Both ends of a session in which values of one type are sent, and read in both ways."""

    def __init__(
        self,
        hint: Any,
        quotas: ReaderQuotas | None = None,
        size: int = 100_000,
        known: Sequence[Any] = (),
    ) -> None:
        self.serializer = Serializer(hint, known)
        self.reader = GeneratedReader(
            {PART: ("value", self.serializer.contract, lambda: self.serializer.known())}
        )
        self.quotas = ReaderQuotas() if quotas is None else quotas
        self.writing, self.reading = WriterSession(size), ReaderSession(size)

    def document(self, value: Any) -> bytes:
        """Write a value, and let the other side know the strings."""
        writer = BinaryWriter(self.writing)
        writer.start_element(*WRAPPER)
        self.serializer.write(writer, *PART, value)
        writer.end_element()
        self.reading.read_table(self.writing.take_table())
        return writer.getvalue()

    def ordinarily(self, data: bytes) -> Any:
        """Read a document by events."""
        cursor = XmlCursor(read_events(data, self.reading, self.quotas))
        cursor.root()
        cursor.enter()
        value = self.serializer.default
        while (name := cursor.next(strict=True)) is not None:
            if name[1:] == PART:
                value = self.serializer.read(cursor)
        return value

    def quickly(self, data: bytes) -> dict[str, Any] | None:
        """Read a document by tokens."""
        reader = RecordReader(data, self.reading, self.quotas, 0)
        try:
            reader.step()
        except XmlException:
            return None
        if len(reader.outer) != 1 or reader.events[0].name[1:] != WRAPPER:  # type: ignore[union-attr]
            return None
        values: dict[str, Any] = {"value": self.serializer.default}
        memory = self.reading.memory
        scanned = scan(data, reader.pos, reader.progress, memory, self.quotas)
        return values if self.reader.read(scanned, values) else None

    def agree(self, data: bytes) -> bool:
        """Check that the quick way gives what the other does; return whether it gave anything."""
        try:
            expected = self.ordinarily(data)
        except (XmlException, DeserializationFailed):
            assert self.quickly(data) is None
            return False
        found = self.quickly(data)
        if found is not None:
            assert repr(found["value"]) == repr(expected)
            assert type(found["value"]) is type(expected)
        return found is not None


MUTATIONS: list[Callable[[bytes, int, int], bytes]] = [
    lambda data, at, byte: data[:at] + bytes((byte,)) + data[at + 1 :],
    lambda data, at, byte: data[:at] + bytes((byte,)) + data[at:],
    lambda data, at, byte: data[:at] + data[at + 1 + byte % 20 :],
    lambda data, at, byte: data[:at] + data[at : at + byte] + data[at:],
    lambda data, at, byte: data[:at],
    lambda data, at, byte: data + data[at:],
]


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(made=contracts(), data=st.data(), size=st.sampled_from([0, 40, 100_000]))
def test_any_value_and_mutated_bytes(made: Made, data: Any, size: int) -> None:
    """What is read quickly is what the ordinary way reads, whatever the bytes are."""
    session = Session(made.hint, size=size)
    limits = st.sampled_from([None, None, None, 40, 3, 2])
    for _ in range(3):
        depth = data.draw(limits)
        session.quotas = ReaderQuotas() if depth is None else ReaderQuotas(depth)
        try:
            document = session.document(data.draw(made.any))
        except (UnencodableValue, AttributeError, TypeError):
            session.writing = WriterSession(0)
            continue
        session.agree(document)
        session.agree(document)
        for _ in range(6):
            mutate = data.draw(st.sampled_from(MUTATIONS))
            at = data.draw(st.integers(0, len(document)))
            session.agree(mutate(document, at, data.draw(st.integers(0, 255))))
        session.agree(document)


class Colour(enum.Enum):
    RED = 0
    GREEN = 1


@data_contract(namespace="urn:o")
class Where:
    City: str
    Zip: int | None = member(emit_default=False)


@data_contract(namespace="urn:other")
class Item:
    A: uuid.UUID
    B: DateTime
    C: Colour
    D: Where | None
    E: list[str]
    F: Decimal
    G: float
    H: str | None
    I: dict[str, Where]  # noqa: E741
    J: tuple[int, str]
    K: set[str]
    L: DateTimeOffset
    M: object


ITEM = Item(
    A=uuid.UUID(int=5),
    B=DateTime(637134336000000000),
    C=Colour.GREEN,
    D=Where(City="Town", Zip=70000),
    E=["a", "bc", ""],
    F=Decimal("3.14"),
    G=2.5,
    H=None,
    I={"x": Where(City="é", Zip=None), "y": Where(City="", Zip=1)},
    J=(1, "2"),
    K={"k"},
    L=DateTimeOffset(637134336000000000, 60),
    M=None,
)
USUAL: list[tuple[Any, Any]] = [
    (Item, ITEM),
    (list[Item], [ITEM, ITEM]),
    (list[Item | None], [ITEM, None, ITEM]),
    (list[list[str]], [["a"], [], ["b", "c"]]),
    (dict[str, list[Where]], {"a": [Where(City="1", Zip=2)], "b": []}),
    (Page[P], Page(Items=[P(A=1), P(A=300), P(A=70000), P(A=-1)])),
    (Where | None, None),
    (list[str], []),
]


@pytest.mark.parametrize(("hint", "value"), USUAL)
def test_usual_values(hint: Any, value: Any) -> None:
    """A usual value is read quickly once its names were read."""
    session = Session(hint)
    document = session.document(value)
    assert session.ordinarily(document) == value
    for _ in range(3):
        assert session.agree(document)
    assert session.reader.left == 0


@data_contract(namespace="urn:o")
class Listing:
    E: list[str] | None


def test_an_element_that_declares_its_own_namespace() -> None:
    """Its start tag is that of a member, but for its attributes; it is none."""
    session = Session(Listing)
    usual = session.document(Listing(E=["a"]))
    session.ordinarily(usual)
    assert session.agree(usual)
    writer = BinaryWriter(session.writing)
    writer.start_element(*WRAPPER)
    writer.start_element(*PART)
    writer.start_element("E", "urn:x", "")
    for _ in range(3):
        writer.end_element()
    other = writer.getvalue()
    session.reading.read_table(session.writing.take_table())
    for _ in range(3):
        assert session.ordinarily(other) == Listing(E=None)
        session.agree(other)
        assert session.agree(usual)


def test_a_name_that_comes_late() -> None:
    """A member that was not there at first is known after it has been met."""
    session = Session(list[Where])
    without, having = ([Where(City="a", Zip=zip_)] for zip_ in (None, 5))
    documents = [session.document(value) for value in (without, having)]
    found = [session.agree(documents[at]) for at in (0, 0, 1, 1, 1, 0)]
    assert (found[1], found[-2], found[-1]) == (True, True, True)


def test_limits_that_are_near() -> None:
    """Where a limit could matter the ordinary way looks at it, and complains."""
    value = [Where(City="x" * 200, Zip=1)]
    for quotas, quick in (
        (ReaderQuotas(), True),
        (ReaderQuotas(max_string_content_length=8192, max_array_length=16384), True),
        (ReaderQuotas(max_string_content_length=199), False),
        (ReaderQuotas(max_array_length=1), False),
        (ReaderQuotas(max_name_table_char_count=10), False),
        (ReaderQuotas(max_nodes=18), True),
        (ReaderQuotas(max_nodes=17), False),
        (ReaderQuotas(max_depth=4), True),
        (ReaderQuotas(max_depth=3), False),
    ):
        session = Session(list[Where], quotas)
        document = session.document(value)
        read_events(document, session.reading)
        assert session.agree(document) is quick


@data_contract(namespace="urn:o")
class Counting:
    Value: int

    @on_deserialized
    def count(self) -> None:
        self.Value += 1


def test_hooks_are_called_once() -> None:
    """Objects with methods to be called after reading are the ordinary way's."""
    session = Session(list[Counting])
    document = session.document([Counting(Value=1)])
    for _ in range(3):
        assert not session.agree(document)
        assert session.ordinarily(document) == [Counting(Value=2)]


def test_long_documents() -> None:
    """It does not matter where a window of the scanner ends."""
    session = Session(list[Where])
    for length in range(60):
        value = [Where(City="y" * length, Zip=1)]
        value += [Where(City=f"Town {n}", Zip=n * 100) for n in range(1600)]
        document = session.document(value)
        assert length == 0 or session.agree(document)
        session.ordinarily(document)


@pytest.mark.parametrize("text", ["x" * 256, "é" * 200, "日本語" * 30_000, "0" * 70_000])
def test_long_texts(text: str) -> None:
    """A long text is read as the ordinary way reads it, damaged bytes included."""
    session = Session(list[Where])
    document = session.document([Where(City=text, Zip=1), Where(City="short", Zip=2)])
    session.ordinarily(document)
    assert session.agree(document)
    assert session.agree(document)
    for at in (len(document) // 2, 60):
        for damaged in (document[:at] + b"\xff" + document[at + 1 :], document[:at]):
            session.agree(damaged)


def test_what_is_unusual_time_and_again_costs_little() -> None:
    """Messages that are never usual are tried ever more rarely, until one is usual."""
    reader = Session(Where).reader
    tried = 0
    for _ in range(1000):
        if reader.wanted:
            tried += 1
            assert not reader.read(None, {})
    assert tried < 1000 / MOST_SKIPPED + 10


def test_places_are_bounded() -> None:
    """A peer that declares ever other namespaces makes no more places than there may be."""
    inline = Session(list[Where], size=0)
    data = inline.document([Where(City="a", Zip=1)])
    place = data.index(b"value") + len(b"value")
    for number in range(2000):
        uri = f"urn:{number:06}".encode()
        declared = data[:place] + bytes((0x09, 1)) + b"q" + bytes((len(uri),)) + uri + data[place:]
        for _ in range(2):
            inline.agree(declared)
        assert len(inline.reading.memory.places) <= MAX_PLACES
    assert inline.reader.read_so > 100


@pytest.mark.parametrize("message", ["request", "reply"])
def test_messages_of_operations(message: str) -> None:
    """The messages of operations are read quickly, by service and client, and are the same."""
    value = next(value for op, value in DATA if op == "EchoEverything" and value is not None)
    part = getattr(formatter_for(OPERATIONS["EchoEverything"]), message)
    name = part.description.parts[0].member
    sending, receiving = encoder(), encoder()
    for _ in range(8):
        made = part.write({name: value}, False)
        made.message_id = new_message_id()
        found = receiving.decode(sending.encode(made))
        assert part.read(found) == {name: value}
        assert repr(part.read(found)) == repr({name: value})


def test_all_of_dotnets_types() -> None:
    """Recorded values of every simple and structured type are read as the ordinary way does."""
    quick = 0
    for operation, value in DATA:
        session = Session(DATA_TYPES[operation])
        try:
            document = session.document(value)
        except UnencodableValue:
            continue  # it needs to be told which types are known
        session.ordinarily(document)
        quick += session.agree(document)
    assert quick > 20


# ---- other versions


@data_contract(namespace="urn:o")
class Depth:
    Z: float | None


@data_contract(namespace="urn:spots")
class Spot:
    """What is nested in a row, in another namespace; and in it another one."""

    Below: Depth | None
    X: int
    Labels: set[str]
    Y: str | None


TEXTS = st.text(max_size=5) | st.just("@\x03abc\x01") | st.just("x" * 300)
SPOTS = st.builds(
    Spot,
    Below=st.none() | st.builds(Depth, Z=st.none() | st.floats()),
    X=st.integers(-(1 << 31), (1 << 31) - 1),
    Labels=st.frozensets(TEXTS, max_size=1).map(set),
    Y=st.none() | TEXTS,
)


@data_contract(namespace="urn:o")
class Version:
    """What is read."""

    A: int
    B: str | None
    C: Spot | None
    D: list[str] | None
    E: Decimal


#: What may be sent: a type and its values, by name.
SENDABLE: dict[str, tuple[Any, Any]] = {
    "A": (int, st.integers(-5, 5)),
    "B": (str | None, st.none() | st.text(max_size=5)),
    "C": (Spot | None, st.none() | SPOTS),
    "D": (list[str] | None, st.none() | st.lists(st.text(max_size=5), max_size=3)),
    "E": (Decimal, st.decimals(-100, 100, places=2)),
    "F": (str | None, st.none() | st.text(max_size=5)),
    "G": (Spot | None, st.none() | SPOTS),
    "H": (list[Spot], st.lists(SPOTS, max_size=2)),
    "I": (list[int], st.lists(st.integers(-5, 5), max_size=3)),
    "J": (dict[str, int], st.dictionaries(st.text(max_size=3), st.integers(-5, 5), max_size=2)),
}


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(st.sampled_from(sorted(SENDABLE)), unique=True, min_size=1),
    data=st.data(),
    several=st.booleans(),
)
def test_other_versions(names: list[str], data: Any, several: bool) -> None:
    """Members in another order, fewer, and more: as the ordinary way reads them."""
    members = {name: member(order=at) for at, name in enumerate(names)}
    hints = {name: SENDABLE[name][0] for name in names}
    sent = data_contract(namespace="urn:o", name="Version")(
        type("Version", (), {"__annotations__": hints, **members})
    )
    there = Session(list[sent])  # type: ignore[valid-type]
    here = Session(list[Version])
    here.reading = there.reading
    values = [
        sent(**{name: data.draw(SENDABLE[name][1]) for name in names})
        for _ in range(1 + 5 * several)
    ]
    for _ in range(4):
        document = there.document(values)
        quick = here.agree(document)
    assert quick
    for _ in range(6):
        mutate = data.draw(st.sampled_from(MUTATIONS))
        at = data.draw(st.integers(0, len(document)))
        here.agree(mutate(document, at, data.draw(st.integers(0, 255))))


def test_quotas_of_what_is_passed_over() -> None:
    """It counts as it does when it is read."""

    @data_contract(namespace="urn:o", name="Version")
    class Deep:
        Z: list[list[list[str]]]

    there, here = Session(Deep), Session(Version)
    here.reading = there.reading
    for _ in range(3):
        document = there.document(Deep(Z=[[["a"]]]))
        assert here.agree(document) in (True, False)
    assert here.agree(document)
    for depth in range(1, 9):
        here.quotas = ReaderQuotas(max_depth=depth)
        here.reader._skip = here.reader._penalty = 0
        here.agree(document)


# ---- rows


@data_contract(namespace="urn:o")
class Row:
    """Members of all kinds that can be in a row."""

    A: str | None
    B: int
    C: Decimal | None
    D: float | None
    E: bool
    F: DateTime
    G: uuid.UUID | None
    H: Colour
    I: bytes | None  # noqa: E741
    J: Int64 | None
    K: Spot | None
    L: list[str | None] | None
    M: DateTimeOffset | None
    N: Spot


@data_contract(namespace="urn:o")
class Table:
    """Rows, and more tables inside."""

    Name: str
    Rows: list[Row | None]
    Inner: list[Table] | None


def row(number: int, **members: Any) -> Row:
    """One of many that are alike."""
    usual = {
        "A": f"row {number}",
        "B": number,
        "C": Decimal(number) / 4,
        "D": number / 3,
        "E": number % 2 == 0,
        "F": DateTime(637134336000000000 + number),
        "G": uuid.UUID(int=abs(number)),
        "H": Colour.RED,
        "I": b"abc",
        "J": number << 40,
        "K": Spot(Below=Depth(Z=number / 2), X=number, Labels={"a"}, Y="y"),
        "L": ["one", "two", str(number)],
        "M": DateTimeOffset(637134336000000000 + number, 60),
        "N": Spot(Below=None, X=1, Labels=set(), Y=None),
    }
    return Row(**usual | members)


ROWS = st.builds(
    row,
    st.integers(-1000, 1000),
    A=st.none() | TEXTS,
    B=st.integers(-(1 << 31), (1 << 31) - 1),
    C=st.none() | st.decimals(-100, 100, places=2),
    D=st.none() | st.floats(),
    I=st.none() | st.binary(max_size=9),
    J=st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
    K=st.none() | SPOTS,
    L=st.none() | st.lists(st.none() | TEXTS, max_size=3),
    M=st.none()
    | st.builds(DateTimeOffset, st.integers(637134336000000000, 1 << 60), st.integers(-840, 840)),
    N=SPOTS,
)


@contextmanager
def eager() -> Iterator[None]:
    """Rows are cut at once as soon as some were seen."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows, "ENOUGH_SEEN", 0)
        patched.setattr(rowplaces, "ASKED_AFTER", 1)
        yield


def test_rows() -> None:
    """Rows are read at once when many were read one by one, and not before."""
    session = Session(Table)
    known = session.reading.memory.rows
    table = Table(Name="t", Rows=[row(n) for n in range(100)], Inner=None)
    document = session.document(table)
    session.ordinarily(document)
    while not known:
        assert session.reader.read_so < 100
        assert session.agree(document)
    assert session.reader.read_so * 100 > rows.ENOUGH_SEEN
    assert session.agree(document)
    (shape,) = known.values()
    assert len(shape.members) == 14
    # What is in between, or at the ends, is read one by one.
    for odd in (
        [],
        [None],
        [row(1, A=None)],
        [row(1, A="x" * 300)],
        [row(1, C=None, D=None)],
        [row(1, K=None)],
        [row(1, L=None)],
        [row(1, L=[])],
        [row(1, L=["a", None])],
        [row(1, M=None, N=Spot(Below=Depth(Z=None), X=1, Labels={"b"}, Y="c"))],
    ):
        table.Rows = [*odd, *(row(n) for n in range(50)), *odd, *(row(n) for n in range(50)), *odd]
        table.Inner = [Table(Name="i", Rows=table.Rows, Inner=None)]
        document = session.document(table)
        session.ordinarily(document)
        assert session.agree(document)
        assert session.agree(document)


def test_rows_of_a_new_session() -> None:
    """What was made for one session is there for the next, if its strings are the same."""
    table = Table(Name="t", Rows=[row(n) for n in range(10)], Inner=None)
    with eager():
        session = Session(Table)
        document = session.document(table)
        session.ordinarily(document)
        assert session.agree(document)
        assert session.reading.memory.rows
    other = Session(Table)
    document = other.document(table)
    other.ordinarily(document)
    assert other.agree(document)
    assert other.reading.memory.rows == session.reading.memory.rows


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    first=st.lists(ROWS, min_size=4, max_size=12),
    second=st.lists(st.none() | ROWS, max_size=12),
    data=st.data(),
    size=st.sampled_from([0, 100_000]),
)
def test_rows_and_mutated_bytes(
    first: list[Row], second: list[Row | None], data: Any, size: int
) -> None:
    """Rows are what the ordinary way reads, whatever the bytes are."""
    with eager():
        session = Session(Table, size=size)
        for several in (first, second, [*first, *second, *first]):
            inner = [Table(Name="i", Rows=several, Inner=None)] * data.draw(st.integers(0, 3))
            document = session.document(Table(Name="t", Rows=several, Inner=inner))
            for _ in range(3):
                session.agree(document)
            for _ in range(6):
                mutate = data.draw(st.sampled_from(MUTATIONS))
                at = data.draw(st.integers(0, len(document)))
                session.agree(mutate(document, at, data.draw(st.integers(0, 255))))


@data_contract(namespace="urn:o", name="Row")
class Text:
    A: str
    B: str


@data_contract(namespace="urn:o", name="Row")
class Number:
    A: int
    B: int


@data_contract(namespace="urn:o")
class Two:
    Texts: list[Text]
    Numbers: list[Number]


def test_rows_of_another_class() -> None:
    """Elements with the same names are read by the contract of their place."""

    two = Two(
        Texts=[Text(A=str(n), B="b") for n in range(20)],
        Numbers=[Number(A=n, B=n) for n in range(20)],
    )
    with eager():
        session = Session(Two)
        document = session.document(two)
        session.ordinarily(document)
        for _ in range(4):
            assert session.agree(document)


def test_quotas_of_rows() -> None:
    """Rows count as what they are made of: the depth, and the nodes."""
    table = Table(Name="t", Rows=[row(n) for n in range(50)], Inner=None)
    with eager():
        session = Session(Table)
        document = session.document(table)
        session.ordinarily(document)
        for _ in range(3):
            assert session.agree(document)
        for depth in range(1, 9):
            session.quotas = ReaderQuotas(max_depth=depth)
            session.agree(document)
        for nodes in (10, 100, 900, 1000, 1050, 1100, 1200, 2000, 3000, 10_000):
            session.quotas = ReaderQuotas(max_nodes=nodes)
            session.agree(document)


# ---- arrays


@data_contract(namespace="urn:o")
class Measured:
    """Arrays of all kinds, and what stands between them."""

    A: list[int]
    B: list[float] | None
    C: list[Decimal]
    D: list[bool]
    E: list[DateTime]
    F: list[Int64]
    G: list[Int16]
    H: str | None
    I: list[Single]  # noqa: E741
    J: list[TimeSpan]


MEASURED = st.builds(
    Measured,
    A=st.lists(st.integers(-(1 << 31), (1 << 31) - 1)),
    B=st.none() | st.lists(st.floats()),
    C=st.lists(st.decimals(-100, 100, places=2)),
    D=st.lists(st.booleans()),
    E=st.lists(st.builds(DateTime, st.integers(0, 3155378975999999999))),
    F=st.lists(st.integers(-(1 << 63), (1 << 63) - 1)),
    G=st.lists(st.integers(-(1 << 15), (1 << 15) - 1)),
    H=st.none() | st.text(max_size=5),
    I=st.lists(st.floats(width=32).map(Single)),
    J=st.lists(st.integers(-(1 << 63), (1 << 63) - 1).map(TimeSpan)),
)


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(
    measured=st.lists(MEASURED, min_size=1, max_size=3),
    data=st.data(),
    size=st.sampled_from([0, 100_000]),
)
def test_arrays_and_mutated_bytes(measured: list[Measured], data: Any, size: int) -> None:
    """Arrays are what the ordinary way reads, whatever the bytes are."""
    session = Session(list[Measured], size=size)
    document = session.document(measured)
    for _ in range(3):
        session.agree(document)
    for _ in range(12):
        mutate = data.draw(st.sampled_from(MUTATIONS))
        at = data.draw(st.integers(0, len(document)))
        session.agree(mutate(document, at, data.draw(st.integers(0, 255))))


def test_arrays() -> None:
    """They are read quickly, and each item is checked as by itself."""
    usual = Measured(
        A=[1, 70_000],
        B=[0.5],
        C=[Decimal("1.5")],
        D=[True, False],
        E=[DateTime(1)],
        F=[1],
        G=[-1],
        H="h",
        I=[Single(0.5)],
        J=[TimeSpan(5)],
    )
    session = Session(Measured)
    document = session.document(usual)
    assert repr(session.ordinarily(document)) == repr(usual)
    for _ in range(3):
        assert session.agree(document)
    number = document.index(b"\x8d\x02\x01\x00\x00\x00")
    for kind, count in ((0x8F, 1), (0x93, 1), (0x8B, 4)):  # as other programs may write them
        odd = document[:number] + bytes((kind, count)) + document[number + 2 :]
        session.agree(odd)
