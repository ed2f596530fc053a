"""
A client serves its callback contract.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from netshare.logger import Logger
from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.interfaces import ITracedCall, ITracing
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
    :param tracing: follows each request; None: nothing does
    """

    log = Logger()

    def __init__(
        self,
        contract: ContractDescription | None,
        target: Any,
        invoker: Invoker,
        session: SessionState,
        conversation: Conversation,
        tracing: ITracing | None = None,
    ) -> None:
        self._tracing = tracing
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
        traced = self._traced(message)
        try:
            operation = self._operation(message, traced)
            raise Refused(deserialization_failed(f"The message cannot be read: {error}"))
        except Refused as refused:
            answer = self._invoker.answer_to(refused, operation, message)
        answer.traced = traced
        return begin(self._send(answer, message))

    async def _answer(self, message: Message) -> None:
        operation: OperationDescription | None = None
        turn = Turn(self._lock)
        traced = self._traced(message)
        try:
            operation = self._operation(message, traced)
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
                traced=traced,
            )
            method = getattr(self._target, operation.method)
            answer = await self._invoker.call(operation, method, context)
        except Exception as error:
            answer = self._invoker.answer_to(error, operation, message)
        finally:
            turn.end()
        answer.traced = traced
        await self._send(answer, message)

    async def _send(self, answer: Answer, message: Message) -> None:
        send = self._conversation.send
        try:
            if answer.message is not None:
                sent = self._invoker.answer_with(send, answer, message, self.session)
                if sent is not None:
                    await sent
        except CommunicationError as error:
            answer.error = error
            self.log.debug("the answer to a callback was not sent: {error}", error=error)
        finally:
            if answer.traced is not None:
                answer.traced.over(answer.error)

    def _traced(self, message: Message) -> ITracedCall | None:
        if self._tracing is None:
            return None
        return self._tracing.request_received(message, self.session.via, self.session.peer)

    def _operation(self, message: Message, traced: ITracedCall | None) -> OperationDescription:
        operation = None if self._contract is None else self._contract.operation_for(message.action)
        if operation is None:
            raise Refused(action_not_supported(message.action or "", message.version))
        if traced is not None:
            assert self._contract is not None
            traced.found(operation, self._contract.name)
        return operation
