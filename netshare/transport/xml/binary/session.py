"""
[MC-NBFSE]: string tables that grow during one framing session, one for each direction.

In front of each document stands a table with the strings it uses for the first time. They get
the ids 1, 3, 5, … for the life of the session. Both ends count the bytes of all tables (lengths
included) against ``MaxSessionSize``. A writer for whom a string does not fit stops adding *for
good* and sends strings inline; a reader that is sent more, or a malformed table, can never trust
its ids again, so the session becomes unusable.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from netshare.transport.xml.binary.dictionary import STATIC_IDS
from netshare.transport.xml.binary.names import NameMemory
from netshare.transport.xml.binary.records import multibyte, read_multibyte
from netshare.transport.xml.errors import QuotaExceeded, SessionInvalid, XmlException

__all__ = ["MAX_SESSION_SIZE", "NewStrings", "ReaderSession", "WriterSession"]

#: WCF's ``MaxSessionSize`` unless the binding element says otherwise, in bytes.
MAX_SESSION_SIZE: Final = 2048


class ReaderSession:
    """
    The strings the other side has sent in this session.

    :param max_size: bytes all tables may have together.
    """

    __slots__ = ("_invalid", "_remaining", "memory", "strings")

    def __init__(self, max_size: int = MAX_SESSION_SIZE) -> None:
        self.strings: list[str] = []
        #: Owned by the reader: what it has learnt about names under this session's ids.
        self.memory = NameMemory(1024)
        self._remaining = max_size
        self._invalid = False

    @classmethod
    def of(cls, strings: list[str]) -> ReaderSession:
        """:returns: a session that knows *strings* already (tools, tests)."""
        session = cls()
        session.strings.extend(strings)
        return session

    def read_table(self, envelope: bytes) -> int:
        """
        Take the table in front of a document.

        :param envelope: what one sized envelope record carried: table and document.
        :returns: the offset at which the document begins.
        :raises QuotaExceeded: the tables are larger than ``max_size`` together.
        :raises SessionInvalid: a malformed table, now or earlier.
        """
        if self._invalid:
            raise SessionInvalid("The session cannot be used: an earlier string table was invalid")
        if envelope[:1] == b"\0":
            return 1  # nothing is new, as nearly always
        self._invalid = True
        try:
            start = self._read(envelope)
        except (IndexError, OverflowError) as error:
            raise SessionInvalid("The string table is malformed", 0) from error
        self._invalid = False
        return start

    @property
    def valid(self) -> bool:
        """Whether every string table so far was read whole."""
        return not self._invalid

    def _read(self, envelope: bytes) -> int:
        size, pos = read_multibyte(envelope, 0)
        end = pos + size
        if end > len(envelope):
            raise SessionInvalid("The string table is longer than the message", pos)
        if size > self._remaining:
            raise QuotaExceeded("The string tables are larger than MaxSessionSize", pos)
        self._remaining -= size
        while pos < end:
            length, pos = read_multibyte(envelope, pos)
            if length > end - pos:
                raise SessionInvalid("A string is longer than its table", pos)
            # .NET replaces what is not UTF-8 here rather than refusing it.
            self.strings.append(envelope[pos : pos + length].decode("utf-8", "replace"))
            pos += length
        return end


class NewStrings(NamedTuple):
    """
    What a writer's session learns from a document.

    :param ids: of the strings
    :param entries: how the string table says it
    """

    ids: dict[str, int]
    entries: bytes


class WriterSession:
    """
    The strings sent in this session.

    :param max_size: bytes all tables may have together: what the reader allows.
    """

    __slots__ = ("_ids", "_new", "_remaining", "headers", "max_size", "places")

    def __init__(self, max_size: int = MAX_SESSION_SIZE) -> None:
        self.max_size = max_size
        self._ids: dict[str, int] = {}
        self._new: list[bytes] = []
        self._remaining = max_size
        #: Owned by the writer: element records it has made with this session's ids.
        self.headers: dict[tuple[str, str], bytes] = {}
        #: Owned by the generated writers of data contracts: what they have made of such records.
        self.places: dict[Any, Any] = {}

    @classmethod
    def of(cls, strings: tuple[str, ...], max_size: int) -> WriterSession:
        """:returns: a session that has sent these strings."""
        session = cls(max_size)
        for text in strings:
            session._add(text)
        session._new.clear()
        return session

    @property
    def strings(self) -> tuple[str, ...] | None:
        """Those that have ids, which is all that matters for what is next; None: it is full."""
        return tuple(self._ids) if self._remaining else None

    def new_strings(self, mark: tuple[int, int, int]) -> NewStrings | None:
        """:returns: the strings since a mark, of which no table was taken; None: it is full."""
        if not self._remaining:
            return None
        count, new, _ = mark
        return NewStrings(dict([*self._ids.items()][count:]), b"".join(self._new[new:]))

    def learn(self, new: NewStrings) -> None:
        """
        Take over what another session learnt from the same document after the same strings.
        """
        self._ids.update(new.ids)
        self._remaining -= len(new.entries)
        if new.entries:
            self._new.append(new.entries)

    def mark(self) -> tuple[int, int, int]:
        """:returns: where the session is, for :meth:`go_back`."""
        return len(self._ids), len(self._new), self._remaining

    def go_back(self, mark: tuple[int, int, int]) -> None:
        """Forget the strings since a mark, of which no table was taken."""
        count, new, self._remaining = mark
        for text in list(self._ids)[count:]:
            del self._ids[text]
        del self._new[new:]
        self.headers.clear()
        self.places.clear()

    def knows(self, text: str) -> bool:
        """:returns: whether :meth:`id_of` gives out nothing new for a text."""
        return not self._remaining or self.known_id(text) is not None

    def known_id(self, text: str) -> int | None:
        """:returns: the id that a text has already; ``None``: it has none."""
        known = STATIC_IDS.get(text)
        return self._ids.get(text) if known is None else known

    def id_of(self, text: str) -> int | None:
        """
        :param text: a name, a namespace, a text worth remembering.
        :returns: the id to write, given out now if need be; ``None`` once the table is full.
        :raises XmlException: the text cannot be UTF-8.
        """
        known = self.known_id(text)
        return self._add(text) if known is None and self._remaining else known

    def _add(self, text: str) -> int | None:
        try:
            raw = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise XmlException("A lone surrogate cannot be written") from error
        entry = multibyte(len(raw)) + raw
        if len(entry) > self._remaining:
            self._remaining = 0
            return None
        self._remaining -= len(entry)
        self._new.append(entry)
        number = self._ids[text] = 2 * len(self._ids) + 1
        return number

    def take_table(self) -> bytes:
        """
        :returns: the table to put in front of the document just written: size and the strings
            given out since the last call. To be sent, and in order, or the session is lost.
        """
        if not self._new:
            return b"\0"
        strings = b"".join(self._new)
        self._new.clear()
        return multibyte(len(strings)) + strings
