"""Which types may stand where others are declared."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    UnencodableValue,
)
from tests.helpers.sampletypes import (
    Base,
    Derived,
    P,
)
from tests.helpers.serializing import (
    from_text,
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
