"""Methods that are called before writing and after reading."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    UnencodableValue,
    data_contract,
    ignored,
    on_deserialized,
    on_serializing,
)
from tests.helpers.serializing import (
    through_binary,
    to_text,
)


@data_contract(namespace="urn:h")
class Hooked:
    Celsius: float
    Fahrenheit: float = ignored(default=0.0)

    @on_serializing
    def _before(self) -> None:
        if self.Fahrenheit:
            self.Celsius = (self.Fahrenheit - 32) / 1.8

    @on_deserialized
    def _after(self) -> None:
        if self.Celsius < -273.15:
            raise ValueError("colder than can be")
        self.Fahrenheit = self.Celsius * 1.8 + 32


@data_contract(namespace="urn:h")
class HookedMore(Hooked):
    Said: str | None = ignored()

    @on_deserialized
    def _also(self) -> None:
        self.Said = f"{self.Fahrenheit:.0f} F"


def test_hooks() -> None:
    """Methods are called before writing and after reading, those of the base class first."""
    assert through_binary(Hooked, Hooked(Fahrenheit=212.0)).Celsius == pytest.approx(100)
    assert through_binary(Hooked, Hooked(100.0)).Fahrenheit == pytest.approx(212)
    assert through_binary(HookedMore, HookedMore(Celsius=100.0)).Said == "212 F"


def test_hooks_that_fail() -> None:
    """What a hook raises is an error of its side, which names the hook."""
    with pytest.raises(DeserializationFailed, match=r"Hooked\._after: colder than can be"):
        through_binary(Hooked, Hooked(-300.0))
    with pytest.raises(UnencodableValue, match=r"Hooked\._before: unsupported"):
        to_text(Hooked, Hooked(Fahrenheit="x"))  # type: ignore[arg-type]
