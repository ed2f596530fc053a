"""
Templates that the sessions of one listener, or of one channel factory, have in common.

The first messages of a session bring it its strings, so no template of its own helps with them; but
sessions of the same kind begin with the same messages, and what those mean, or how they are
written, depends on nothing but the strings that came before. So it is kept by just these strings.

A peer that sends ever new messages must gain nothing by it. What is kept is small, made for the
second message of a kind, and so rarely that making it costs next to nothing, whatever is sent:
everything else is read and written without templates. The plain form, a bounded store that makes a
template at each second sighting, is as good for honest clients, but costs a flood of messages that
each come twice 1.9 times as much as no templates at all (now 1.2), and 100 kinds of sessions in
turn, which is more than are kept, 3.2 times as much (now 0.7).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

__all__ = ["SharedTemplates"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

#: How many are kept: those that were used last.
_MAX_KEPT: Final = 64
#: Kinds of messages that are remembered, by hash, as met once.
_MAX_MET: Final = 512
#: For so many messages that had to be read or written without one, one may be made ...
_PRICE: Final = 128
#: ... and so many at once, after a while in which few were.
_MAX_SAVED: Final = 32


class SharedTemplates(Generic[K, T]):
    """
    A store of templates.
    """

    def __init__(self) -> None:
        #: The one used last is the last.
        self._kept: dict[K, T] = {}
        self._met: dict[int, None] = {}
        self._credit = _PRICE * _MAX_SAVED

    def get(self, key: K) -> T | None:
        """:returns: what was kept for a key; None: nothing."""
        found = self._kept.pop(key, None)
        if found is not None:
            self._kept[key] = found
        return found

    def wanted(self, *kind: Hashable) -> bool:
        """
        There was a message without a template.

        :returns: whether to make one of it
        """
        self._credit = min(self._credit + 1, _PRICE * _MAX_SAVED)
        number = hash(kind)
        if number not in self._met:
            if len(self._met) >= _MAX_MET:
                del self._met[next(iter(self._met))]
            self._met[number] = None
            return False
        if self._credit < _PRICE:
            return False
        self._credit -= _PRICE
        return True

    def keep(self, key: K, template: T) -> None:
        """
        Keep a template, in place of what was kept for the key.

        :param template: something that is not changed any more
        """
        self._kept.pop(key, None)
        if len(self._kept) >= _MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = template

    def __len__(self) -> int:
        """For how many keys there is something."""
        return len(self._kept)
