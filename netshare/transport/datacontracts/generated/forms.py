"""
What a generated writer is, and what it needs to know of the elements that it writes.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.xml.binary import WriterSession

__all__ = ["Form", "Kind", "Opening", "Slot", "Unknown", "Write"]


class Unknown(Unusual):
    """A string has no id in the session yet."""


class Kind(enum.Enum):
    """What a generated writer needs to know of an element."""

    #: Its start tag.
    PLAIN = "plain"
    #: All of :class:`Opening`; another place is inside.
    STRUCTURE = "structure"
    #: All of :class:`Opening`; it has one text, or is null, or nothing of it can be generated.
    OPENING = "opening"
    #: What stands in front of the number of items of an array.
    ARRAY = "array"


class Slot(NamedTuple):
    """
    An element inside of another.

    :param kind: what is needed of it
    :param name: its name
    :param namespace: and its namespace
    :param contract: its type; None: it is nothing but a frame for others
    :param child_namespace: what it declares for what is inside
    :param optional: whether there are objects that do not have it
    :param inside: the slot in whose element it stands; None: it stands in the object's own
    """

    kind: Kind
    name: str
    namespace: str
    contract: TypeContract | None
    child_namespace: str | None = None
    optional: bool = False
    inside: int | None = None


class WritesOthers(Protocol):
    """What writes values of other types than the declared one; see :class:`~.others.Others`."""

    def write(
        self, append: Callable[[bytes], None], value: Any, session: WriterSession | None
    ) -> None:
        """Write an element."""


class Opening(NamedTuple):
    """
    What an element can begin with.

    :param start: the start tag, when something is inside; None: strings are new in it
    :param nil: the whole element, when it is null; None: there is no null
    :param empty: the whole element, when nothing is inside
    :param others: what writes it when its value is of another type than is declared; None: it
        cannot be
    """

    start: bytes | None
    nil: bytes | None
    empty: bytes
    others: WritesOthers | None = None


#: What is generated: (append, opening, values, place, session); writes an element of each value.
Write: TypeAlias = Callable[
    [Callable[[bytes], None], Opening, Any, Any, WriterSession | None], None
]


class Form(NamedTuple):
    """
    What is generated for a contract.

    :param write: the function
    :param slots: the elements that it needs to know, in the order that it takes them
    """

    write: Write
    slots: tuple[Slot, ...]
