"""Which types may stand where others are declared."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    Int64,
    UnencodableValue,
)
from tests.helpers.sampletypes import (
    Base,
    Derived,
    P,
    Page,
)
from tests.helpers.serializing import (
    from_text,
    through_binary,
    to_text,
)


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


COLLECTIONS = (
    *(list[int], list[str], list[P], dict[str, int], dict[int, str], set[str], set[int]),
    *(Page[int], Page[str], tuple[int, str], tuple[str, int], list[list[str]], list[Int64]),
)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ([1], "ArrayOfint"),
        ([2**40], "ArrayOflong"),
        (["a", None], "ArrayOfstring"),
        ([P(1)], "ArrayOfP"),
        ([["a"]], "ArrayOfArrayOfstring"),
        ({"a": 1}, "ArrayOfKeyValueOfstringint"),
        ({1: "a"}, "ArrayOfKeyValueOfintstring"),
        ({"a"}, "ArrayOfstring"),
        ({1}, "ArrayOfint"),
        ((1, "a"), "TupleOfintstring"),
        (("a", 1), "TupleOfstringint"),
        (Page[str](), "PageOfstring"),
        (Page(["a"]), "PageOfstring"),
        (Page[int](), "PageOfint"),
    ],
)
def test_several_of_one_class(value: Any, name: str) -> None:
    """Of several known collections, tuples or generic classes it is the one the value can be."""
    assert f':{name}"' in to_text(object, value, COLLECTIONS)
    again = through_binary(object, value, COLLECTIONS)
    assert again == (list(value) if type(value) is set else value)


def test_none_of_several() -> None:
    """A value that is none of them is an error that names them."""
    with pytest.raises(UnencodableValue, match="none of ArrayOfint, ArrayOfstring"):
        to_text(object, [1.5], (list[int], list[str]))


def test_collections_do_not_stand_for_one_another() -> None:
    """A list of another type than declared is an error, even when it is known."""
    text = to_text(object, [1], (list[int],))
    with pytest.raises(DeserializationFailed, match=r"'ArrayOfint' .* is no ArrayOfstring"):
        from_text(list[str], text, (list[int],))
