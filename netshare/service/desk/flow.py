"""
Back-pressure on a control link.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from netshare.reactors import IConnection

_UNREAD = "unread"


@implementer(IPushProducer)
class Flow:
    """
    Stops reading from a link: while its other end does not read the answers, which would pile up
    here, and while others have their turn.

    :param congested: told whether the other end has stopped reading
    """

    def __init__(self, transport: IConnection, congested: Callable[[bool], None]) -> None:
        self._transport = transport
        self._congested = congested
        self._reasons: set[str] = set()

    def wait(self, reason: str) -> None:
        """Do not read, until :meth:`go` is said for the same reason."""
        if not self._reasons and not self._transport.disconnecting:
            self._transport.pauseProducing()
        self._reasons.add(reason)

    def go(self, reason: str) -> None:
        """See :meth:`wait`."""
        if reason in self._reasons:
            self._reasons.discard(reason)
            if not self._reasons and not self._transport.disconnecting:
                self._transport.resumeProducing()

    @property
    def congested(self) -> bool:
        """Whether the other end does not read."""
        return _UNREAD in self._reasons

    def pauseProducing(self) -> None:
        self.wait(_UNREAD)
        self._congested(True)

    def resumeProducing(self) -> None:
        if self._transport.disconnecting:
            self._transport.unregisterProducer()  # which waited for us
        else:
            self.go(_UNREAD)
            self._congested(False)

    def stopProducing(self) -> None:
        """The link is gone."""
