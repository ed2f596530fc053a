"""
Carries a probe out: one connection for each attempt.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionRefusedError,
    DNSLookupError,
    NoRouteError,
    TCPTimedOutError,
)
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from netshare.cli.probe.attempts import Attempt, Result, next_attempt
from netshare.cli.probe.replies import (
    ForeignReader,
    Kind,
    PreambleReader,
    Reply,
    ReplyReader,
)
from netshare.cli.target import Target
from netshare.sockets.names import address_text

#: Seconds between two attempts: Mono's services lose a connection that follows another's close
#: at once.
PAUSE = 0.1

#: Seconds to wait for the answer to an End record.
END_TIMEOUT = 1.0

#: Seconds for a server that did not answer a preamble to answer another protocol.
KNOCK_TIMEOUT = 2.0

_CLOSE_TIMEOUT = 1.0


class ProbeConnection(Protocol):
    """
    One attempt's connection: writes something, reads the reply to it.

    :param opening: what to write first
    :param reader: makes a reply of what comes
    """

    transport: Any

    def __init__(self, opening: bytes, reader: ReplyReader) -> None:
        self._opening = opening
        self._reader = reader
        self.replied: Deferred[Reply] = Deferred()
        #: After the reply: fires with whether a byte came (True) or the connection ended.
        self.followed: Deferred[bool] | None = None
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.transport.write(self._opening)

    def dataReceived(self, data: bytes) -> None:
        if self.replied.called:
            self._follow(True)
            return
        reply = self._reader.feed(data)
        if reply is not None:
            self.replied.callback(reply)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.replied.called:
            closed = Reply(Kind.CLOSED if reason.check(ConnectionDone) else Kind.RESET)
            self.replied.callback(self._reader.feed_eof() or closed)
        self._follow(False)
        self.lost.callback(None)

    def finish(self, end: bytes) -> Deferred[bool]:
        """
        :param end: the End record to write
        :returns: fires as :attr:`followed`
        """
        self.followed = followed = Deferred[bool]()
        if self.lost.called:
            self._follow(False)
        else:
            self.transport.write(end)
        return followed

    def _follow(self, answered: bool) -> None:
        if self.followed is not None and not self.followed.called:
            self.followed.callback(answered)


class Prober:
    """
    Probes one address.

    :param timeout: seconds for connecting, and again for the answer, of each attempt
    """

    def __init__(self, reactor: Any, target: Target, timeout: float) -> None:
        self._reactor = reactor
        self._target = target
        self._timeout = timeout
        # A server that left one End record unanswered is not waited for again.
        self._answersEnd = True

    async def run(self, report: Callable[[Result], None]) -> list[Result]:
        """
        Make all attempts that there is reason for.

        :param report: told of each as soon as it is over
        """
        results: list[Result] = []
        while (attempt := next_attempt(results)) is not None:
            if results:
                await deferLater(self._reactor, PAUSE)
            results.append(await self._make(attempt))
            report(results[-1])
        return results

    async def identify(self) -> str | None:
        """
        Find out what a server is that has no word for a preamble: knock as others do.

        :returns: the protocol's name, or None
        """
        for knock in (_client_hello(), b"HEAD / HTTP/1.0\r\n\r\n"):
            await deferLater(self._reactor, PAUSE)
            reply, connection, _ = await self._open(
                knock, ForeignReader(), min(KNOCK_TIMEOUT, self._timeout)
            )
            await self._close(connection)
            if reply.kind is Kind.FOREIGN:
                return reply.detail
        return None

    async def _make(self, attempt: Attempt) -> Result:
        session = attempt.session(self._target.via)
        reply, connection, seconds = await self._open(
            session.opening, PreambleReader(session), self._timeout
        )
        peer = end = ""
        if connection is not None:
            peer = address_text(connection.transport.getPeer())
            if reply.kind is Kind.ACCEPTED and attempt.sends_end:
                end = await self._end(connection, session.end())
        await self._close(connection)
        return Result(attempt, reply, seconds, peer, end)

    async def _open(
        self, opening: bytes, reader: ReplyReader, timeout: float
    ) -> tuple[Reply, ProbeConnection | None, float]:
        began = self._reactor.seconds()
        try:
            endpoint = HostnameEndpoint(
                self._reactor, self._target.host, self._target.port, self._timeout
            )
            connecting: Deferred[ProbeConnection] = connectProtocol(
                endpoint, ProbeConnection(opening, reader)
            )
            connection = await connecting.addTimeout(self._timeout, self._reactor)
        except (ConnectError, DNSLookupError, TooLate, CancelledError, ValueError) as error:
            why = self._why_not(error)
            return Reply(Kind.UNCONNECTED, why), None, self._reactor.seconds() - began
        began = self._reactor.seconds()
        try:
            reply = await connection.replied.addTimeout(timeout, self._reactor)
        except TooLate:
            reply = Reply(Kind.SILENT)
        return reply, connection, self._reactor.seconds() - began

    async def _end(self, connection: ProbeConnection, end: bytes) -> str:
        ended = connection.finish(end)
        if not self._answersEnd:
            return ""
        try:
            answered = await ended.addTimeout(min(END_TIMEOUT, self._timeout), self._reactor)
        except TooLate:
            self._answersEnd = False
            return "silent"
        return "answered" if answered else "closed"

    async def _close(self, connection: ProbeConnection | None) -> None:
        if connection is None or connection.lost.called:
            return
        connection.transport.loseConnection()
        try:
            await connection.lost.addTimeout(_CLOSE_TIMEOUT, self._reactor)
        except TooLate:
            connection.transport.abortConnection()

    def _why_not(self, error: Exception) -> str:
        """Why there is no connection, and what to do: sentences to follow a colon."""
        host, port = self._target.host, self._target.port
        if isinstance(error, ConnectionRefusedError):
            return (
                f"nothing listens on port {port} of {host}. Is the service started there, and on "
                "this port?"
            )
        if isinstance(error, DNSLookupError):
            return (
                f"the host name {host} cannot be resolved. Is it spelled right? With --host the "
                "connection goes to another."
            )
        if isinstance(error, ValueError):
            return f"{host} is no host name. With --host the connection goes to another."
        if isinstance(error, NoRouteError):
            return f"there is no route to {host}. Is the network up?"
        if isinstance(error, (ConnectTimeout, TCPTimedOutError, TooLate, CancelledError)):
            return (
                f"{host} does not answer on port {port} within {self._timeout:g} s. It is down, "
                "or a firewall drops what is sent to that port."
            )
        return f"connecting to {host}, port {port}, failed ({error})."


def _client_hello() -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass  # that is as far as it goes without a server
    return outgoing.read()
