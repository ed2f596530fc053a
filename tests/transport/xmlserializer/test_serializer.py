"""Serializers of parameters."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from netshare.transport import Message, operation, service_contract
from netshare.transport.calls.formatter import formatter_for
from netshare.transport.contracts import describe, xml_serializer_format
from netshare.transport.contracts.decorators import header, message_contract
from netshare.transport.datacontracts import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
    data_contract,
)
from netshare.transport.encoders import encoder_for
from netshare.transport.xml import to_xml
from netshare.transport.xmlserializer import (
    XmlSerializer,
    xml_attribute,
    xml_element,
    xml_type,
)
from tests.helpers.xmlserializing import written


@xml_type
class Point:
    X: int = xml_attribute()


@data_contract(namespace="urn:d")
class Shape:
    X: int


@message_contract
class Said:
    Head: Point | None = header()


@service_contract(namespace="urn:s")
class IMixed:
    @operation
    @xml_serializer_format
    def Xml(self, value: Point, other: int | None) -> Point | None: ...
    @operation
    def Data(self, value: Shape | None) -> Shape | None: ...
    @xml_serializer_format
    @operation
    def Say(self, said: Said) -> None: ...


FORMATTERS = {o.name: formatter_for(o) for o in describe(IMixed).operations}


def sent(message: Message) -> Message:
    encoder = encoder_for("binary")
    return encoder.decode(encoder.encode(message))


def test_one_operation() -> None:
    """The format is that of one operation, or of all."""
    xml, data = FORMATTERS["Xml"].request, FORMATTERS["Data"].request
    message = sent(xml.write({"value": Point(5), "other": None}, False))
    element = message.body_element()
    assert element is not None
    assert to_xml(element) == (
        '<Xml xmlns="urn:s"><value X="5"></value><other xsi:nil="true" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"></other></Xml>'
    )
    assert xml.read(message) == {"value": Point(5), "other": None}
    message = sent(data.write({"value": Shape(5)}, False))
    assert data.read(message) == {"value": Shape(5)}


def test_absent_parameters() -> None:
    """What is not there is the default of its type."""
    message = sent(Message("urn:a"))
    assert FORMATTERS["Xml"].request.read(message) == {"value": None, "other": None}


@pytest.mark.parametrize("head", [Point(5), None])
def test_headers(head: Point | None) -> None:
    """Headers are of the same format; one that is None is not there."""
    request = FORMATTERS["Say"].request
    message = sent(request.write({"Head": head}, False))
    assert len(message.headers) == (head is not None)
    assert request.read(message) == {"Head": head}


def test_errors_name_operation_and_member() -> None:
    """What cannot be written or read is named from the operation on."""
    request = FORMATTERS["Xml"].request
    with pytest.raises(UnencodableValue) as caught:
        sent(request.write({"value": Point("x"), "other": 1}, False))  # type: ignore[arg-type]
    assert caught.value.path == "Xml.value.X"
    with pytest.raises(UnencodableValue, match=r"Xml\.value: None"):
        sent(request.write({"value": None, "other": 1}, False))

    def bad(writer: Any) -> None:
        writer.start_element("Xml", "urn:s")
        writer.start("value", "urn:s")
        writer.attribute("X", "x")
        writer.end_element()
        writer.end_element()

    with pytest.raises(DeserializationFailed) as read:
        request.read(sent(Message("urn:a", bad)))
    assert read.value.path == "value.X"


def test_parameters_are_elements() -> None:
    """An attribute, and elements without one around them, are members of a type only."""
    for note in (xml_attribute(), xml_element("x")):
        hint: Any = Annotated[list[int], note]
        with pytest.raises(InvalidDataContract, match="a parameter is an element"):
            XmlSerializer(hint, "")
    assert written(Annotated[int, xml_element()], 5) == "<v>5</v>"
