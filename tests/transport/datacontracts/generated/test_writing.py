from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from netshare.transport.datacontracts import Serializer, UnencodableValue
from netshare.transport.xml.binary import BinaryWriter, WriterSession
from tests.helpers.madecontracts import Made, contracts

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


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(made=contracts(), data=st.data(), size=SIZES, root=ROOTS, around=AROUND)
def test_usual_value(made: Made, data: Any, size: int | None, root: str, around: str) -> None:
    """A usual value is generated as soon as the session has its strings."""
    serializer = Serializer(made.hint)
    assert serializer.generated is not None
    quick, ordinary = sessions(size)
    value = data.draw(made.usual.filter(lambda value: value is not None))
    assume(not isinstance(value, list | set | dict) or value)
    for turn in range(3):
        found = Outcome(serializer.write, quick, root, around, value)
        assert found == Outcome(serializer.write_ordinarily, ordinary, root, around, value)
        assume(isinstance(found.made, bytes))  # a required member may have to be left out
        assert serializer.generated.written == turn
