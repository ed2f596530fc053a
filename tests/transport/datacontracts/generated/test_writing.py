"""The door of the generated writers: the same bytes, strings and errors as the ordinary way's."""

from __future__ import annotations

import linecache
import threading
from dataclasses import is_dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from netshare.transport.calls.formatter import formatter_for
from netshare.transport.datacontracts import Serializer, UnencodableValue, data_contract
from netshare.transport.datacontracts.generated import GeneratedWriter
from netshare.transport.datacontracts.generated.source import MAX_KEPT
from netshare.transport.datacontracts.generated.structures import FORMS
from netshare.transport.datacontracts.generated.writing import MOST_SKIPPED
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.datacontracts.unknown import UNKNOWN
from netshare.transport.encoders import encoder_for
from netshare.transport.xml import TextWriter, parse
from netshare.transport.xml.binary import BinaryWriter, WriterSession
from tests.helpers.madecontracts import Counting, Made, Tree, contracts
from tests.helpers.sampletypes import Base, P, Page
from tests.helpers.templates import DATA, OPERATIONS, encoder
from tests.peers.contracts import DATA_TYPES

SIZES = st.sampled_from([None, 0, 40, 2048])
ROOTS = st.sampled_from(["urn:r", "urn:r", "urn:a", ""])
AROUND = st.sampled_from(["urn:r", "urn:r", "urn:other", ""])


class Outcome:
    """What a way of writing made of a value in a session: the bytes, or the error."""

    def __init__(
        self, write: Any, session: WriterSession | None, root: str, around: str, value: Any
    ):
        writer = BinaryWriter(session)
        writer.start_element("Operation", around)
        try:
            write(writer, "value", root, value)
        except (UnencodableValue, AttributeError, TypeError) as error:
            self.made: Any = type(error), str(error)
        else:
            writer.end_element()
            self.made = writer.getvalue()
        self.table = None if session is None else session.take_table()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{self.made!r} with {self.table!r}"


def sessions(size: int | None) -> tuple[WriterSession | None, WriterSession | None]:
    return (None, None) if size is None else (WriterSession(size), WriterSession(size))


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(made=contracts(), data=st.data(), size=SIZES, root=ROOTS, around=AROUND)
def test_any_value(made: Made, data: Any, size: int | None, root: str, around: str) -> None:
    """Generated or not, bytes, the session's strings and errors are the same."""
    serializer = Serializer(made.hint)
    quick, ordinary = sessions(size)
    for _ in range(4):
        value = data.draw(made.any)
        if serializer.generated is not None:
            serializer.generated._skip = 0
        found = Outcome(serializer.write, quick, root, around, value)
        assert found == Outcome(serializer.write_ordinarily, ordinary, root, around, value)


def hollow(value: Any) -> bool:
    """:returns: whether there is a collection with nothing in it, whose names no message has had"""
    if isinstance(value, dict):
        return not value or any(map(hollow, value.values()))
    if isinstance(value, list | set | tuple):
        return not value or any(map(hollow, value))
    return is_dataclass(value) and any(map(hollow, vars(value).values()))


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(made=contracts(), data=st.data(), size=SIZES, root=ROOTS, around=AROUND)
def test_usual_value(made: Made, data: Any, size: int | None, root: str, around: str) -> None:
    """A usual value is generated as soon as the session has its strings."""
    serializer = Serializer(made.hint)
    assert serializer.generated is not None
    quick, ordinary = sessions(size)
    value = data.draw(made.usual.filter(lambda value: value is not None))
    assume(not hollow(value))
    for turn in range(3):
        found = Outcome(serializer.write, quick, root, around, value)
        assert found == Outcome(serializer.write_ordinarily, ordinary, root, around, value)
        assume(isinstance(found.made, bytes))  # a required member may have to be left out
        assert serializer.generated.written == turn


def generated(hint: Any) -> GeneratedWriter:
    made = Serializer(hint).generated
    assert made is not None
    return made


def body(write: Any, session: WriterSession, value: Any) -> bytes:
    writer = BinaryWriter(session)
    write(writer, "value", "urn:r", value)
    return writer.getvalue()


LINES = Page(Items=[P(A=1), P(A=2)])


def test_all_of_dotnets_types() -> None:
    """Recorded values of every simple and structured type are generated, once names are known."""
    values = {op: value for op, value in DATA if value not in (None, [])}
    generated = 0
    for operation, value in values.items():
        serializer, session, other = Serializer(DATA_TYPES[operation]), *sessions(100_000)
        if serializer.generated is None:
            continue
        for _ in range(3):
            assert session is not None
            assert other is not None
            assert body(serializer.write, session, value) == body(
                serializer.write_ordinarily, other, value
            )
        assert serializer.generated.written == 2
        generated += 1
    assert generated > 8


@pytest.mark.parametrize("message", ["request", "reply"])
@pytest.mark.parametrize("make", [encoder, lambda: encoder_for("binary")], ids=["session", "none"])
def test_messages_of_operations(message: str, make: Any) -> None:
    """The messages of an operation are generated, in and out of a session, and are the same."""
    formatter = formatter_for(OPERATIONS["EchoEverything"])
    value = next(value for op, value in DATA if op == "EchoEverything" and value is not None)
    encoders = make(), make()
    part = getattr(formatter, message)
    ((_, serializer),) = part._parts
    before = serializer.generated.written
    for turn in range(6):
        made = part.write({part.description.parts[0].member: value}, False)
        kept, serializer.generated._skip = serializer.generated._skip, 1000
        expected = encoders[0].encode(made)
        serializer.generated._skip = kept if turn else 1
        assert encoders[1].encode(made) == expected
    assert serializer.generated.written >= before + 4


