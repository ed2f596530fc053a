"""
Carries a probe out: one connection for each attempt.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime

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

from netshare.addresses import parse_via
from netshare.cli.probe.attempts import Attempt, Result, next_attempt
from netshare.cli.probe.handshake import Handshake
from netshare.cli.probe.replies import (
    ForeignReader,
    Kind,
    PreambleReader,
    Reply,
    ReplyReader,
)
from netshare.cli.probe.tls import TlsHandshake
from netshare.cli.probe.windows import KERBEROS, NTLM, NegotiateHandshake
from netshare.cli.target import Target
from netshare.framing.records import SSL_TLS_UPGRADE
from netshare.reactors import IConnection, IReactor
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

    transport: IConnection

    def __init__(self, opening: bytes, reader: ReplyReader) -> None:
        self._opening = opening
        self._reader = reader
        self.replied: Deferred[Reply] = Deferred()
        #: After the reply: fires with whether a byte came (True) or the connection ended.
        self.followed: Deferred[bool] | None = None
        self.lost: Deferred[None] = Deferred()
        self._handshake: Handshake | None = None
        self._shaken: Deferred[None] | None = None

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.transport.write(self._opening)

    def dataReceived(self, data: bytes) -> None:
        if self._handshake is not None:
            self._shake(self._handshake.feed(data))
            return
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
        if self._handshake is not None:
            self._handshake.ended("the server closes the connection")
            self._shake(b"")
        self.lost.callback(None)

    def shake(self, handshake: Handshake) -> Deferred[None]:
        """
        Carry out what an accepted upgrade begins with.

        :param handshake: is told what comes
        :returns: fires when it is done
        """
        self._handshake = handshake
        self._shaken = shaken = Deferred[None]()
        if self.lost.called:
            handshake.ended("the server closes the connection")
            self._shake(b"")
        else:
            self._shake(handshake.start())
        return shaken

    def _shake(self, data: bytes) -> None:
        assert self._handshake is not None
        if data:
            self.transport.write(data)
        if self._handshake.done and self._shaken is not None:
            shaken, self._shaken = self._shaken, None
            shaken.callback(None)

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
    :param now: what certificates are valid by
    """

    def __init__(
        self,
        reactor: IReactor,
        target: Target,
        timeout: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
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
        handshakes: tuple[Handshake, ...] = ()
        if connection is not None and reply.kind is Kind.ACCEPTED and attempt.upgrade is not None:
            handshakes = await self._upgrade(connection, attempt)
        await self._close(connection)
        return Result(attempt, reply, seconds, peer, end, handshakes)

    async def _upgrade(
        self, connection: ProbeConnection, attempt: Attempt
    ) -> tuple[Handshake, ...]:
        """Find out what an accepted upgrade shows; a second mechanism takes a second connection."""
        if attempt.upgrade == SSL_TLS_UPGRADE:
            tls = TlsHandshake(parse_via(self._target.via).host, self._now())
            await self._shake(connection, tls)
            return (tls,)
        ntlm, kerberos = NegotiateHandshake(NTLM), NegotiateHandshake(KERBEROS)
        await self._shake(connection, ntlm)
        await self._close(connection)
        await deferLater(self._reactor, PAUSE)
        session = attempt.session(self._target.via)
        reply, second, _ = await self._open(session.opening, PreambleReader(session), self._timeout)
        if second is None or reply.kind is not Kind.ACCEPTED:
            kerberos.ended("the upgrade is not accepted a second time")
        else:
            await self._shake(second, kerberos)
        await self._close(second)
        return ntlm, kerberos

    async def _shake(self, connection: ProbeConnection, handshake: Handshake) -> None:
        try:
            await connection.shake(handshake).addTimeout(self._timeout, self._reactor)
        except TooLate:
            handshake.ended(f"no answer within {self._timeout:g} s")

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
