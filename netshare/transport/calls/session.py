"""
What is remembered of a session between its calls, and how an answer finds back.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Any

from netshare.transport.calls.instances import InstanceContext
from netshare.transport.calls.interfaces import ICallbacks
from netshare.transport.calls.slots import Slots
from netshare.transport.channels.interfaces import IChannel
from netshare.transport.contracts.endpoint import ServiceEndpoint
from netshare.transport.soap import Message

__all__ = ["SessionState", "address_reply", "new_session_id"]

_NUMBERS = itertools.count(1)
_PROCESS = f"uuid:{uuid.uuid4()};id="


def new_session_id() -> str:
    """:returns: an identifier as WCF gives its sessions."""
    return f"{_PROCESS}{next(_NUMBERS)}"


@dataclass(slots=True)
class SessionState:
    """
    What a session remembers between its calls, on either side.
    """

    via: str
    #: The other side's address (:class:`~twisted.internet.interfaces.IAddress`).
    peer: Any
    #: What the upgrade of the stream knows of the other side; None without one.
    security: Any
    #: The :class:`~.interfaces.IChannel`.
    channel: IChannel | None
    #: None: there is no session, the channel carries one call.
    identifier: str | None
    #: Whom answers are addressed to; None: they carry no address.
    answer_to: str | None = None
    #: Chosen by the first message, for all of the session.
    endpoint: ServiceEndpoint | None = None
    #: The instance of all its calls, where they have one in common.
    instance: InstanceContext | None = None
    #: Taken by each of the session's calls, where they do not overlap.
    lock: Slots | None = None
    #: Makes the callback object.
    callbacks: ICallbacks | None = None
    #: The client's callback contract, as the object that operations see; None: there is none.
    callback: Any = None
    #: A terminating operation was called.
    terminated: bool = False


def address_reply(reply: Message, request: Message, session: SessionState) -> None:
    """Give a reply the headers by which it finds back."""
    reply.version = request.version
    reply.relates_to = request.message_id
    reply.message_id = reply.reply_to = None
    reply.to = session.answer_to
