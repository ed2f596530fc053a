"""What annotations of members mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import pytest

from netshare.transport.datacontracts import InvalidDataContract
from netshare.transport.datacontracts.scalars import Int64, scalar_of_hint
from netshare.transport.xmlserializer.hints import Hint, default_of, hint_of

INT = scalar_of_hint(int)


@pytest.mark.parametrize(
    ("annotation", "hint"),
    [
        (int, Hint(INT)),
        (int | None, Hint(INT, optional=True)),
        (Optional[int], Hint(INT, optional=True)),  # noqa: UP045
        (Int64, Hint(Int64.__metadata__[0])),  # type: ignore[attr-defined]
        (list[int], Hint(list, item=int)),
        (Sequence[int] | None, Hint(list, optional=True, item=int)),
        (dict[str, str], Hint(dict)),
        (int | str | None, Hint(Any, optional=True)),
        (object, Hint(object)),
    ],
)
def test_annotations(annotation: Any, hint: Hint) -> None:
    """Annotations are taken apart into a type, whether there may be None, and what is in a list."""
    assert hint_of(annotation, "here") == hint


def test_no_type() -> None:
    """What is no type is refused, with the place where it stands."""
    with pytest.raises(InvalidDataContract, match="here: XmlSerializer has no type like 5"):
        hint_of(5, "here")


def test_defaults() -> None:
    """Value types have zeros, lists are empty, and everything else is None."""
    assert default_of(Hint(INT)) == 0
    assert default_of(Hint(INT, optional=True)) is None
    assert default_of(Hint(list, item=int)) == []
    assert default_of(Hint(object)) is None
