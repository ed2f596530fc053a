"""
What one user may have at the control socket.

Everybody may connect to it. A link that has registered nothing yet may do little: it can ask, and
register, and neither takes descriptors or long boxes. What all links of one user have together is
limited, so that one user's processes cannot take what the others need. Root and the service's own
user could stop the service anyway and are not counted, but their links keep the same rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

#: How many links a user may have that have registered nothing; the oldest gives way to a new one.
MOST_UNREGISTERED = 256

#: How many links a user may have in all.
MOST_LINKS = 16_384

#: How many descriptors that no command has claimed yet may lie on a user's links.
MOST_UNCLAIMED = 512

#: How many bytes of boxes that are not complete yet may lie on a user's links.
MOST_UNFINISHED = 8 * 1024 * 1024

#: How many bytes a box may have on a link that has registered nothing.
SHORT_BOX = 64 * 1024

#: Seconds in which a box that has begun has to be complete.
BOX_TIMEOUT = 30.0

#: Seconds in which what was written to a link has to be read, once it is more than the system and
#: its transport keep.
UNREAD_TIMEOUT = 60.0

#: How many links a user may have on which so much is written and not read; the oldest goes.
MOST_UNREAD = 256

#: How many questions of one link may wait for their answers at once; the next ones are dealt with
#: later.
MOST_ANSWERING = 64

#: How many questions of one link are dealt with before others get their turn.
QUESTIONS_IN_ONE_GO = 16


class Link(Protocol):
    """A control connection, as far as its budget is concerned."""

    def cut(self, reason: str) -> None:
        """Close it at once, and log why."""


@dataclass(slots=True)
class _User:
    """What one user has now."""

    links: int = 0
    #: In the order in which they came.
    unregistered: dict[Link, None] = field(default_factory=dict)
    #: In the order in which their other ends stopped reading.
    unread: dict[Link, None] = field(default_factory=dict)
    unclaimed: int = 0
    unfinished: int = 0


class Allowance:
    """
    One link's part of its user's budget.

    :param exempt: what the user has in all is not counted
    """

    def __init__(self, link: Link, user: _User, exempt: bool, left: Callable[[], None]) -> None:
        self._link = link
        self._user = user
        self._exempt = exempt
        self._left = left
        self._unclaimed = 0
        self._unfinished = 0
        self.registered = False

    def register(self) -> None:
        """The link has registered something."""
        self.registered = True
        self._user.unregistered.pop(self._link, None)

    def holds(self, unclaimed: int, unfinished: int) -> None:
        """
        So many descriptors that no command has claimed, and bytes of a box that is not complete,
        lie on the link now. It is cut when that is too much.
        """
        user = self._user
        user.unclaimed += unclaimed - self._unclaimed
        user.unfinished += unfinished - self._unfinished
        self._unclaimed, self._unfinished = unclaimed, unfinished
        if unclaimed and not self.registered:
            self._link.cut("it sends descriptors and has registered nothing")
        elif self._exempt:
            return
        elif unclaimed and user.unclaimed > MOST_UNCLAIMED:
            self._link.cut(f"its user's links hold {user.unclaimed} descriptors unclaimed")
        elif unfinished and user.unfinished > MOST_UNFINISHED:
            self._link.cut(f"its user's links hold {user.unfinished} bytes of unfinished boxes")

    def congested(self, congested: bool) -> None:
        """
        The link's other end does not read what was written to it, or reads again. The link that
        has not been read for longest is cut when that are too many.
        """
        unread = self._user.unread
        if not congested:
            unread.pop(self._link, None)
            return
        unread[self._link] = None
        if len(unread) > MOST_UNREAD and not self._exempt:
            oldest = next(iter(unread))
            del unread[oldest]
            oldest.cut(f"its user has more than {MOST_UNREAD} that do not read")

    def leave(self) -> None:
        """The link is gone."""
        user = self._user
        user.unread.pop(self._link, None)
        user.unclaimed -= self._unclaimed
        user.unfinished -= self._unfinished
        self._unclaimed = self._unfinished = 0
        user.unregistered.pop(self._link, None)
        user.links -= 1
        self._left()


class Budgets:
    """
    The budgets of all users.
    """

    def __init__(self) -> None:
        self._users: dict[int, _User] = {}

    def enter(self, link: Link, uid: int, exempt: bool) -> Allowance:
        """
        A link is there. It, or another one of the same user, is cut when there are too many.
        """
        user = self._users.setdefault(uid, _User())
        user.links += 1
        user.unregistered[link] = None

        def left() -> None:
            if not user.links:
                self._users.pop(uid, None)

        allowance = Allowance(link, user, exempt, left)
        if not exempt:
            if user.links > MOST_LINKS:
                link.cut(f"its user has more than {MOST_LINKS} links")
            elif len(user.unregistered) > MOST_UNREGISTERED:
                oldest = next(iter(user.unregistered))
                del user.unregistered[oldest]
                oldest.cut(f"its user has more than {MOST_UNREGISTERED} that registered nothing")
        return allowance
