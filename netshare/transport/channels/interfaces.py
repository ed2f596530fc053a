"""
The seams of the net.tcp transport below messages: what channels, their users and the upgrades
of their streams promise each other.
"""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import Attribute, Interface


class IChannel(Interface):
    """
    One session on a connection, from the ack to both End records.
    """

    via = Attribute("The address that the client asked for, as it wrote it.")
    mode = Attribute("The :class:`~netshare.framing.records.Mode`.")
    contentType = Attribute("The content type of the messages.")
    peer = Attribute("The :class:`~twisted.internet.interfaces.IAddress` of the other side.")
    security = Attribute("What the upgrade of the stream left here; None without one.")

    def close():  # type: ignore[no-untyped-def]
        """
        End the session: send End, wait for the other side's. Of the receiver's methods only
        ``channelClosed`` is called from now on; a whole message that comes instead of End fails
        the channel, as in WCF.

        :returns: a Deferred that fires when both have ended, and fails with a
            :class:`~netshare.transport.channels.errors.TransportError` when it came otherwise
        """

    def abort() -> None:
        """Give the channel up, and its connection; do nothing when it is closed."""

    def fault(fault) -> None:  # type: ignore[no-untyped-def]
        """
        Server: tell the client a :class:`~netshare.framing.faults.Fault` and end the connection.
        """

    def pauseReceiving() -> None:
        """Call the receiver no more until :meth:`resumeReceiving`; the client is held up."""

    def resumeReceiving() -> None:
        """Go on calling the receiver."""


class IDuplexChannel(IChannel):
    """
    A channel of whole messages in both directions (TransferMode Buffered).
    """

    def send(*payload):  # type: ignore[no-untyped-def]
        """
        Send a message. It is always taken.

        :param payload: the envelope's bytes, in as many pieces as they are: long ones, which may
            be memoryviews, are sent without joining them. Nobody may change them afterwards.
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

    def channelClosed(reason) -> None:  # type: ignore[no-untyped-def]
        """
        The channel is over.

        :param reason: None when both sides ended it; otherwise a
            :class:`~twisted.python.failure.Failure` with a
            :class:`~netshare.transport.channels.errors.TransportError`
        """


class IDuplexReceiver(IChannelReceiver):
    """The user of an :class:`IDuplexChannel`."""

    def messageReceived(payload) -> None:  # type: ignore[no-untyped-def]
        """
        :param payload: a whole message, bytes
        """


class ISingletonReceiver(IChannelReceiver):
    """The user of an :class:`ISingletonChannel`."""

    def dataReceived(data) -> None:  # type: ignore[no-untyped-def]
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

    def channelOpening(via, mode, contentType):  # type: ignore[no-untyped-def]
        """
        A client wants a session.

        :param via: the address, as the client wrote it
        :param mode: DUPLEX or SINGLETON
        :param contentType: of its messages
        :returns: an :class:`~netshare.transport.channels.settings.Acceptance`, or None for a plain
            one, or the :class:`~netshare.framing.faults.Fault` to answer; or a Deferred of these
        """

    def channelOpened(channel):  # type: ignore[no-untyped-def]
        """
        The session is acknowledged.

        :param channel: an :class:`IDuplexChannel` or :class:`ISingletonChannel`
        :returns: its :class:`IDuplexReceiver` or :class:`ISingletonReceiver`
        """


class IUpgradeHost(Interface):
    """
    The connection, as an upgrade sees it.
    """

    def writeRaw(data) -> None:  # type: ignore[no-untyped-def]
        """Write bytes to the socket."""

    def upgraded(security) -> None:  # type: ignore[no-untyped-def]
        """
        The secure stream is there; messages may go through it.

        :param security: what users of the channel may know, such as who the other side is
        """

    def plainReceived(data) -> None:  # type: ignore[no-untyped-def]
        """Bytes have come out of the secure stream."""

    def upgradeFailed(reason) -> None:  # type: ignore[no-untyped-def]
        """
        The connection cannot go on. What the other side is to be told was written already.

        :param reason: one clause, as text
        """


class IUpgrade(Interface):
    """
    One secure stream on one connection: a filter between the socket and the framing. After
    both End records it is dropped, and the socket is as it was before.
    """

    def start(host) -> None:  # type: ignore[no-untyped-def]
        """
        Begin.

        :param host: the :class:`IUpgradeHost`
        """

    def rawReceived(data) -> None:  # type: ignore[no-untyped-def]
        """Bytes have come from the socket."""

    def write(data) -> None:  # type: ignore[no-untyped-def]
        """Send bytes through the secure stream; only after ``upgraded``."""

    def stop():  # type: ignore[no-untyped-def]
        """
        Drop the stream, without a word to the other side, and call the host no more.

        :returns: bytes from the socket that do not belong to it
        """


class IUpgradeAcceptor(Interface):
    """The upgrades that a server offers."""

    def upgradeFor(name):  # type: ignore[no-untyped-def]
        """
        :param name: as the client wrote it, such as ``application/ssl-tls``
        :returns: a new :class:`IUpgrade`, or None when it is not offered
        """


class IUpgradeInitiator(Interface):
    """The upgrade that a client wants."""

    name = Attribute("What to ask for, such as ``application/ssl-tls``.")

    def upgrade():  # type: ignore[no-untyped-def]
        """
        :returns: a new :class:`IUpgrade`
        """
