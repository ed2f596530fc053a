"""
The seams of a call: what carries messages, and who is told of them.

A framing session is a link (:class:`~.link.MessageLink`). What makes several framing sessions one
conversation, as a reliable session does, stands between: a receiver to them, a link to the
conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from netshare.transport.channels.errors import TransportError
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.endpoint import ServiceEndpoint
from netshare.transport.contracts.streams import Stream
from netshare.transport.soap import Message, MessageHeader


class IMessageLink(Interface):
    """
    Carries messages both ways, until both sides have ended it.
    """

    via = Attribute("The address that the client asked for.")
    version = Attribute("The :class:`~.versions.MessageVersion` of all messages.")

    def start(receiver: IMessageReceiver) -> None:
        """Tell a receiver what comes from now on."""

    def send(message: Message) -> Deferred[None] | None:
        """
        Send a message.

        :returns: None, or a Deferred that fires when the next should follow
        :raises ChannelClosedError: nothing can be sent any more, or not yet
        :raises Exception: the message cannot be written; nothing was sent
        """

    def keep_alive() -> None:
        """
        The link is in use though nothing comes: the time for that begins anew. Not while paused.
        """

    def pause() -> None:
        """Deliver nothing until :meth:`resume`; the other side is held up."""

    def resume() -> None:
        """Go on delivering."""

    def end_output() -> None:
        """Send nothing more, but go on receiving until the other side has ended, too."""

    def close() -> Deferred[None]:
        """
        End both directions.

        :returns: a Deferred that fails with a :class:`~.errors.TransportError`
        """

    def abort() -> None:
        """Give the link up at once; do nothing when it is closed, or not yet open."""

    def fail(error: TransportError) -> None:
        """Give the link up because of an error, which its receiver is told."""


class IMessageReceiver(Interface):
    """
    Told what comes over a link. No call follows :meth:`link_closed`.
    """

    def message_received(message: Message) -> None:
        """A message has come."""

    def message_unreadable(message: Message, error: Exception) -> None:
        """
        A message has come whose body cannot be read; the link goes on.

        :param message: its headers
        """

    def end_received() -> None:
        """The other side will send nothing more."""

    def link_closed(reason: Failure | None) -> None:
        """
        The link is over.

        :param reason: None when both sides ended it
        """


class IConversationUser(Interface):
    """
    One side of a conversation: the served session of a service, the channel of a client.
    """

    def request_received(message: Message) -> Deferred[None] | None:
        """
        A message has come that is no reply.

        :returns: a Deferred when working on it takes longer
        """

    def request_unreadable(message: Message, error: Exception) -> Deferred[None] | None:
        """
        A request has come whose body cannot be read.

        :param message: its headers
        :returns: a Deferred when answering it takes longer
        """

    def other_side_ended() -> None:
        """The other side will send nothing more; replies that were awaited have failed."""

    def conversation_over(reason: Failure | None) -> None:
        """
        Nothing can be sent or received any more.

        :param reason: None when both sides ended it
        """


class ICallbacks(Interface):
    """
    How the operations of a session call its client.
    """

    def for_endpoint(endpoint: ServiceEndpoint) -> object | None:
        """
        :param endpoint: that the session is with
        :returns: the callback object; None: the endpoint's contract has no callbacks
        """


class IExchangeUser(Interface):
    """
    One side of an exchange of two streamed messages.
    """

    def is_streamed(message: Message) -> bool:
        """Whether the body of a message, whose headers are there, is a stream to be passed on."""

    def message_arrived(message: Message, stream: Stream | None) -> None:
        """
        A message is there.

        :param stream: its body, which goes on arriving; None: the message is complete
        """

    def message_unreadable(message: Message | None, error: Exception) -> None:
        """
        What comes cannot be read, and will not be.

        :param message: its headers, where they could be read
        """

    def stream_abandoned() -> None:
        """The reader of the stream wants no more of it."""

    def end_received() -> None:
        """The other side will send nothing more."""

    def exchange_over(reason: Failure | None) -> None:
        """
        The channel is closed.

        :param reason: None when both sides ended it
        """


class ICommunicationObject(Interface):
    """
    What is opened and has to be closed: a channel of a client, a session or a call of a service.
    """

    state = Attribute("The :class:`~.lifetime.CommunicationState`.")

    def on_closed(function: Callable[[BaseException | None], Any]) -> None:
        """
        Call a function when it is over; at once if it is.

        :param function: called with None when both sides have closed it, and otherwise with what
            went wrong
        """

    def close() -> Deferred[None]:
        """
        End it when the calls that are under way have been answered.

        :returns: a Deferred that fires when it is over
        """

    def abort() -> None:
        """End it, and its connection, at once."""


class IChannelKeeper(Interface):
    """
    Keeps what has to be closed before it is closed itself.
    """

    def channel_opened(channel: ICommunicationObject) -> None:
        """There is one more."""

    def channel_over(channel: ICommunicationObject) -> None:
        """One is closed."""


class ITracing(Interface):
    """
    Follows calls, those that are served and those that are made, for a tool that shows them.
    """

    def request_received(message: Message, via: str, peer: object) -> ITracedCall:
        """
        A request has come.

        :param via: the session's address
        :param peer: the other side's address (:class:`~twisted.internet.interfaces.IAddress`)
        """

    def call_made(operation: OperationDescription, contract: str, address: str) -> ITracedCall:
        """
        A call begins, in the context that this is called in.

        :param contract: its name
        :param address: of the endpoint that is called
        """


class ITracedCall(Interface):
    """
    A call that is followed.
    """

    headers: Sequence[MessageHeader] = Attribute("What the request of a call that is made carries.")

    def found(operation: OperationDescription, contract: str) -> None:
        """
        What a request is for is known.

        :param contract: its name
        """

    def enter() -> None:
        """What is begun from now on, in this context, belongs to the call."""

    def over(error: BaseException | None) -> None:
        """
        The call is over.

        :param error: how it failed; a fault is a :class:`~.faulterror.FaultError` or a
            :class:`~.invoker.Refused`
        """
