"""
What a channel or session is at the moment, and who is told when it is over.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred

from netshare.logger import Logger
from netshare.transport.calls.callers import Caller

__all__ = ["CommunicationState", "Lifetime"]


class CommunicationState(Enum):
    """What a channel or session is at the moment."""

    CREATED = "Created"
    OPENING = "Opening"
    OPENED = "Opened"
    CLOSING = "Closing"
    CLOSED = "Closed"
    FAULTED = "Faulted"


class Lifetime:
    """
    The state of a channel or session. (ICommunicationObject)

    :param caller: calls the functions that are told
    """

    log = Logger()

    def __init__(self, caller: Caller) -> None:
        self.state = CommunicationState.CREATED
        self._caller = caller
        self._is_over = False
        self._reason: BaseException | None = None
        self._functions: list[Callable[[BaseException | None], Any]] = []

    def on_closed(self, function: Callable[[BaseException | None], Any]) -> None:
        """
        Call a function when it is over; at once if it is.

        :param function: called as a callback's method would be, with None when both sides have
            closed it, and otherwise with what went wrong
        """
        if self._is_over:
            self._tell(function)
        else:
            self._functions.append(function)

    def over(self, state: CommunicationState, reason: BaseException | None) -> None:
        """
        It is over; what was said first counts.

        :param state: CLOSED or FAULTED
        :param reason: None when both sides have closed it
        """
        if self._is_over:
            return
        self.state, self._is_over, self._reason = state, True, reason
        functions, self._functions = self._functions, []
        for function in functions:
            self._tell(function)

    def _tell(self, function: Callable[[BaseException | None], Any]) -> None:
        try:
            done = self._caller.call(contextvars.copy_context(), function, self._reason)
        except Exception:
            self.log.failure("{function} failed, which was told of an end", function=function)
        else:
            if isinstance(done, Deferred):
                done.addErrback(
                    lambda failure: self.log.failure(
                        "{function} failed, which was told of an end", failure, function=function
                    )
                )
