"""
The messages of a session whose client signs them: verified before anything else looks at them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netshare.logger import Logger
from netshare.transport.calls.interfaces import IMessageLink
from netshare.transport.calls.securedlink import SecuredLink
from netshare.transport.calls.slots import begin
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.security.identity import Identity
from netshare.transport.security.secureconversation import SecurityInvalid, ServiceMessageSecurity
from netshare.transport.soap import Message

__all__ = ["VerifiedLink", "log_refusal", "refusal_of"]

_log = Logger()


class VerifiedLink(SecuredLink):
    """
    The service's side. Requests for security contexts are answered here; a message that does not
    hold is answered with WCF's fault, and the session is over.

    Messages are verified in their order. While a validator thinks about a credential, the client
    is held up.

    :param link: carries the messages
    :param security: of the endpoint
    :param peer: the client's address, for the log
    :param identified: told who the client is, once; a session has one
    """

    log = Logger()

    def __init__(
        self,
        link: IMessageLink,
        security: ServiceMessageSecurity,
        peer: object,
        identified: Callable[[Identity], None],
    ) -> None:
        super().__init__(link)
        self._security = security
        self._peer = peer
        self._identified = identified
        self._identity: Identity | None = None
        #: A validator has not decided yet about the message that came before those in waiting.
        self._validating = False
        self._waiting: deque[Callable[[], None]] = deque()
        #: The conversation wants nothing more for now.
        self._paused = False
        #: A message was refused: the session is over.
        self._refused = False

    def secure(self, message: Message) -> None:
        self._security.secure(message)

    # ---- the link

    def pause(self) -> None:
        self._paused = True
        super().pause()

    def resume(self) -> None:
        self._paused = False
        if not self._validating:
            super().resume()

    def keep_alive(self) -> None:
        if not self._validating:
            super().keep_alive()

    # ---- the receiver

    def message_received(self, message: Message) -> None:
        self._take(message, None)

    def message_unreadable(self, message: Message, error: Exception) -> None:
        self._take(message, error)

    def end_received(self) -> None:
        if self._validating:
            self._waiting.append(super().end_received)
        else:
            super().end_received()

    # ---- inside

    def _take(self, message: Message, error: Exception | None) -> None:
        if self._validating:
            self._waiting.append(lambda: self._take(message, error))
            return
        if self._closed or self._refused:
            return
        verifying = begin(self._verify(message, error))
        if isinstance(verifying, Deferred):
            self._validating = True
            super().pause()
            verifying.addErrback(self._failed)
            verifying.addCallback(self._validated)

    async def _verify(self, message: Message, error: Exception | None) -> None:
        try:
            received = await self._security.receive(message)
            if received.identity is not None:
                self._know(received.identity)
        except SecurityInvalid as refused:
            self._refuse(message, refused)
            return
        if self._closed:
            return
        if received.answer is not None:
            send = self.send if received.secured else self._link.send
            self._answer(received.answer, message, send)
        elif error is None:
            self._receiver.message_received(message)
        else:
            self._receiver.message_unreadable(message, error)

    def _know(self, identity: Identity) -> None:
        if self._identity is None:
            self._identity = identity
            self._identified(identity)
        elif identity != self._identity:
            raise SecurityInvalid("a message of another client than the session's")

    def _validated(self, _: object) -> None:
        self._validating = False
        while self._waiting and not self._validating:
            self._waiting.popleft()()
        if not self._validating and not self._paused and not self._closed:
            super().resume()

    def _failed(self, failure: Failure) -> None:
        self.log.failure("a message could not be verified", failure)
        self.abort()

    def _refuse(self, message: Message, refused: SecurityInvalid) -> None:
        self._refused = True
        log_refusal(self.via, self._peer, message, refused)
        if self._closed:
            return
        answer = refusal_of(message, refused)
        if answer is not None:
            self._answer(answer, message, self._link.send)
        self._link.close().addErrback(lambda failure: None)

    def _answer(
        self,
        answer: Message,
        request: Message,
        send: Callable[[Message], Any],
    ) -> None:
        answer.relates_to = request.message_id
        answer.to = self.version.addressing.anonymous or None
        try:
            send(answer)
        except CommunicationError:
            pass  # the link is over, which it says itself


def log_refusal(via: str, peer: object, message: Message, refused: SecurityInvalid) -> None:
    """Say that a message does not hold, and why: its sender is not told."""
    _log.warn(
        "{via}: a message from {peer} was refused: {reason}",
        via=via,
        peer=peer,
        reason=str(refused),
        action=message.action,
    )


def refusal_of(message: Message, refused: SecurityInvalid) -> Message | None:
    """:returns: WCF's fault for a message that does not hold; None: nobody waits for an answer"""
    if message.message_id is None:
        return None
    return refused.fault.to_message(version=message.version)
