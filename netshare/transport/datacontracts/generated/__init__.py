"""
Python code made for one data contract: the quick way of the usual values.

A type contract (:mod:`netshare.transport.datacontracts.types`) says how its values are written and
read, and is the only thing that does. From its tree this room makes the source of one function for
each contract, in which all is decided that does not depend on the value: which members there are,
in which order, what their start tags are, what a scalar's usual record is. The function is a cache
of the contract, no second definition: whatever is not usual raises :class:`.Unusual`, nothing has
been written or given out by then, and the ordinary way does the whole element again. It alone
knows the unusual, and it alone complains.

``docs/design/generated.rst`` says what is usual, and how to look at the source.

- :mod:`.source` puts source together, compiles it, shows it to tracebacks (``linecache``) and
  keeps the functions of so many contracts, and no more.
- :mod:`.leaves` has the usual cases of the simple types, as source.
- :mod:`.structures` makes the source of classes, lists, dictionaries and tuples.
- :mod:`.places` has the bytes of their start tags, which depend on the session's strings and on
  the namespaces in force.
- :mod:`.writing` is the door: one :class:`.GeneratedWriter` for each serializer.
- :mod:`.readleaves`, :mod:`.objects`, :mod:`.readers` and :mod:`.readplaces` are the same for
  reading, from the scanner's tokens and rows (:mod:`netshare.transport.xml.binary.scanned`)
  straight to objects, with no events in between; :mod:`.reading` is their door: one
  :class:`.GeneratedReader` for each message of an operation.
"""

from netshare.transport.datacontracts.generated.reading import GeneratedReader
from netshare.transport.datacontracts.generated.writing import GeneratedWriter

__all__ = ["GeneratedReader", "GeneratedWriter"]
