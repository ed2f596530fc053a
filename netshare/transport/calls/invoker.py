"""
One call of one method: from a request's arguments to the answer, whatever happens.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from netshare.logger import Logger
from netshare.transport.calls.callers import Caller
from netshare.transport.calls.context import OperationContext, context_with
from netshare.transport.calls.exchange import StreamUnreadable
from netshare.transport.calls.formatter import formatter_for
from netshare.transport.calls.interfaces import ITracedCall
from netshare.transport.calls.session import SessionState, address_reply
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.contracts.decorators import ANY_ACTION
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.exceptiondetail import ExceptionDetail, write_detail
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.contracts.streams import Stream, collect
from netshare.transport.datacontracts import DeserializationFailed
from netshare.transport.soap import (
    BodyUnreadable,
    Message,
    SoapFault,
    deserialization_failed,
    internal_service_fault,
    must_understand,
)
from netshare.transport.xml import XmlException

__all__ = ["Answer", "Invoker", "Refused", "is_one_way", "unreadable"]

T = TypeVar("T")


class Refused(Exception):
    """
    A request that is answered with a fault before any method is called.

    :param fault: the answer
    :param ends_session: whether the session is over with it
    """

    def __init__(self, fault: SoapFault, ends_session: bool = False) -> None:
        super().__init__(fault.reason)
        self.fault = fault
        self.ends_session = ends_session


@dataclass(slots=True)
class Answer:
    """
    What comes of a call.
    """

    #: None: it was one-way.
    message: Message | None
    #: What the reply streams, where it does.
    stream: Any = None
    #: The session is over after this, by contract.
    terminates: bool = False
    #: The session is over after this, since its state cannot be trusted.
    broken: bool = False
    #: Why it is a fault, or could not be sent.
    error: BaseException | None = None
    #: Follows the call; None: nothing does.
    traced: ITracedCall | None = None


class Invoker:
    """
    Calls methods, and turns what they return or raise into answers.

    :param caller: how they are called
    :param include_exception_detail: whether the other side is told of unexpected exceptions
    :param validate_must_understand: whether headers that must be understood are checked
    """

    log = Logger()

    def __init__(
        self,
        caller: Caller,
        include_exception_detail: bool = False,
        validate_must_understand: bool = True,
    ) -> None:
        self.caller = caller
        self._tell = include_exception_detail
        self._validate = validate_must_understand

    async def call(
        self,
        operation: OperationDescription,
        method: Any,
        context: OperationContext,
        stream: Stream | None = None,
        streamed: bool = False,
    ) -> Answer:
        """
        Call a method.

        :param context: of the call, with the request
        :param stream: what the request streams, where it arrives apart
        :param streamed: whether a stream in the reply goes out apart
        :raises Refused: the request is not what the contract says
        :raises Exception: what the method raised, or why its result cannot be the reply
        """
        arguments = self._arguments(operation, context.incoming, stream, method)
        result = self.caller.call(context_with(context), method, *arguments)
        if isinstance(result, Deferred):
            result = await result
        reply = operation.reply
        if reply is None:
            return Answer(None)
        source = None
        if reply.untyped:
            message = self._untyped(operation, result)
        else:
            formatter = formatter_for(operation)
            assert formatter.reply is not None
            values, part = formatter.results(result), reply.stream
            if part is None:
                streamed = False
            elif streamed:
                source = values[part.member]
            else:
                values[part.member] = await collect(values[part.member], self.caller)
            message = formatter.reply.write(values, streamed)
        if context.outgoing_headers:
            message.headers.extend(context.outgoing_headers)
        return Answer(message, source)

    def _arguments(
        self,
        operation: OperationDescription,
        message: Message,
        stream: Stream | None,
        method: Any,
    ) -> list[Any]:
        formatter = formatter_for(operation)
        if self._validate and message.headers:
            missing = message.not_understood(formatter.request.understood)
            if missing:
                raise Refused(must_understand(missing))
        try:
            if operation.request.untyped:
                message.load()
                return [message]
            values = formatter.request.read(message, stream)
            part = operation.request.stream
            if part is not None:
                arrived = Stream.of(values[part.member] or b"") if stream is None else stream
                values[part.member] = self.caller.stream(method, arrived)
            return formatter.call_arguments(values)
        except BodyUnreadable as error:
            raise Refused(unreadable(error)) from error
        except (DeserializationFailed, XmlException) as error:
            raise Refused(deserialization_failed(str(error))) from error

    def _untyped(self, operation: OperationDescription, result: Any) -> Message:
        assert operation.reply is not None
        if not isinstance(result, Message):
            raise TypeError(f"{operation.method} has to return a Message")
        if result.action is None and operation.reply.action != ANY_ACTION:
            result.action = operation.reply.action
        return result

    # ---- what went wrong

    def answer_to(
        self, error: Exception, operation: OperationDescription | None, message: Message
    ) -> Answer:
        """
        The answer to a request that did not end well. To be called while the error is handled.

        :param error: why
        """
        if isinstance(error, StreamUnreadable):
            error = Refused(deserialization_failed(str(error)))
        answer = self._answer_to(error, operation, message)
        answer.error = error
        return answer

    def _answer_to(
        self, error: Exception, operation: OperationDescription | None, message: Message
    ) -> Answer:
        one_way = is_one_way(operation, message)
        version = message.version
        if isinstance(error, Refused):
            self.log.info(
                "{action} to {to} was refused: {reason}",
                action=message.action,
                to=message.to,
                reason=error.fault.reason,
            )
            fault = None if one_way else error.fault.to_message(version=version)
            return Answer(fault, terminates=error.ends_session)
        if isinstance(error, FaultError) and operation is not None:
            if one_way:
                self.log.info(
                    "{method} is one-way, its fault is not sent: {reason}",
                    method=operation.method,
                    reason=error.reason,
                )
                return Answer(None)
            declared, action = formatter_for(operation).fault(error)
            return Answer(declared.to_message(action, version))
        name = message.action if operation is None else operation.method
        self.log.failure("{operation} failed", operation=name)
        fault = None if one_way else self.internal_fault(error).to_message(version=version)
        return Answer(fault, broken=True)

    def answer_with(
        self,
        send: Callable[[Message], T],
        answer: Answer,
        request: Message,
        session: SessionState,
    ) -> T:
        """
        Send the message of an answer; if that cannot be written, the fault that says so.

        :param send: raises an error of the transport, or why the message cannot be written
        :returns: what it returns
        :raises CommunicationError: nothing can be sent any more
        """
        assert answer.message is not None
        address_reply(answer.message, request, session)
        try:
            return send(answer.message)
        except CommunicationError:
            raise
        except Exception as error:
            self.log.failure("the answer to {action} cannot be written", action=request.action)
            answer.message = self.internal_fault(error).to_message(version=request.version)
            answer.stream, answer.broken, answer.error = None, True, error
            address_reply(answer.message, request, session)
            return send(answer.message)

    def internal_fault(self, error: Exception) -> SoapFault:
        """:returns: the fault for an unexpected exception"""
        if not self._tell:
            return internal_service_fault()
        detail = ExceptionDetail.of(error)
        fault = internal_service_fault(detail.Message or detail.Type or "")
        fault.detail = functools.partial(write_detail, detail)
        return fault


def unreadable(error: Exception) -> SoapFault:
    """:returns: the fault for a request whose body is bad XML."""
    return deserialization_failed(f"The message cannot be read: {error}")


def is_one_way(operation: OperationDescription | None, message: Message) -> bool:
    """Whether no answer is waited for."""
    if operation is not None:
        return operation.one_way
    # A message without any addressing says of neither that it is one-way nor that it is not.
    return message.message_id is None and message.action is not None
