"""
What an envelope record carries, by its content type alone: any XML, not only messages of the
version that two sides have agreed upon. For tools; channels have :mod:`.encoders`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from netshare.transport.encoders import (
    BINARY,
    BINARY_SESSION,
    BinaryEncoder,
    MessageEncoder,
    TextEncoder,
    UnknownContentType,
    encoder_for,
)
from netshare.transport.encoders.charsets import MARKS
from netshare.transport.encoders.compression import decompress
from netshare.transport.soap import SoapVersion
from netshare.transport.xml import Document, Element, XmlException, parse, to_indented_xml, to_xml
from netshare.transport.xml.binary import MAX_SESSION_SIZE, ReaderSession, read_document

__all__ = ["Content", "PayloadReader"]

#: Bytes that a compressed envelope may become.
MAX_EXPANDED: Final = 64 * 1024 * 1024
_SOAP: Final = frozenset(version.namespace for version in SoapVersion)


@dataclass(frozen=True, slots=True)
class Content:
    """
    What was in an envelope.

    :param size: bytes of the envelope
    :param content_type: by which it was read
    :param expanded: bytes of it when it is not compressed any more; None: it was not compressed
    :param strings: those that its string table added to the session
    :param first_id: the id of the first of them
    :param document: what it says; None: it is refused
    :param problem: why; empty: it is not
    """

    size: int
    content_type: str
    expanded: int | None = None
    strings: tuple[str, ...] = ()
    first_id: int = 1
    document: Document | None = field(default=None, repr=False)
    problem: str = ""

    @property
    def action(self) -> str:
        """The action of the message, empty if it has none or is no message."""
        header = self._part("Header")
        if header is not None:
            for child in header.elements():
                if child.local == "Action":
                    return _text(child)
        return ""

    @property
    def fault(self) -> str:
        """If the message is a fault: its innermost code, and the reason. Empty: it is none."""
        body = self._part("Body")
        if body is None:
            return ""
        for fault in body.elements():
            if fault.local == "Fault" and fault.namespace in _SOAP:
                return f"{_code(fault)}: {_reason(fault)}"
        return ""

    def xml(self) -> str:
        """:returns: the document exactly as .NET prints it; empty when there is none."""
        return "" if self.document is None else to_xml(self.document)

    def indented(self) -> str:
        """:returns: the document for people; empty when there is none."""
        return "" if self.document is None else to_indented_xml(self.document)

    def _part(self, name: str) -> Element | None:
        for node in () if self.document is None else self.document.nodes:
            if type(node) is Element and node.local == "Envelope":
                return node.find(name, node.namespace)
        return None


def _text(element: Element) -> str:
    # Whatever stands there: this is for people, and must not fail.
    try:
        return element.text
    except XmlException:
        return ""


def _code(fault: Element) -> str:
    code = fault.find("Code", fault.namespace)
    if code is None:
        code = fault.find("faultcode", "")
        return "" if code is None else _text(code)
    while (inner := code.find("Subcode", fault.namespace)) is not None:
        code = inner
    value = code.find("Value", fault.namespace)
    return "" if value is None else _text(value)


def _reason(fault: Element) -> str:
    reason = fault.find("Reason", fault.namespace)
    text = fault.find("faultstring", "") if reason is None else reason.find("Text", fault.namespace)
    return "" if text is None else _text(text)


class PayloadReader:
    """
    Reads the envelopes of one direction of a session, in order.

    :param content_type: what the client said; None: go by the looks of each envelope
    :param singleton: whether they are streamed, for when nothing was said
    :param max_session_size: bytes that the string tables may have
    """

    def __init__(
        self,
        content_type: str | None = None,
        singleton: bool = False,
        max_session_size: int = MAX_SESSION_SIZE,
    ) -> None:
        self._content_type = content_type
        self._binary = BINARY if singleton else BINARY_SESSION
        self._session = ReaderSession(max_session_size)

    def read(self, payload: bytes) -> Content:
        """:returns: what is in an envelope. Nothing is raised for any input."""
        content_type = self._content_type or self._guess(payload)
        try:
            encoder = encoder_for(content_type)
        except UnknownContentType as error:
            return Content(len(payload), content_type, problem=str(error))
        expanded: int | None = None
        known = len(self._session.strings)
        document: Document | None = None
        problem = ""
        try:
            data = payload
            if isinstance(encoder, BinaryEncoder) and encoder.compression:
                data = decompress(encoder.compression, payload, MAX_EXPANDED)
                expanded = len(data)
            document = self._document(encoder, data)
            to_xml(document)  # what .NET reads but cannot print is refused, too
        except XmlException as error:
            document, problem = None, str(error)
        return Content(
            len(payload),
            content_type,
            expanded,
            tuple(self._session.strings[known:]),
            2 * known + 1,
            document,
            problem,
        )

    def _document(self, encoder: MessageEncoder, data: bytes) -> Document:
        if encoder.has_session:
            start = self._session.read_table(data)
            return read_document(data, self._session, start=start)
        if not isinstance(encoder, TextEncoder):
            return read_document(data)
        charset = encoder.charset
        for mark, marked in MARKS:
            if data.startswith(mark):
                charset, data = marked, data[len(mark) :]
                break
        try:
            return parse(str(data, charset.codec))
        except UnicodeDecodeError as error:
            raise XmlException(f"The message is not {charset.name}", error.start) from None

    def _guess(self, payload: bytes) -> str:
        # None of these beginnings is a string table: it would be longer than MaxSessionSize, or
        # shorter than its first string.
        marked = payload.startswith(tuple(mark for mark, _ in MARKS))
        if marked or (payload[:1] == b"<" and payload[1:2] > b"<"):
            return "application/soap+xml; charset=utf-8"
        return self._binary + ("+gzip" if payload.startswith(b"\x1f\x8b") else "")
