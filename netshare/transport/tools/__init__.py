"""
What was on the wire, for people and tools: a conversation taken apart into its records.

:func:`decode` takes what was written, piece by piece (:class:`Piece`), and gives the records of the
framing (:class:`Record`). What an envelope carries is a record's :class:`Content`;
:class:`PayloadReader` reads that of envelopes alone. Nothing here raises for any input.
"""

from netshare.transport.tools.capture import Piece, Record, Side, side_of
from netshare.transport.tools.decode import decode
from netshare.transport.tools.payload import Content, PayloadReader

__all__ = ["Content", "PayloadReader", "Piece", "Record", "Side", "decode", "side_of"]
