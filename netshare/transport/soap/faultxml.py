"""
How a fault stands in the body of a message, in SOAP 1.1 and 1.2.

The two differ: ``faultcode`` with one qualified name against ``Code`` with subcodes,
``faultstring`` against ``Reason`` with languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from netshare.transport.soap.faultcodes import SOAP_NAMESPACES, FaultCode
from netshare.transport.soap.headers import BodyWriter
from netshare.transport.soap.versions import SoapVersion
from netshare.transport.xml import (
    XML_NAMESPACE,
    Element,
    XmlCursor,
    XmlException,
    XmlWriter,
    as_string,
)

__all__ = ["FaultContent", "read_fault", "write_fault"]

_NAMES: Final = {
    SoapVersion.SOAP11: {"Sender": "Client", "Receiver": "Server"},
    SoapVersion.SOAP12: {"Client": "Sender", "Server": "Receiver"},
}
_MAX_SUBCODES: Final = 32


@dataclass(slots=True)
class FaultContent:
    """
    What a fault says.

    :param code: its code
    :param reason: what happened, for people
    :param detail: writes the child elements of the detail, or is the one, or stands on the first
        (of a received fault)
    :param actor: who found it (1.1 ``faultactor``, 1.2 ``Role``)
    :param node: where it was found (1.2 only)
    :param lang: the language of the reason (1.2)
    """

    code: FaultCode
    reason: str
    detail: BodyWriter | Element | XmlCursor | None = None
    actor: str = ""
    node: str = ""
    lang: str = ""


def write_fault(fault: FaultContent, writer: XmlWriter, soap: SoapVersion) -> None:
    """
    Write a fault.

    :param fault: the fault
    :param writer: stands in the body
    :param soap: the version of the envelope
    """
    if soap is SoapVersion.SOAP11:
        _write11(fault, writer)
    else:
        _write12(fault, writer)


def read_fault(cursor: XmlCursor, soap: SoapVersion) -> FaultContent:
    """
    :param cursor: stands on the fault
    :param soap: the version of the envelope
    :returns: what it says
    :raises XmlException: it is malformed
    """
    return _read11(cursor) if soap is SoapVersion.SOAP11 else _read12(cursor, soap)


def _write12(fault: FaultContent, writer: XmlWriter) -> None:
    soap = SoapVersion.SOAP12
    uri = soap.namespace
    writer.start_element("Fault", uri, "s")
    writer.start_element("Code", uri, "s")
    code: FaultCode | None = fault.code
    depth = 0
    while code is not None and depth < _MAX_SUBCODES:
        if depth:
            writer.start_element("Subcode", uri, "s")
        writer.start_element("Value", uri, "s")
        _write_code(writer, code, soap)
        writer.end_element()
        code = code.subcode
        depth += 1
    for _ in range(depth):
        writer.end_element()
    writer.start_element("Reason", uri, "s")
    writer.start_element("Text", uri, "s")
    inline, writer.inline_names = writer.inline_names, True
    writer.attribute("lang", fault.lang, XML_NAMESPACE, "xml")
    writer.inline_names = inline
    if fault.reason:
        writer.text(fault.reason)
    writer.end_element()
    writer.end_element()
    if fault.node:
        writer.element("Node", fault.node, uri, "s")
    if fault.actor:
        writer.element("Role", fault.actor, uri, "s")
    _write_detail(fault, writer, "Detail", uri, "s")
    writer.end_element()


def _write11(fault: FaultContent, writer: XmlWriter) -> None:
    # With the innermost code, as WCF does.
    soap = SoapVersion.SOAP11
    writer.start_element("Fault", soap.namespace, "s")
    writer.start_element("faultcode")
    code = fault.code
    while code.subcode is not None:
        code = code.subcode
    _write_code(writer, code, soap)
    writer.end_element()
    writer.start_element("faultstring")
    if fault.lang:
        writer.attribute("lang", fault.lang, XML_NAMESPACE, "xml")
    if fault.reason:
        writer.text(fault.reason)
    writer.end_element()
    if fault.actor:
        writer.element("faultactor", fault.actor)
    _write_detail(fault, writer, "detail", "", "")
    writer.end_element()


def _write_detail(fault: FaultContent, writer: XmlWriter, name: str, uri: str, prefix: str) -> None:
    detail = fault.detail
    if detail is None:
        return
    writer.start_element(name, uri, prefix)
    if isinstance(detail, Element):
        writer.node(detail)
    elif isinstance(detail, XmlCursor):
        cursor = detail.copy()
        writer.node(cursor.element())
        while cursor.next() is not None:
            writer.node(cursor.element())
    else:
        detail(writer)
    writer.end_element()


def _write_code(writer: XmlWriter, code: FaultCode, soap: SoapVersion) -> None:
    """Write a code's qualified name, in the pieces in which WCF writes it."""
    name, namespace, prefix = code.name, code.namespace, "a"
    if code.is_soap:
        name, namespace, prefix = _NAMES[soap].get(name, name), soap.namespace, "s"
    else:
        known = writer.prefix_of(namespace)
        if known:
            prefix = known
        else:
            inline, writer.inline_names = writer.inline_names, True
            writer.declare(prefix, namespace)
            writer.inline_names = inline
    for piece in (prefix, ":", name):
        writer.text(piece)


