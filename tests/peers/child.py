"""
Child processes that are talked to in lines: start, wait for a line, stop without a trace.

Everything is torn down by :meth:`LineProcess.stop`: when it has returned, the process is reaped and
neither a descriptor nor a delayed call is left in the reactor.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import (
    IDelayedCall,
    IProcessTransport,
    IReactorProcess,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

Answer = dict[str, Any]
"""One line of JSON that a peer wrote: an answer or an event."""

_STDERR_LINES_KEPT = 50


class IReactor(IReactorProcess, IReactorTime):
    """What the drivers need of a reactor."""


class PeerEnded(Exception):
    """The peer's process ended, or never started properly; the message has its last words."""


class PeerSilent(Exception):
    """The peer did not say in time what was waited for."""


class PeerError(Exception):
    """
    The peer answered that a command failed.

    :param error: the ``error`` object of the answer.
    """

    def __init__(self, error: Answer) -> None:
        super().__init__(f"{error.get('type')}: {error.get('message')}")
        self.error = error
        self.type: str = error.get("type", "")
        self.message: str = error.get("message", "")
        self.code: str | None = error.get("code")
        self.inner: Answer | None = error.get("inner")


class _Lines:
    """
    Cuts a child's output into lines. Not LineOnlyReceiver: that asks its transport whether it is
    disconnecting, which a process transport does not know, and copies long lines once a read.
    """

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._received = received
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        *ends, rest = data.split(b"\n")
        for end in ends:
            line = b"".join([*self._parts, end])
            self._parts.clear()
            self._received(line)
        if rest:
            self._parts.append(rest)


class _Pipes(ProcessProtocol):
    """Splits the child's output into lines and hands them, and its end, to the owner."""

    def __init__(self, owner: LineProcess) -> None:
        self._owner = owner
        self._out = _Lines(owner.line_received)
        self._err = _Lines(owner.stderr_line_received)

    def outReceived(self, data: bytes) -> None:
        self._out.feed(data)

    def errReceived(self, data: bytes) -> None:
        self._err.feed(data)

    def processEnded(self, reason: Failure) -> None:
        self._owner.process_ended(reason)


class Waiting:
    """
    A Deferred with a deadline, whose delayed call never outlives it.

    :param reactor: the clock.
    :param seconds: how long to wait.
    :param what: what is waited for, for the error's text.
    """

    def __init__(self, reactor: IReactorTime, seconds: float, what: str) -> None:
        self.deferred: Deferred[Any] = Deferred()
        self._late: IDelayedCall = reactor.callLater(
            seconds, self.fail, PeerSilent(f"{what}: nothing within {seconds} s")
        )

    def succeed(self, value: Any) -> None:
        """Ends the wait with a result; later results are ignored."""
        if not self.deferred.called:
            self._rest()
            self.deferred.callback(value)

    def fail(self, error: Exception) -> None:
        """Ends the wait with an error, unless it has ended."""
        if not self.deferred.called:
            self._rest()
            self.deferred.errback(error)

    def _rest(self) -> None:
        if self._late.active():
            self._late.cancel()


class LineProcess:
    """
    A child process that says on its standard output when it is ready, and ends at ``quit``.

    :param reactor: the reactor that runs it.
    :param command: the program and its arguments.
    """

    start_timeout = 30.0
    stop_timeout = 5.0
    quit_line = "quit"

    def __init__(self, reactor: IReactor, command: Sequence[str]) -> None:
        self._reactor = reactor
        self._command = list(command)
        self._process: IProcessTransport | None = None
        self._starting: Waiting | None = None
        self._ending: list[Waiting] = []
        self._ended = False
        self.end_reason: str | None = None
        self.stderr: deque[str] = deque(maxlen=_STDERR_LINES_KEPT)

    @property
    def pid(self) -> int | None:
        """The process id, ``None`` before the start and after the end."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """
        Starts the process and waits until it is ready.

        :raises PeerEnded: when it ended instead.
        :raises PeerSilent: when it is not ready after :attr:`start_timeout` seconds.
        """
        if self._process is not None:
            raise RuntimeError("a peer starts once")
        # env=None: the child inherits the environment (HOME, KRB5_*, WCFCLIENT_TRACE)
        self._process = self._reactor.spawnProcess(
            _Pipes(self), self._command[0], self._command, env=None
        )
        self._starting = Waiting(self._reactor, self.start_timeout, "the peer's start")
        try:
            await self._starting.deferred
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """
        Ends the process and waits until it is gone: politely at first, after
        :attr:`stop_timeout` seconds by SIGKILL. Does nothing to a process that is gone.
        """
        if self._process is None or self._ended:
            return
        self.send_line(self.quit_line)
        self._process.closeStdin()
        try:
            await self._end(self.stop_timeout)
        except PeerSilent:
            await self.kill()

    async def kill(self) -> None:
        """Ends the process by SIGKILL, as a crash would, and waits until it is gone."""
        if self._process is None or self._ended:
            return
        try:
            self._process.signalProcess("KILL")
        except ProcessExitedAlready:
            pass  # its end is about to be reported
        await self._end(self.stop_timeout)

    async def _end(self, seconds: float) -> None:
        waiting = Waiting(self._reactor, seconds, "the peer's end")
        self._ending.append(waiting)
        await waiting.deferred

    def send_line(self, line: str) -> None:
        """
        Writes one line to the peer's standard input.

        :raises PeerEnded: when the process is not running.
        """
        if self._process is None or self._ended:
            raise PeerEnded(self._last_words("not running"))
        self._process.write(line.encode() + b"\n")

    def ready(self) -> None:
        """Called by a subclass when the peer has said that it is ready."""
        if self._starting is not None:
            self._starting.succeed(None)

    def line_received(self, line: bytes) -> None:
        """One line of the peer's standard output, without its end."""
        raise NotImplementedError

    def stderr_line_received(self, line: bytes) -> None:
        """One line of the peer's standard error: kept for error messages."""
        self.stderr.append(line.decode(errors="replace"))

    def process_ended(self, reason: Failure) -> None:
        """The process is gone and all of its pipes are closed."""
        self._ended = True
        self.end_reason = reason.getErrorMessage()
        if self._starting is not None:
            self._starting.fail(PeerEnded(self._last_words("ended at its start")))
        ending, self._ending = self._ending, []
        for waiting in ending:
            waiting.succeed(None)

    def _last_words(self, what: str) -> str:
        said = "\n".join(self.stderr)
        return f"{self._command[0]}: {what} ({self.end_reason})\n{said}".strip()


