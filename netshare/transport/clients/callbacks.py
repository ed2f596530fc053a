"""
A client serves its callback contract.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.invoker import Answer, Invoker, Refused
from netshare.transport.calls.session import SessionState
from netshare.transport.calls.slots import Slots, Turn, begin
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.contracts.behavior import ConcurrencyMode, behavior_of
from netshare.transport.contracts.description import ContractDescription, OperationDescription
from netshare.transport.soap import Message, action_not_supported, deserialization_failed

__all__ = ["CallbackDispatcher"]


class CallbackDispatcher:
    """
    Serves the requests that come from a service: one after the other, in their order, unless the
    target says otherwise with :func:`~.behavior.service_behavior`.

    :param contract: the callback contract; None: there is none
    :param target: carries it out
    :param invoker: calls its methods
    :param session: of the channel
    :param conversation: through which the requests come
    """

    log = Logger()

    def __init__(
        self,
        contract: ContractDescription | None,
        target: Any,
        invoker: Invoker,
        session: SessionState,
        conversation: Conversation,
    ) -> None:
        self.session = session
        self._conversation = conversation
        self._contract = contract
        self._target = target
        self._invoker = invoker
        serial = behavior_of(target).concurrency_mode is not ConcurrencyMode.MULTIPLE
        self._lock = Slots(1) if serial else None

    def serve(self, message: Message) -> Deferred[None] | None:
        """
        Serve a request.

        :returns: a Deferred when that takes longer
        """
        return begin(self._answer(message))

    def refuse(self, message: Message, error: Exception) -> Deferred[None] | None:
        """
        Answer a request whose body cannot be read.

        :param message: its headers
        :param error: why
        :returns: a Deferred when that takes longer
        """
        operation: OperationDescription | None = None
        try:
            operation = self._operation(message)
            raise Refused(deserialization_failed(f"The message cannot be read: {error}"))
        except Refused as refused:
            answer = self._invoker.answer_to(refused, operation, message)
        return begin(self._send(answer, message))

    async def _answer(self, message: Message) -> None:
        operation: OperationDescription | None = None
        turn = Turn(self._lock)
        try:
            operation = self._operation(message)
            waiting = turn.take()
            if waiting is not None:
                await waiting
            session = self.session
            context = OperationContext(
                message,
                session.via,
                session.peer,
                session.identifier,
                security=session.security,
                channel=session.channel,
            )
            method = getattr(self._target, operation.method)
            answer = await self._invoker.call(operation, method, context)
        except Exception as error:
            answer = self._invoker.answer_to(error, operation, message)
        finally:
            turn.end()
        await self._send(answer, message)

    async def _send(self, answer: Answer, message: Message) -> None:
        if answer.message is None or self._conversation.closed:
            return
        try:
            sent = self._invoker.answer_with(self._conversation.send, answer, message, self.session)
            if sent is not None:
                await sent
        except CommunicationError as error:
            self.log.debug("the answer to a callback was not sent: {error}", error=error)

    def _operation(self, message: Message) -> OperationDescription:
        operation = None if self._contract is None else self._contract.operation_for(message.action)
        if operation is None:
            raise Refused(action_not_supported(message.action or "", message.version))
        return operation