def _read_code(cursor: XmlCursor) -> FaultCode:
    text = as_string(cursor.copy().value())
    namespace, name = cursor.resolve(text)
    if namespace in SOAP_NAMESPACES:
        namespace, name = "", _NAMES[SoapVersion.SOAP12].get(name, name)
    return FaultCode(name, namespace)


def _read11(cursor: XmlCursor) -> FaultContent:
    fault = FaultContent(FaultCode.receiver(), "")
    cursor.enter()
    while (name := cursor.next()) is not None:
        if name.local == "faultcode":
            fault.code = _read_code(cursor)
        elif name.local == "faultstring":
            fault.reason = as_string(cursor.value())
        elif name.local == "faultactor":
            fault.actor = as_string(cursor.value())
        elif name.local == "detail":
            fault.detail = _inside(cursor)
    return fault


def _read12(cursor: XmlCursor, soap: SoapVersion) -> FaultContent:
    fault = FaultContent(FaultCode.receiver(), "")
    cursor.enter()
    while (name := cursor.next()) is not None:
        if name.namespace != soap.namespace:
            continue
        if name.local == "Code":
            fault.code = _read_codes(cursor, soap)
        elif name.local == "Reason":
            _read_reason(cursor, fault)
        elif name.local == "Node":
            fault.node = as_string(cursor.value())
        elif name.local == "Role":
            fault.actor = as_string(cursor.value())
        elif name.local == "Detail":
            fault.detail = _inside(cursor)
    return fault


def _read_codes(cursor: XmlCursor, soap: SoapVersion) -> FaultCode:
    codes: list[FaultCode] = []
    depth = 0
    cursor.enter()
    while True:
        name = cursor.next()
        if name is None:
            break
        if name.namespace == soap.namespace and name.local == "Value":
            codes.append(_read_code(cursor))
        elif name.namespace == soap.namespace and name.local == "Subcode":
            if depth >= _MAX_SUBCODES:
                raise XmlException(f"There are more than {_MAX_SUBCODES} fault codes")
            cursor.enter()
            depth += 1
    for _ in range(depth + 1):
        cursor.leave()
    if not codes:
        raise XmlException("The fault has no code")
    code = codes.pop()
    while codes:
        outer = codes.pop()
        code = FaultCode(outer.name, outer.namespace, code)
    return code


def _read_reason(cursor: XmlCursor, fault: FaultContent) -> None:
    cursor.enter()
    while (name := cursor.next()) is not None:
        if name.local == "Text" and not fault.reason:
            lang = cursor.attribute("lang", XML_NAMESPACE)
            fault.lang = "" if lang is None else as_string(lang)
            fault.reason = as_string(cursor.value())
    cursor.leave()


def _inside(cursor: XmlCursor) -> XmlCursor | None:
    """:returns: a cursor on the first child of the current element."""
    inside = cursor.copy()
    inside.enter()
    return None if inside.next() is None else inside