class JsonProcess(LineProcess):
    """
    A child process that takes commands as JSON lines and answers each with one, matched by ``id``.

    :param reactor: the reactor that runs it.
    :param command: the program and its arguments.
    """

    command_timeout = 40.0
    quit_line = '{"cmd": "quit"}'

    def __init__(self, reactor: IReactor, command: Sequence[str]) -> None:
        super().__init__(reactor, command)
        self._last_id = 0
        self._asked: dict[int, Waiting] = {}
        self._watching: list[tuple[Callable[[Answer], bool], Waiting]] = []
        self.events: list[Answer] = []
        self.unasked: list[Answer] = []

    async def ask(self, cmd: str, timeout: float | None = None, **arguments: Any) -> Answer:
        """
        Sends one command; commands overlap unless each is awaited before the next.

        :param cmd: the command's name.
        :param timeout: seconds to wait for the answer, :attr:`command_timeout` when ``None``.
        :param arguments: the rest of the command; those that are ``None`` are left out.
        :returns: the answer as it came, of a failure too (``ok`` is false then).
        :raises PeerSilent: when no answer came in time.
        :raises PeerEnded: when the process ended.
        """
        seconds = self.command_timeout if timeout is None else timeout
        self._last_id += 1
        given = {name: value for name, value in arguments.items() if value is not None}
        body = {"id": self._last_id, "cmd": cmd, "background": True, **given}
        self.send_line(json.dumps(body))
        waiting = self._asked[self._last_id] = Waiting(self._reactor, seconds, cmd)
        try:
            answer: Answer = await waiting.deferred
        finally:
            del self._asked[body["id"]]
        return answer

    async def command(self, cmd: str, timeout: float | None = None, **arguments: Any) -> Answer:
        """
        As :meth:`ask`, but a failure is an exception.

        :returns: the answer, whose ``ok`` is true.
        :raises PeerError: when the peer answered that the command failed.
        """
        answer = await self.ask(cmd, timeout, **arguments)
        if not answer.get("ok"):
            raise PeerError(answer.get("error", {}))
        return answer

    async def event(
        self, wanted: Callable[[Answer], bool], what: str = "an event", timeout: float = 10.0
    ) -> Answer:
        """
        Waits for an event, past ones included.

        :param wanted: says whether an event is the one.
        :param what: what is waited for, for the error's text.
        :param timeout: seconds to wait.
        :returns: the first event that is wanted.
        :raises PeerSilent: when none came in time.
        """
        for event in self.events:
            if wanted(event):
                return event
        waiting = Waiting(self._reactor, timeout, what)
        entry = (wanted, waiting)
        self._watching.append(entry)
        try:
            found: Answer = await waiting.deferred
        finally:
            self._watching.remove(entry)
        return found

    async def callbacks(self, op: str, count: int = 1, timeout: float = 10.0) -> list[list[Any]]:
        """
        Waits until a callback operation was called so many times.

        :param op: the operation's name.
        :param count: how many calls to wait for, counted from the start.
        :returns: the arguments of all its calls so far, in order.
        :raises PeerSilent: when there were fewer in time.
        """

        def calls() -> list[list[Any]]:
            return [e["args"] for e in self.events if _is_callback(e, op)]

        if len(calls()) < count:
            await self.event(
                lambda e: _is_callback(e, op) and len(calls()) >= count,
                f"{count} callbacks of {op}",
                timeout,
            )
        return calls()

    def line_received(self, line: bytes) -> None:
        """Sorts one line: an answer to a command, an event, or something nobody asked for."""
        try:
            message = json.loads(line)
        except ValueError:
            self.stderr.append("not JSON: " + line[:500].decode(errors="replace"))
            return
        if "event" in message:
            self._event_received(message)
        elif message.get("id") in self._asked:
            self._asked[message["id"]].succeed(message)
        else:
            self.unasked.append(message)

    def _event_received(self, event: Answer) -> None:
        self.events.append(event)
        if event["event"] == "ready":
            self.ready()
        for wanted, waiting in list(self._watching):
            if wanted(event):
                waiting.succeed(event)

    def process_ended(self, reason: Failure) -> None:
        """Commands still unanswered and events still waited for fail with :exc:`PeerEnded`."""
        super().process_ended(reason)
        error = PeerEnded(self._last_words("ended"))
        watching = [waiting for _, waiting in self._watching]
        for waiting in [*self._asked.values(), *watching]:
            waiting.fail(error)


def _is_callback(event: Answer, op: str) -> bool:
    return event.get("event") == "callback" and event.get("op") == op
