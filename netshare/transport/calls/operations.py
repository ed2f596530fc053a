"""
The way of a call that this side makes: arguments, a request, its reply, the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.python.failure import Failure

from netshare.transport.calls.callers import Caller
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.formatter import OperationFormatter, formatter_for
from netshare.transport.calls.interfaces import ITracedCall
from netshare.transport.channels.errors import ProtocolError
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.streams import Stream, collect
from netshare.transport.datacontracts import DeserializationFailed
from netshare.transport.soap import BodyUnreadable, Message, MessageHeader, MessageInvalid
from netshare.transport.xml import XmlException

__all__ = ["CallOptions", "call_operation", "call_traced", "read_reply"]

_HERE = Caller()


@dataclass(frozen=True, slots=True)
class CallOptions:
    """
    What calls have in common, apart from their operation and its arguments.
    """

    #: Whom requests are addressed to.
    to: str | None
    #: Seconds for the reply, or None.
    timeout: float | None
    #: For each request.
    headers: tuple[MessageHeader, ...] = ()
    #: This side's address; None: it has none of its own.
    reply_to: str | None = None
    #: Where each reply is put.
    replies: list[Message] | None = None
    #: Reads what is sent as a stream.
    caller: Caller = _HERE


def call_operation(
    conversation: Conversation,
    operation: OperationDescription,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    options: CallOptions,
) -> Deferred[Any]:
    """
    Carry an operation out through a conversation.

    :returns: a Deferred of the result; it fails with a :class:`.FaultError` when the other side
        answers with a fault
    :raises TypeError: these are not the operation's arguments
    :raises UnencodableValue: or of other types
    """
    formatter = formatter_for(operation)
    request, source = formatter.request_of(args, kwargs)
    if source is None:
        return _ask(conversation, operation, request, options)
    return ensureDeferred(_collect_and_ask(conversation, formatter, request, source, options))


def call_traced(
    traced: ITracedCall | None,
    options: CallOptions,
    call: Callable[[CallOptions], Deferred[Any]],
) -> Deferred[Any]:
    """
    Carry a call out that is followed.

    :param traced: follows it; None: nothing does
    :param call: carries it out, with its options
    :returns: what the call returns
    """
    if traced is None:
        return call(options)

    def over(result: Any) -> Any:
        traced.over(result.value if isinstance(result, Failure) else None)
        return result

    try:
        result = call(replace(options, headers=(*options.headers, *traced.headers)))
    except Exception as error:
        traced.over(error)
        raise
    return result.addBoth(over)


async def _collect_and_ask(
    conversation: Conversation,
    formatter: OperationFormatter,
    request: Message,
    source: Any,
    options: CallOptions,
) -> Any:
    formatter.request.fill(request, await collect(source, options.caller))
    return await _ask(conversation, formatter.operation, request, options)


def _ask(
    conversation: Conversation,
    operation: OperationDescription,
    request: Message,
    options: CallOptions,
) -> Deferred[Any]:
    if options.headers:
        request.headers.extend(options.headers)
    request.to = options.to
    if operation.reply is None:
        return conversation.send(request) or succeed(None)
    request.reply_to = conversation.anonymous and (options.reply_to or conversation.anonymous)
    reply = conversation.request(request, options.timeout)
    return reply.addCallback(read_reply, operation, options, via=conversation.link.via)


def read_reply(
    reply: Message,
    operation: OperationDescription,
    options: CallOptions,
    stream: Stream | None = None,
    via: str = "",
) -> Any:
    """
    :param stream: what the reply streams, where it arrives apart
    :param via: the address of the channel, for errors
    :returns: the result of a call
    :raises FaultError: the reply is a fault
    :raises ProtocolError: it is not what the contract says
    """
    if options.replies is not None:
        options.replies.append(reply)
    formatter = formatter_for(operation)
    assert operation.reply is not None
    assert formatter.reply is not None
    try:
        if reply.is_fault:
            raise formatter.error(reply)
        if operation.reply.untyped:
            reply.load()
            return reply
        values = formatter.reply.read(reply, stream)
    except BodyUnreadable as error:
        raise ProtocolError(f"{via}: the reply {reply.action} cannot be read: {error}") from error
    except (DeserializationFailed, MessageInvalid, XmlException) as error:
        raise ProtocolError(f"the reply to {operation.name} cannot be read: {error}") from error
    part = operation.reply.stream
    if part is not None and stream is None:
        values[part.member] = Stream.of(values[part.member] or b"")
    return formatter.result(values)
