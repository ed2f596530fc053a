"""
The seams of the net.tcp transport below messages: what channels, their users and the connections
that carry them promise each other. :mod:`.upgrades` has those of secure streams.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IConsumer, IProducer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from netshare.framing.events import Event
from netshare.framing.faults import Fault
from netshare.framing.records import Mode
from netshare.transport.channels.errors import TransportError
from netshare.transport.channels.settings import Acceptance

__all__ = [
    "ICarriedChannel",
    "ICarrier",
    "IChannel",
    "IChannelAcceptor",
    "IChannelReceiver",
    "IDuplexChannel",
    "IDuplexReceiver",
    "ISingletonChannel",
    "ISingletonReceiver",
]


class IChannel(Interface):
    """
    One session on a connection, from the ack to both End records.
    """

    via = Attribute("The address that the client asked for, as it wrote it.")
    mode = Attribute("The :class:`~netshare.framing.records.Mode`.")
    contentType = Attribute("The content type of the messages.")
    peer = Attribute("The :class:`~twisted.internet.interfaces.IAddress` of the other side.")
    security = Attribute("What the upgrade of the stream left here; None without one.")

    def close() -> Deferred[None]:
        """
        End the session: send End, wait for the other side's. Of the receiver's methods only
        ``channelClosed`` is called from now on; a whole message that comes instead of End fails
        the channel, as in WCF.

        :returns: a Deferred that fires when both have ended, and fails with a
            :class:`~netshare.transport.channels.errors.TransportError` when it came otherwise
        """

    def abort() -> None:
        """Give the channel up, and its connection; do nothing when it is closed."""

    def fail(error: TransportError) -> None:
        """
        Give the channel up, and its connection, because of an error.

        :param error: what the receiver is told
        """

    def fault(fault: Fault) -> None:
        """
        Server: tell the client a fault and end the connection.

        :raises RuntimeError: this side is the client
        """

    def keepAlive() -> None:
        """
        The session is in use though nothing comes: receive_timeout begins anew. Not to be called
        while receiving is paused.
        """

    def pauseReceiving() -> None:
        """Call the receiver no more until :meth:`resumeReceiving`; the other side is held up."""

    def resumeReceiving() -> None:
        """Go on calling the receiver."""


class IDuplexChannel(IChannel):
    """
    A channel of whole messages in both directions (TransferMode Buffered).
    """

    def send(*payload: bytes | memoryview) -> Deferred[None] | None:
        """
        Send a message. It is always taken.

        :param payload: the envelope's bytes, in as many pieces as they are: long ones, which may
            be memoryviews, are sent without joining them, and may not change afterwards
        :returns: None when the next may follow at once; otherwise a Deferred that fires when
            what is waiting has been sent, or never will be: a careful sender awaits it
        :raises ChannelClosedError: the session is over, or this side has ended it
        """

    def endOutput() -> None:
        """
        Send End but go on receiving, until the other side has ended, too
        (``IOutputSession.CloseOutputSession``). Does nothing the second time.
        """


class ISingletonChannel(IChannel, IConsumer, IPushProducer):
    """
    A channel of one streamed message in each direction (the streamed TransferModes).

    As a consumer it takes our message's bytes: ``write`` them, or register a producer, then call
    :meth:`finish`. As a producer it can be paused: ``pauseProducing`` is ``pauseReceiving``.
    The channel closes by itself when both messages are through.
    """

    def finish() -> None:
        """
        Our message is complete. A server that wrote nothing sends no reply.
        """


class IChannelReceiver(Interface):
    """
    The user of a channel, told what happens to it. No call follows ``channelClosed``.
    """

    def endReceived() -> None:
        """The other side will send nothing more in this session."""

    def channelClosed(reason: Failure | None) -> None:
        """
        The channel is over.

        :param reason: None when both sides ended it; otherwise it has a
            :class:`~netshare.transport.channels.errors.TransportError`
        """


class IDuplexReceiver(IChannelReceiver):
    """The user of an :class:`IDuplexChannel`."""

    def messageReceived(payload: bytes) -> None:
        """
        :param payload: a whole message
        """


class ISingletonReceiver(IChannelReceiver):
    """The user of an :class:`ISingletonChannel`."""

    def dataReceived(data: bytes) -> None:
        """
        :param data: some more bytes of the message
        """

    def messageEnded() -> None:
        """
        The message is complete. A client whose server sends no reply is not told this, only
        ``endReceived``.
        """


class IChannelAcceptor(Interface):
    """
    Decides about sessions that clients open, and takes those it wants.
    """

    def channelOpening(
        via: str, mode: Mode, contentType: str, peer: IAddress
    ) -> Acceptance | Fault | Deferred[Acceptance | Fault | None] | None:
        """
        A client wants a session.

        :param via: the address, as the client wrote it
        :param mode: DUPLEX or SINGLETON
        :param contentType: of its messages
        :param peer: the client's address
        :returns: None for a plain :class:`~netshare.transport.channels.settings.Acceptance`; a
            fault to answer it; or a Deferred of these
        """

    def channelOpened(channel: IChannel) -> IChannelReceiver:
        """
        The session is acknowledged.

        :param channel: an :class:`IDuplexChannel` or :class:`ISingletonChannel`
        :returns: its :class:`IDuplexReceiver` or :class:`ISingletonReceiver`
        """


class ICarrier(Interface):
    """
    The connection, as a channel sees it.
    """

    peer = Attribute("The :class:`~twisted.internet.interfaces.IAddress` of the other side.")
    security = Attribute("What the upgrade of the stream left here; None without one.")
    alarm = Attribute(
        "An :class:`~netshare.timing.Alarm`, which the channel may set until it is over."
    )

    def write(*pieces: bytes | memoryview) -> Deferred[None] | None:
        """
        Send bytes, through the upgraded stream if there is one; throw them away when the
        connection is over.

        :param pieces: none of which changes any more; a memoryview is long
        :returns: as :meth:`IDuplexChannel.send`
        """

    def end() -> None:
        """Send End."""

    def registerProducer(producer: IProducer, streaming: bool) -> None:
        """
        Let what is written come from a producer.

        :raises RuntimeError: there is one already
        """

    def unregisterProducer() -> None:
        """Forget the producer."""

    def pauseReceiving() -> None:
        """Let nothing happen, and read nothing."""

    def resumeReceiving() -> None:
        """Go on after :meth:`pauseReceiving`; also after :meth:`channelOver`, for what follows."""

    def inputEnded() -> None:
        """What comes from now on does not belong to this channel."""

    def refuse(fault: Fault) -> None:
        """Send a fault and end the connection when the other side has read it."""

    def abort() -> None:
        """End the connection at once, with a reset."""

    def drop() -> None:
        """End the connection when everything is sent."""

    def channelOver(clean: bool) -> None:
        """
        The channel is over.

        :param clean: whether both sides have sent End, so that the connection may be used again;
            if not, the channel has ended the connection already, or it was lost
        """


class ICarriedChannel(Interface):
    """
    A channel, as the connection sees it.
    """

    def happened(event: Event) -> None:
        """Something has happened in the session."""

    def fail(error: TransportError) -> None:
        """As :meth:`IChannel.fail`."""

    def connectionLost(reason: Failure) -> None:
        """The connection is gone."""
