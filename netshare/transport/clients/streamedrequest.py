"""
A client's request where messages are streamed: each on a session of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.records import Mode
from netshare.logger import Logger
from netshare.timing import Timer
from netshare.transport.calls.exchange import Exchange
from netshare.transport.calls.interfaces import IExchangeUser
from netshare.transport.channels.errors import ChannelClosedError, CommunicationError, ProtocolError
from netshare.transport.channels.errors import TimeoutError as TransportTimeout
from netshare.transport.channels.interfaces import ISingletonChannel
from netshare.transport.channels.upgrades import IUpgradeInitiator
from netshare.transport.clients.setup import ChannelSetup
from netshare.transport.contracts.streams import Stream
from netshare.transport.soap import Message, new_message_id

__all__ = ["Expected", "StreamedRequest"]


@dataclass(frozen=True, slots=True)
class Expected:
    """
    What is to come back.

    :param name: of what was asked for, for people
    :param timeout: seconds for the beginning of the reply; None: as many as it takes
    :param reply: whether there is a reply
    :param streamed: the action of a reply whose body is passed on as it comes; ``*``: every one;
        None: it is collected
    """

    name: str
    timeout: float | None
    reply: bool = True
    streamed: str | None = None


@implementer(IExchangeUser)
class StreamedRequest:
    """
    One request, and its reply, on a singleton channel.

    :param setup: of the channel whose request it is
    :param upgrade: the secure stream to ask for; None: there is none
    """

    log = Logger()

    def __init__(self, setup: ChannelSetup, upgrade: IUpgradeInitiator | None = None) -> None:
        self._setup = setup
        self._upgrade = upgrade
        self._exchange = Exchange(
            setup.encoder, setup.binding.buffer_size, self, log=setup.log_of_link()
        )
        self._expected = Expected("", None)
        self._timer = Timer(setup.reactor, self._late)
        self._reply: Deferred[tuple[Message, Stream | None]] = Deferred()
        self._answered = False
        #: There is a channel, or one is being opened.
        self._underWay = False
        self._done: list[Deferred[None]] = []

    def address_reply(self, request: Message) -> None:
        """Give a request the headers by which its reply finds back."""
        request.message_id = request.message_id or new_message_id()
        request.reply_to = self._exchange.version.addressing.anonymous or None

    async def send(
        self, via: str, request: Message, source: Any, expected: Expected
    ) -> tuple[Message, Stream | None]:
        """
        Carry the request out.

        :param via: where to connect
        :param source: the stream of the request, if it has one
        :returns: the reply, or an empty message where none is expected; a stream in it goes on
            arriving
        :raises TransportError: it failed
        """
        exchange = self._exchange
        self._expected = expected
        start = exchange.start_of(request)
        self._underWay = True
        try:
            opened = await self._setup.pool.open_channel(
                via,
                exchange,
                mode=Mode.SINGLETON,
                content_type=self._setup.encoder.content_type,
                settings=self._setup.settings,
                upgrade=self._upgrade,
            )
            exchange.channel = ISingletonChannel(opened)
        except BaseException:
            self._over()
            raise
        self._timer.start(expected.timeout)
        # The reply may come, and be a fault, before all of the request is sent.
        sending = ensureDeferred(exchange.send(start, source, self._setup.caller))
        sending.addErrback(self._not_sent)
        return await self._reply

    def abort(self) -> None:
        """Give the request up."""
        if self._exchange.channel is not None:
            self._exchange.channel.abort()

    def done(self) -> Deferred[None]:
        """:returns: a Deferred that fires when no channel is open or being opened for it."""
        if not self._underWay:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._done.append(waiting)
        return waiting

    # ---- the exchange

    def is_streamed(self, message: Message) -> bool:
        # A fault has an action of its own; its body is not the stream that was expected.
        action = self._expected.streamed
        return action is not None and action in (message.action, "*")

    def message_arrived(self, message: Message, stream: Stream | None) -> None:
        self._answer(message, stream)

    def message_unreadable(self, message: Message | None, error: Exception) -> None:
        channel = self._exchange.channel
        channel.fail(ProtocolError(f"{channel.via}: the reply cannot be read: {error}"))

    def stream_abandoned(self) -> None:
        # The caller wants no more of the reply, and there is no other way to tell the service.
        if not self._exchange.closed:
            self._exchange.channel.abort()

    def end_received(self) -> None:
        if not self._expected.reply:
            self._answer(Message(), None)
        else:
            via = self._exchange.channel.via
            self._fail(
                Failure(CommunicationError(f"{via}: the service ended the session without a reply"))
            )

    def exchange_over(self, reason: Failure | None) -> None:
        if not self._expected.reply and reason is None:
            self._answer(Message(), None)
        else:
            self._fail(reason or Failure(ChannelClosedError("the channel is closed")))
        self._over()

    # ---- inside

    def _over(self) -> None:
        self._underWay = False
        done, self._done = self._done, []
        for waiting in done:
            waiting.callback(None)

    def _late(self) -> None:
        channel, expected = self._exchange.channel, self._expected
        channel.fail(
            TransportTimeout(
                f"{channel.via}: no reply to {expected.name} within {expected.timeout} s; "
                "see send_timeout"
            )
        )

    def _answer(self, message: Message, stream: Stream | None) -> None:
        if not self._answered:
            self._answered = True
            self._timer.stop()
            self._reply.callback((message, stream))

    def _fail(self, failure: Failure) -> None:
        if not self._answered:
            self._answered = True
            self._timer.stop()
            self._reply.errback(failure)

    def _not_sent(self, failure: Failure) -> None:
        """The request could not be had: without its end it is not taken for the whole."""
        self._fail(failure)
        if not self._exchange.closed:
            self.log.failure("a streamed request failed", failure)
            self._exchange.channel.abort()
