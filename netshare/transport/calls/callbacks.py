"""
A service calls its client back, in the same session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed

from netshare.transport.calls.callers import Caller
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.formatter import formatter_for
from netshare.transport.calls.instances import Stay
from netshare.transport.calls.proxy import Proxy
from netshare.transport.channels.errors import ProtocolError
from netshare.transport.contracts.behavior import ConcurrencyMode
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.streams import Stream, collect
from netshare.transport.datacontracts import DeserializationFailed
from netshare.transport.soap.message import Message, MessageHeader, MessageInvalid
from netshare.transport.xml import XmlException

__all__ = ["CallbackChannel", "call_operation", "read_reply"]

HERE = Caller()


def call_operation(
    conversation: Conversation,
    operation: OperationDescription,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    to: str | None,
    timeout: float | None,
    headers: Sequence[MessageHeader] = (),
    caller: Caller = HERE,
    reply_to: str | None = None,
    replies: list[Message] | None = None,
) -> Deferred[Any]:
    """
    Carry an operation out through a conversation.

    :param to: whom the request is addressed to
    :param timeout: seconds for the reply
    :param headers: for the request
    :param caller: reads what is sent as a stream
    :param reply_to: this side's address; None: it has none of its own
    :param replies: where the reply is put, if there is one
    :returns: a Deferred of the result; it fails with a :class:`.FaultError` when the other side
        answers with a fault
    :raises TypeError: these are not the operation's arguments
    :raises UnencodableValue: or of other types
    """

    def ask(request: Message) -> Deferred[Any]:
        version = request.version = conversation.encoder.version
        request.headers.extend(headers)
        request.to = to
        if operation.reply is None:
            return conversation.send(request) or succeed(None)
        anonymous = version.addressing.anonymous or None
        request.reply_to = anonymous and (reply_to or anonymous)
        answer = conversation.request(request, timeout)
        if replies is not None:
            answer.addCallback(_kept, replies)
        return answer.addCallback(_result, operation)

    if operation.request.untyped:
        (request,) = operation.parameters.bind(*args, **kwargs).args
        if request.action is None:
            request.action = operation.request.action
        return ask(request)
    formatter = formatter_for(operation)
    values = formatter.arguments(args, kwargs)
    part = operation.request.stream
    if part is None:
        return ask(formatter.request.write(values, False))

    def collected(data: bytes) -> Deferred[Any]:
        values[part.member] = data
        return ask(formatter.request.write(values, False))

    return ensureDeferred(collect(values[part.member], caller)).addCallback(collected)


def _kept(reply: Message, replies: list[Message]) -> Message:
    replies.append(reply)
    return reply


def _result(reply: Message, operation: OperationDescription) -> Any:
    return read_reply(operation, reply, None)


def read_reply(operation: OperationDescription, reply: Message, stream: Stream | None) -> Any:
    """
    :param stream: what the reply streams, where it arrives apart
    :returns: the result of a call
    :raises FaultError: the reply is a fault
    :raises ProtocolError: it is not what the contract says
    """
    formatter = formatter_for(operation)
    assert operation.reply is not None
    assert formatter.reply is not None
    try:
        if reply.is_fault:
            raise formatter.error(reply)
        if operation.reply.untyped:
            return reply
        values = formatter.reply.read(reply, stream)
    except (DeserializationFailed, MessageInvalid, XmlException) as error:
        raise ProtocolError(f"the reply to {operation.name} cannot be read: {error}") from error
    part = operation.reply.stream
    if part is not None and stream is None:
        values[part.member] = Stream.of(values[part.member] or b"")
    return formatter.result(values)


class CallbackChannel:
    """
    Makes the callback objects of a session's calls.

    :param session: whose client is called
    :param conversation: through which
    :param mode: of the service
    :param timeout: seconds for a reply
    :param caller: how the operations were called
    """

    def __init__(
        self,
        session: Any,
        conversation: Conversation,
        mode: ConcurrencyMode,
        timeout: float | None,
        caller: Caller,
    ) -> None:
        self._session = session
        self._conversation = conversation
        self._mode = mode
        self._timeout = timeout
        self._caller = caller

    def __call__(self, stay: Stay) -> Proxy | None:
        """:returns: the callback object for a call; None: there is no contract."""
        endpoint = self._session.endpoint
        if endpoint is None or endpoint.contract.callback is None:
            return None

        def invoke(operation: OperationDescription, args: Any, kwargs: Any) -> Any:
            return self._invoke(stay, operation, args, kwargs)

        return Proxy(endpoint.contract.callback, invoke)

    def _invoke(
        self,
        stay: Stay,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if not operation.one_way and self._mode is ConcurrencyMode.SINGLE and not stay.over:
            raise RuntimeError(
                f"{operation.method} would wait for ever: its reply is not taken before this call "
                "is over; make the service's concurrency mode REENTRANT or MULTIPLE, or the "
                "callback one-way"
            )
        return self._caller.wait(self._call, stay, operation, args, kwargs)

    def _call(
        self,
        stay: Stay,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Deferred[Any]:
        return ensureDeferred(self._calling(stay, operation, args, kwargs))

    async def _calling(
        self,
        stay: Stay,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        conversation = self._conversation
        to = conversation.encoder.version.addressing.anonymous or None
        reentrant = not operation.one_way and self._mode is ConcurrencyMode.REENTRANT
        if reentrant:
            stay.leave()
        try:
            return await call_operation(
                conversation,
                operation,
                args,
                kwargs,
                to,
                self._timeout,
                reply_to=self._session.endpoint.listen_uri,
            )
        finally:
            if reentrant:
                waiting = stay.enter()
                if waiting is not None:
                    await waiting
