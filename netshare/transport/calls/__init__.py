"""
A call between its messages and its method, for both sides.

Framing sessions are *links* of whole messages. On them a *conversation* finds the request to each
reply; what a session remembers between its calls is its *state*. Streamed messages have no
conversation but an *exchange* of one each way. The *formatter* turns arguments and results into
messages, the *invoker* calls methods by a *caller*, and *instances* and *slots* say who gets which
instance, and when it is a call's turn.
"""

from netshare.transport.calls.authorization import authorize
from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.calls.messagelog import MessageLog
from netshare.transport.calls.proxy import channel_of
from netshare.transport.calls.typedheaders import header_value, typed_header

__all__ = [
    "CommunicationState",
    "MessageLog",
    "OperationContext",
    "authorize",
    "channel_of",
    "header_value",
    "typed_header",
]
