"""
A client serves its callback contract.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.coroutines import Slots, begin
from netshare.transport.calls.invoker import Invoker, Refused
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.contracts.behavior import ConcurrencyMode, behavior_of
from netshare.transport.contracts.description import ContractDescription, OperationDescription
from netshare.transport.hosting.dispatcher import Session, address_reply
from netshare.transport.soap.faults import action_not_supported
from netshare.transport.soap.message import Message

__all__ = ["CallbackDispatcher"]


class CallbackDispatcher:
    """
    Serves the requests that come from a service: one after the other, in their order, unless the
    target says otherwise with :func:`~.behavior.service_behavior`.

    :param contract: the callback contract; None: there is none
    :param target: carries it out
    :param invoker: calls its methods
    :param session: of the channel
    """

    log = Logger()

    def __init__(
        self,
        contract: ContractDescription | None,
        target: Any,
        invoker: Invoker,
        session: Session,
        address: str,
    ) -> None:
        self.session = session
        #: Through which the requests come.
        self.conversation: Conversation | None = None
        self._contract = contract
        self._target = target
        self._invoker = invoker
        self._address = address
        serial = behavior_of(target).concurrency_mode is not ConcurrencyMode.MULTIPLE
        self._lock = Slots(1) if serial else None

    def requestReceived(self, message: Message) -> Deferred[None] | None:
        """A request has come."""
        return begin(self._serve(message))

    async def _serve(self, message: Message) -> None:
        conversation = self.conversation
        assert conversation is not None
        operation: OperationDescription | None = None
        try:
            operation = self._operation(message)
            context = OperationContext(
                message,
                self.session.via,
                self.session.peer,
                self.session.identifier,
                security=self.session.security,
                channel=conversation.channel,
            )
            method = getattr(self._target, operation.method)
            if self._lock is None:
                answer = await self._invoker.call(operation, method, context)
            else:
                waiting = self._lock.take()
                if waiting is not None:
                    await waiting
                try:
                    answer = await self._invoker.call(operation, method, context)
                finally:
                    self._lock.give()
        except Exception as error:
            answer = self._invoker.answer_to(error, operation, message)
        if answer.message is None or conversation.closed:
            return
        address_reply(answer.message, message, self.session)
        answer.message.to = self._address
        try:
            sent = conversation.send(answer.message)
            if sent is not None:
                await sent
        except CommunicationError as error:
            self.log.debug("the answer to a callback was not sent: {error}", error=error)
        except Exception:
            self.log.failure("the answer to {action} cannot be written", action=message.action)
            fault = self._invoker.internal_fault().to_message(version=message.version)
            address_reply(fault, message, self.session)
            fault.to = self._address
            conversation.send(fault)

    def _operation(self, message: Message) -> OperationDescription:
        operation = None if self._contract is None else self._contract.operation_for(message.action)
        if operation is None:
            raise Refused(action_not_supported(message.action or "", message.version))
        return operation
