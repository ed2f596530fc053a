"""
A call where messages are streamed.
"""

from __future__ import annotations

from typing import Any

from netshare.transport.calls.formatter import formatter_for
from netshare.transport.calls.operations import CallOptions, read_reply
from netshare.transport.clients.messagesecurity import ContextKeeper
from netshare.transport.clients.streamedrequest import Expected, StreamedRequest
from netshare.transport.contracts.description import OperationDescription

__all__ = ["call_streamed"]


async def call_streamed(
    carrier: StreamedRequest,
    via: str,
    operation: OperationDescription,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    options: CallOptions,
    context: ContextKeeper | None = None,
) -> Any:
    """
    Call an operation.

    :param carrier: carries the request
    :param via: where to connect
    :param options: as for calls in a session; its timeout is for the beginning of the reply
    :param context: secures the messages; None: nothing does
    :returns: its result; a stream in it goes on arriving
    :raises TransportError: it failed
    """
    request, source = formatter_for(operation).request_of(args, kwargs)
    request.headers.extend(options.headers)
    request.to = options.to
    description = operation.reply
    streamed = None if description is None or description.stream is None else description.action
    expected = Expected(operation.name, options.timeout, description is not None, streamed)
    if description is not None:
        carrier.address_reply(request)
    if context is not None:
        context.sign(request)
    reply, stream = await carrier.send(via, request, source, expected)
    if description is None:
        return None
    if context is not None:
        try:
            context.verify(reply)
        except BaseException:
            carrier.abort()
            raise
    return read_reply(reply, operation, options, stream)
