"""
Binary XML as WCF speaks it: [MC-NBFX], its static dictionary [MC-NBFS], its sessions [MC-NBFSE].

Everything between bytes and meaning goes through one flat list of *events* (:mod:`.events`): a
leaf element is one event, so a message is a few hundred tuples. Reading means making that list,
completely checked (:mod:`.reader`, with :mod:`.scanner` for the common shapes and
:mod:`.textrecords` for everything else). From it come the two ways to consume a document:

- a tree of immutable tuples (:mod:`.tree`, :mod:`.nodes`), for tools and generic code;
- a cursor (:mod:`.cursor`) with which a contract decodes straight into its own types, converting
  each value by the type it wants (:mod:`.conversions`), for the records' types mean nothing.

Writing has one interface for binary and text (:mod:`.basewriter`); :mod:`.writer` is the binary
one, :mod:`netshare.transport.xml.text` the text one. What a value is, is said once, in
:mod:`.values`; how it looks in a record in :mod:`.encoding`, how in text in
:func:`.values.lexical`.

What is accepted and how it is printed follows .NET's own reader and text writer, against which
all of this is tested with made-up and mutated documents. The errors are one family
(:mod:`.errors`), and nothing else is raised for any input. Limits (:mod:`.quotas`) are on by
default, among them one that .NET lacks, against small documents that stand for much.
"""

from netshare.transport.xml.binary.reader import read_events
from netshare.transport.xml.binary.session import MAX_SESSION_SIZE, ReaderSession, WriterSession
from netshare.transport.xml.binary.writer import BinaryWriter, encode, encode_envelope
from netshare.transport.xml.cursor import XmlCursor
from netshare.transport.xml.errors import QuotaExceeded, SessionInvalid, XmlException
from netshare.transport.xml.events import END, Event, Start
from netshare.transport.xml.nodes import (
    ArrayElements,
    Attribute,
    Comment,
    Document,
    Element,
    Name,
    NamespaceDeclaration,
)
from netshare.transport.xml.quotas import BINDING_QUOTAS, BUFFERED_QUOTAS, MAX_QUOTAS, ReaderQuotas
from netshare.transport.xml.tree import build_tree, read_document
from netshare.transport.xml.values import (
    DateTime,
    DateTimeKind,
    DictionaryString,
    Guid,
    QualifiedName,
    Single,
    TimeSpan,
    UniqueId,
    Value,
    ValueList,
    lexical,
)

__all__ = [
    "BINDING_QUOTAS",
    "BUFFERED_QUOTAS",
    "END",
    "MAX_QUOTAS",
    "MAX_SESSION_SIZE",
    "ArrayElements",
    "Attribute",
    "BinaryWriter",
    "Comment",
    "DateTime",
    "DateTimeKind",
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
    "ReaderSession",
    "SessionInvalid",
    "Single",
    "Start",
    "TimeSpan",
    "UniqueId",
    "Value",
    "ValueList",
    "WriterSession",
    "XmlCursor",
    "XmlException",
    "build_tree",
    "encode",
    "encode_envelope",
    "lexical",
    "read_document",
    "read_events",
]