def test_text_is_ordinary() -> None:
    """In text nothing is generated."""
    serializer = Serializer(Page[P])
    assert serializer.generated is not None
    for _ in range(3):
        serializer.write(TextWriter(), "value", "urn:r", LINES)
    assert serializer.generated.written == 0


def test_the_first_value_is_ordinary() -> None:
    """A program that writes one value, and no other, compiles nothing."""
    serializer = Serializer(Page[Counting])
    body(serializer.write, WriterSession(), Page(Items=[Counting(Value=1)]))
    assert FORMS.source_of(contract_of(Page[Counting])) is None


def test_hooks_are_called_once() -> None:
    """A method that is called before an object is written is called once, however it is written."""
    session, value = WriterSession(), Page(Items=[Counting(Value=0)])
    serializer = Serializer(Page[Counting])
    for _ in range(5):
        body(serializer.write, session, value)
    assert value.Items is not None
    assert value.Items[0].Value == 5


def test_unknown_members_are_kept() -> None:
    """An object with members that its class does not have is written with them."""
    cls = data_contract(namespace="urn:t", keep_unknown=True)(
        type("Kept", (), {"__annotations__": {"A": int}, "__module__": __name__})
    )
    serializer, session, other = Serializer(cls), *sessions(2048)
    assert session is not None
    assert other is not None
    value = cls(A=1)
    for _ in range(3):
        assert body(serializer.write, session, value) == body(
            serializer.write_ordinarily, other, value
        )
    setattr(value, UNKNOWN, [("A", parse("<new xmlns='urn:t'>kept</new>").root)])
    found = body(serializer.write, session, value)
    assert found == body(serializer.write_ordinarily, other, value)
    assert b"kept" in found


def test_what_is_unusual_time_and_again_costs_little() -> None:
    """Values that are never usual are tried ever more rarely, until one is usual."""
    writer = generated(Page[P])
    session = WriterSession()
    body(Serializer(Page[P]).write_ordinarily, session, LINES)
    writer._skip = 0
    tried = 0
    odd = Page(Items=[P(A="x")])  # type: ignore[arg-type]
    for _ in range(1000):
        tried += not writer._skip
        assert not writer.write(BinaryWriter(session), "value", "urn:r", odd)
    assert tried < 30
    for _ in range(MOST_SKIPPED + 1):
        writer.write(BinaryWriter(session), "value", "urn:r", LINES)
    assert writer.written
    assert writer.write(BinaryWriter(session), "value", "urn:r", LINES)


def test_nothing_is_written_by_halves() -> None:
    """What turns out to be unusual at its end has put out nothing."""
    writer = generated(Page[P])
    session = WriterSession()
    body(Serializer(Page[P]).write_ordinarily, session, LINES)
    writer._skip = 0
    document, mark = BinaryWriter(session), session.mark()
    odd = Page(Items=[P(A=1)] * 100 + [P(A="x")])  # type: ignore[arg-type]
    assert not writer.write(document, "value", "urn:r", odd)
    assert document.getvalue() == b""
    assert session.mark() == mark


def test_generic_classes_without_end() -> None:
    """A program that makes ever new classes has so many functions, and no more."""
    for number in range(MAX_KEPT + 40):
        cls = data_contract(namespace=f"urn:{number}")(
            type("Many", (), {"__annotations__": {"A": int}, "__module__": __name__})
        )
        for _ in range(2):
            body(Serializer(cls).write, WriterSession(0), cls(A=1))
        FORMS.of(contract_of(cls))
    assert len(FORMS) == MAX_KEPT
    mine = [name for name in linecache.cache if name.startswith("<netshare: writer of Many")]
    assert len(mine) <= MAX_KEPT


def test_members_that_are_seldom_there() -> None:
    """A name that comes late in a session is learnt, and generated from then on."""
    serializer, session, other = Serializer(Base), *sessions(2048)
    assert session is not None
    assert other is not None
    assert serializer.generated is not None
    without, having = Base(M=1, Pp=None, Ls=[]), Base(M=1, Pp=P(A=1), Ls=[P(A=2)])
    for value in (without, without, having, having, without, having):
        assert body(serializer.write, session, value) == body(
            serializer.write_ordinarily, other, value
        )
    assert serializer.generated.written == 4


def test_two_threads() -> None:
    """Threads that write values of one type, each in its own session, do not meet."""
    serializer = Serializer(Page[P])
    wrong: list[int] = []

    def write(number: int) -> None:
        value = Page(Items=[P(A=number)] * 20)
        session, other = WriterSession(), WriterSession()
        for _ in range(200):
            if body(serializer.write, session, value) != body(
                serializer.write_ordinarily, other, value
            ):
                wrong.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert serializer.generated is not None
    assert serializer.generated.written > 100


def test_cycles_are_the_ordinary_writers_matter() -> None:
    """An object that contains itself is complained about, and nothing else happens."""
    tree = Tree(Inner=None)
    tree.Inner = tree
    session = WriterSession()
    serializer = Serializer(Tree)
    for _ in range(2):
        body(serializer.write, session, Tree(Inner=Tree(Inner=None)))
    with pytest.raises(UnencodableValue, match="nested too deeply"):
        body(serializer.write, session, tree)
