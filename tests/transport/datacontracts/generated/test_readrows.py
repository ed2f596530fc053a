"""The source of the readers of rows."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any, Generic, TypeVar

import pytest

from netshare.transport.datacontracts import (
    DateTimeOffset,
    data_contract,
    data_contract_enum,
    member,
    on_deserialized,
)
from netshare.transport.datacontracts.generated.readers import READ_FORMS
from netshare.transport.datacontracts.generated.readrows import row_form_of
from netshare.transport.datacontracts.generated.rowplaces import (
    RowForm,
    RowList,
    RowPart,
    RowText,
    lists_of,
    texts_of,
)
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.xml import XmlException
from netshare.transport.xml.binary.encode import encode_text
from netshare.transport.xml.binary.rows import MOST_TEXTS

FIXED, LONG = RowText(True), RowText(False)
T = TypeVar("T")


@data_contract_enum
class State(enum.Enum):
    ON = 1


@data_contract
class Simple:
    A: int
    B: str | None
    C: State
    D: Decimal | None


@data_contract
class Around:
    A: Simple | None
    B: int
    C: set[str]
    D: list[int | None] | None
    E: DateTimeOffset


@data_contract
class Outer(Generic[T]):
    A: T
    B: int


@data_contract
class Named:
    """Nothing in it is simple."""

    A: Simple


@data_contract
class Nothing:
    """Nothing is in it."""


@data_contract(is_reference=True)
class Known:
    A: int


@data_contract
class Called:
    A: int

    @on_deserialized
    def done(self) -> None:
        """It is to be called once."""


@data_contract
class Recursive:
    A: int
    B: Recursive | None


@data_contract
class Lists:
    A: int
    B: list[Simple]


@data_contract(struct=True)
class Value:
    A: int


SIMPLE = RowForm(None, (FIXED, LONG, LONG, FIXED), 1)
OFFSET = RowForm(None, (FIXED, FIXED), 1)
AROUND = RowForm(None, (SIMPLE, FIXED, RowList(LONG), RowList(FIXED), OFFSET), 2)


@pytest.mark.parametrize(
    ("hint", "form"),
    [
        (Simple, SIMPLE),
        (Simple | None, SIMPLE),
        (DateTimeOffset, OFFSET),
        (Around, AROUND),
        (Outer[Around], RowForm(None, (AROUND, FIXED), 3)),
        (
            Outer[Outer[Outer[Outer[int]]]],
            RowForm(
                None,
                (
                    RowForm(
                        None,
                        (RowForm(None, (RowForm(None, (FIXED, FIXED), 1), FIXED), 2), FIXED),
                        3,
                    ),
                    FIXED,
                ),
                4,
            ),
        ),
        *[
            (hint, None)
            for hint in (
                int,
                list[int],
                dict[str, int],
                tuple[int, str],
                Named,
                Nothing,
                Known,
                Called,
                Recursive,
                Lists,
                Outer[Named],
                Outer[object],
                Outer[dict[str, int]],
                Outer[Outer[Outer[Outer[Outer[Outer[int]]]]]],
            )
        ],
    ],
)
def test_what_can_be_a_row(hint: Any, form: RowForm | None) -> None:
    """Classes of simple members, of lists of these, and of such classes."""
    contract = contract_of(hint)
    assert row_form_of(contract) == form
    found = READ_FORMS.of(contract.bare).rows if hint is not int else None
    assert (found and found._replace(read=None)) == form


def test_how_many_texts() -> None:
    """There are rows with so many texts and no more."""
    many = type("Many", (), {"__annotations__": {f"M{n:02}": int for n in range(MOST_TEXTS)}})
    more = type("More", (), {"__annotations__": {f"M{n:02}": int for n in range(MOST_TEXTS + 1)}})
    assert row_form_of(contract_of(data_contract(many))) is not None
    assert row_form_of(contract_of(data_contract(more))) is None


@pytest.mark.parametrize(
    ("part", "texts", "lists"), [(FIXED, 1, 0), (RowList(LONG), 1, 1), (AROUND, 9, 2)]
)
def test_counting(part: RowPart, texts: int, lists: int) -> None:
    """How many texts, and how many of them are lists."""
    assert texts_of(part) == texts
    assert lists_of(part) == lists


def text(value: Any) -> bytes:
    """The record of a value."""
    return encode_text(value, 1)


NULL = b"\x2e\x03nil\x87\x01"


def split(items: bytes) -> list[bytes]:
    """Stands for what cuts lists: one item, or none."""
    return [items] if items != b"\x01" else []


def read(hint: Any, *rows: tuple[bytes, ...]) -> list[Any]:
    """What is made of rows."""
    form = READ_FORMS.of(contract_of(hint)).rows
    assert form is not None
    assert form.read is not None
    made: list[Any] = []
    form.read([(*row, b"") for row in rows], made.append, (split,) * lists_of(form))
    return made


INNER = text(1), text("b"), text("ON"), NULL
MOMENT = b"\x97" + bytes(8), text(60)


def test_reading() -> None:
    """All kinds of members, there and null."""
    simple = Simple(A=1, B="b", C=State.ON, D=None)
    offset = DateTimeOffset(0, 60)
    assert read(Around, (*INNER, text(2), text("x"), text(7), *MOMENT)) == [
        Around(A=simple, B=2, C={"x"}, D=[7], E=offset)
    ]
    nothing = (b"",) * 4
    assert read(
        Around,
        (*nothing, text(2), b"\x01", b"", *MOMENT),
        (*nothing, text(3), b"\x01", NULL, *MOMENT),
    ) == [
        Around(A=None, B=2, C=set(), D=None, E=offset),
        Around(A=None, B=3, C=set(), D=[None], E=offset),
    ]
    assert read(DateTimeOffset, MOMENT) == [offset]


@pytest.mark.parametrize(
    ("hint", "row"),
    [
        (Simple, (NULL, *INNER[1:])),
        (Simple, (*INNER[:2], NULL, INNER[3])),
        (Around, ((b"",) * 4 + (text(2), b"\x01", b"", NULL, text(60)))),
        (Outer[Value], (b"", text(1))),
        (Outer[DateTimeOffset], (b"", b"", text(1))),
        (Simple, (text("one"), *INNER[1:])),
    ],
)
def test_what_cannot_be_null(hint: Any, row: tuple[bytes, ...]) -> None:
    """What cannot be null, or is no value, is the ordinary way's."""
    with pytest.raises((Unusual, LookupError, XmlException)):
        read(hint, row)


def test_required() -> None:
    """Whether a member has to be there makes no difference: it is."""

    @data_contract
    class Required:
        A: int = member(required=True)

    assert read(Required, (text(1),)) == [Required(A=1)]
