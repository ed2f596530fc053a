"""
Binary XML as WCF speaks it: [MC-NBFX], its static dictionary [MC-NBFS], its sessions [MC-NBFSE].

Reading (:mod:`.reader`) gives the events of :mod:`netshare.transport.xml`, writing (:mod:`.writer`)
has the interface of its :class:`~netshare.transport.xml.XmlWriter`. How a value looks in a record
is said in :mod:`.encode`. What is accepted and how it is printed follows .NET's own reader and
writers, against which all of this is tested with made-up and mutated documents.

The reader that defines what is accepted goes record by record (:mod:`.recordreader`,
:mod:`.textrecords`). Three quicker ways exist beside it: :mod:`.scanner`, which cuts a window of
records of common shapes at once; :mod:`.leaves`, for the end of a message of which the rest is
known; and the templates of :mod:`netshare.transport.encoders.templates`. One rule holds for all of
them: **a quick way may only say "I do not know"**. It takes nothing that the record reader would
not take, gives the same events, and never complains: whatever it stumbles over, the document is
read again record by record, which alone decides and says what is wrong and where. Differential
tests hold each of them to it.
"""

from netshare.transport.xml.binary.reader import read_document, read_events
from netshare.transport.xml.binary.session import MAX_SESSION_SIZE, ReaderSession, WriterSession
from netshare.transport.xml.binary.writer import BinaryWriter, encode, encode_envelope

__all__ = [
    "MAX_SESSION_SIZE",
    "BinaryWriter",
    "ReaderSession",
    "WriterSession",
    "encode",
    "encode_envelope",
    "read_document",
    "read_events",
]
