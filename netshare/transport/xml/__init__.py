"""
XML as WCF has it: one infoset, whether it travels as text or in binary (:mod:`.binary`).

Everything between bytes and meaning goes through one flat list of *events* (:mod:`.events`): a
leaf element is one event, so a message is a few hundred tuples. Reading, here :func:`parse_events`
of text, means making that list, completely checked. From it come the two ways to consume a
document:

- a tree of immutable tuples (:func:`build_tree`, :mod:`.nodes`), for tools and generic code;
- a cursor (:class:`XmlCursor`) with which a contract decodes straight into its own types,
  converting each value by the type it wants (:mod:`.conversions`), since a record's type means
  nothing.

Writing has one interface, :class:`XmlWriter`, for text (:class:`TextWriter`) and binary. What a
value is, is said once, in :mod:`.values`; how it looks as characters, in :func:`lexical`.

The errors are one family (:mod:`.errors`), and nothing else is raised for any input. Limits
(:mod:`.quotas`) are on by default, among them one that .NET lacks, against small documents that
stand for much.
"""

from netshare.transport.xml.conversions import (
    INTEGER_RANGES,
    as_boolean,
    as_bytes,
    as_datetime,
    as_decimal,
    as_double,
    as_guid,
    as_integer,
    as_single,
    as_string,
    as_timespan,
    as_unique_id,
)
from netshare.transport.xml.cursor import XmlCursor
from netshare.transport.xml.errors import QuotaExceeded, SessionInvalid, XmlException
from netshare.transport.xml.events import END, Event, Start
from netshare.transport.xml.moments import MAX_TICKS, DateTime, DateTimeKind, DateTimeLike
from netshare.transport.xml.namespaces import XML_NAMESPACE, XMLNS_NAMESPACE, XSI
from netshare.transport.xml.ncnames import decode_name, encode_name, is_ncname
from netshare.transport.xml.nodes import (
    ArrayElements,
    Attribute,
    Comment,
    Document,
    Element,
    Name,
    NamespaceDeclaration,
    join_values,
)
from netshare.transport.xml.quotas import BINDING_QUOTAS, BUFFERED_QUOTAS, MAX_QUOTAS, ReaderQuotas
from netshare.transport.xml.text import TextWriter, parse, parse_events, to_indented_xml, to_xml
from netshare.transport.xml.timespan import TimeSpan, TimeSpanLike
from netshare.transport.xml.tree import build_tree
from netshare.transport.xml.values import (
    DictionaryString,
    Guid,
    QualifiedName,
    Single,
    UniqueId,
    Value,
    ValueList,
    lexical,
)
from netshare.transport.xml.writer import XmlWriter

__all__ = [
    "BINDING_QUOTAS",
    "BUFFERED_QUOTAS",
    "END",
    "INTEGER_RANGES",
    "MAX_QUOTAS",
    "MAX_TICKS",
    "XMLNS_NAMESPACE",
    "XML_NAMESPACE",
    "XSI",
    "ArrayElements",
    "Attribute",
    "Comment",
    "DateTime",
    "DateTimeKind",
    "DateTimeLike",
    "DictionaryString",
    "Document",
    "Element",
    "Event",
    "Guid",
    "Name",
    "NamespaceDeclaration",
    "QualifiedName",
    "QuotaExceeded",
    "ReaderQuotas",
    "SessionInvalid",
    "Single",
    "Start",
    "TextWriter",
    "TimeSpan",
    "TimeSpanLike",
    "UniqueId",
    "Value",
    "ValueList",
    "XmlCursor",
    "XmlException",
    "XmlWriter",
    "as_boolean",
    "as_bytes",
    "as_datetime",
    "as_decimal",
    "as_double",
    "as_guid",
    "as_integer",
    "as_single",
    "as_string",
    "as_timespan",
    "as_unique_id",
    "build_tree",
    "decode_name",
    "encode_name",
    "is_ncname",
    "join_values",
    "lexical",
    "parse",
    "parse_events",
    "to_indented_xml",
    "to_xml",
]
