"""ISerializable: named values."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts import (
    DeserializationFailed,
    ExceptionInfo,
    InvalidDataContract,
    SerializationInfo,
    UnencodableValue,
    serializable,
)
from tests.helpers.sampletypes import P
from tests.helpers.serializing import from_text, through_binary, to_text
from tests.helpers.valuetypes import Err

XSI = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'


def test_an_exception() -> None:
    """An exception has what .NET needs to make one, and what is said of it."""
    error = Err(Message="sold out", Code=7)
    assert error["ClassName"] == "Values.Err"
    assert error["HResult"] == -2146233088
    for again in (through_binary(Err, error), from_text(Err, to_text(Err, error))):
        assert type(again) is Err
        assert again == error


def test_any_values() -> None:
    """Values are as in an object: of simple or known types, with any name."""
    info = SerializationInfo({"a b": 1, "c": None, "p": P(3)})
    assert through_binary(SerializationInfo, info, [P]) == info
    with pytest.raises(UnencodableValue, match=r"r\.p: P is no Object"):
        to_text(SerializationInfo, info)
    with pytest.raises(DeserializationFailed, match=r"value\.x: the type 'T' from"):
        from_text(SerializationInfo, f'<r {XSI} xmlns:t="urn:t"><x i:type="t:T"/></r>')
    with pytest.raises(DeserializationFailed, match="Text was encountered"):
        from_text(SerializationInfo, "<r>text</r>")


def test_an_inner_exception() -> None:
    """An exception in an exception is a known type."""

    @serializable(name="InvalidOperationException", clr_namespace="System")
    class Invalid(ExceptionInfo):
        pass

    error = ExceptionInfo(Message="out", InnerException=Invalid(Message="in"))
    again = through_binary(ExceptionInfo, error, [Invalid])
    assert again["InnerException"]["Message"] == "in"
    assert again["InnerException"]["ClassName"] == "System.InvalidOperationException"


def test_what_is_none() -> None:
    """Other values, and other classes, are errors."""
    with pytest.raises(UnencodableValue, match="dict is no Err"):
        to_text(Err, {})
    with pytest.raises(InvalidDataContract, match="dict is no SerializationInfo"):
        serializable(name="x")(dict)  # type: ignore[type-var]
