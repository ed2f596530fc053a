"""
Asking the sharing service on this machine, over its control socket.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import TimeoutError as AnswerTimeout
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError, ConnectionClosed, ConnectionRefusedError
from twisted.protocols import amp

from netshare.cli.exits import CommandFailed, Exit
from netshare.control.commands import (
    AccessDenied,
    InvalidArgument,
    ListRegistrations,
    ServiceFault,
    Stats,
    TakeOverRefused,
    WhoServes,
)
from netshare.control.management import NoSuchWorker, NotDone, Reload, ReloadFailed, Replace
from netshare.control.paths import CONTROL_VARIABLE, worker_control_path
from netshare.control.protocol import ControlProtocol
from netshare.reactors import IReactor
from netshare.sockets.credentials import Peer, user_name
from netshare.worker.link import trusted_users

#: Seconds that the service may take for one answer.
ANSWER_TIMEOUT = 10.0

# sockaddr_un of unix(7) has 108 bytes, the last of them zero.
_LONGEST_PATH = 107


def add_service_options(parser: argparse.ArgumentParser) -> None:
    """
    The options of every command that asks the service: ``--control`` and ``--json``.
    """
    parser.add_argument(
        "--control",
        type=Path,
        metavar="PATH",
        help=f"the service's control socket (default: {CONTROL_VARIABLE} of the environment, "
        f"else your own service's, else the machine's; now {worker_control_path()})",
    )
    parser.add_argument(
        "--service-user",
        metavar="NAME",
        help="the user that the service runs as, if that is not root, you, or netshare",
    )
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")


class ServiceClient:
    """
    A connection to the service.

    :param path: its control socket
    """

    def __init__(self, path: Path, protocol: ControlProtocol, reactor: IReactor) -> None:
        self.path = path
        self._protocol = protocol
        self._reactor = reactor

    @classmethod
    async def connect(
        cls, reactor: IReactor, control: Path | None, service_user: str | None = None
    ) -> ServiceClient:
        """
        :param control: the control socket; None: where workers look for it
        :param service_user: whose it may be beside root's, one's own and the user netshare's
        :raises CommandFailed: nothing listens there, or not for this user; or another user's
            program does
        """
        path = control or worker_control_path()
        try:
            trusted = trusted_users(service_user)
        except ValueError as error:
            raise CommandFailed(Exit.USAGE, f"--service-user: {error}") from None
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise _cannot_ask(path, f"a socket's path has at most {_LONGEST_PATH} bytes")
        endpoint = UNIXClientEndpoint(reactor, str(path), int(ANSWER_TIMEOUT))
        try:
            protocol = await connectProtocol(endpoint, ControlProtocol())
        except ConnectError as error:
            raise _cannot_ask(path, _why_not(path, error)) from None
        owner = Peer.of(protocol.transport.getHandle())
        if owner.uid not in trusted:
            protocol.transport.loseConnection()
            raise _cannot_ask(
                path,
                f"process {owner.pid} of user {owner.user} listens on it, who is neither root, nor "
                "you, nor the user netshare. If that is your service, name its user with "
                "--service-user",
            )
        return cls(path, protocol, reactor)

    def close(self) -> None:
        """No more questions."""
        self._protocol.transport.loseConnection()

    async def pages(self) -> AsyncIterator[list[dict[str, Any]]]:
        """
        Every registration, some hundred at a time. It is no snapshot: what comes and goes
        meanwhile may be missing or twice.
        """
        start = 0
        while start >= 0:
            answer = await self._ask(ListRegistrations, start=start)
            yield self._decoded(answer, list)
            start = answer["next"]

    async def who(self, uri: str) -> dict[str, Any]:
        """
        :param uri: what a client asks for
        :returns: which registrations it reaches, and why
        :raises CommandFailed: as of every question, and if ``uri`` is no address
        """
        answer: dict[str, Any] = self._decoded(await self._ask(WhoServes, uri=uri), dict)
        return answer

    async def stats(self) -> dict[str, Any]:
        """The service's counters and settings."""
        answer: dict[str, Any] = self._decoded(await self._ask(Stats), dict)
        return answer

    async def reload(self) -> dict[str, Any]:
        """
        Have the configuration read again.

        :returns: what is different now
        :raises CommandFailed: as of every question; or nothing has changed, and why
        """
        answer: dict[str, Any] = self._decoded(await self._ask(Reload), dict)
        return answer

    async def replace(self) -> int:
        """
        Have another process of the service take over.

        :returns: its number
        :raises CommandFailed: as of every question; or it has not, and why
        """
        answer = await self._ask(Replace, timeout=None)
        pid: int = answer["pid"]
        return pid

    async def manage(
        self, command: type[amp.Command], address: str, wait: bool, **more: Any
    ) -> dict[str, Any]:
        """
        Have something done to the workers of an address.

        :param command: one of :mod:`netshare.control.management`
        :param wait: until it is done, however long that takes
        :returns: how they are then
        :raises CommandFailed: as of every question; or there are none, or it has failed
        """
        timeout = None if wait else ANSWER_TIMEOUT
        answer = await self._ask(command, timeout, baseAddress=address, wait=wait, **more)
        described: dict[str, Any] = self._decoded(answer, dict)
        return described

    async def _ask(
        self,
        command: type[amp.Command],
        timeout: float | None = ANSWER_TIMEOUT,
        **arguments: Any,
    ) -> dict[str, Any]:
        asked = self._protocol.callRemote(command, **arguments)
        if timeout is not None:
            asked.addTimeout(timeout, self._reactor)
        try:
            answer: dict[str, Any] = await asked
            return answer
        except InvalidArgument as error:
            raise CommandFailed(Exit.USAGE, str(error)) from None
        except ReloadFailed as error:
            raise CommandFailed(
                Exit.FAILED, f"not reloaded, nothing has changed: {error}"
            ) from None
        except TakeOverRefused as error:
            raise CommandFailed(Exit.FAILED, f"not taken over: {error}") from None
        except NoSuchWorker as error:
            raise CommandFailed(Exit.NO_ENDPOINT, str(error)) from None
        except NotDone as error:
            raise CommandFailed(Exit.FAILED, str(error)) from None
        except AccessDenied as error:
            raise _cannot_ask(self.path, f"the service says: {error}") from None
        except ServiceFault as error:
            raise _cannot_ask(self.path, f"the service says: {error}") from None
        except amp.UnhandledCommand:
            raise _cannot_ask(
                self.path,
                f"it does not know {command.__name__}: another version than this command, perhaps",
            ) from None
        except AnswerTimeout:
            raise _cannot_ask(
                self.path, f"it did not answer within {ANSWER_TIMEOUT:g} s; it may be overloaded"
            ) from None
        except (ConnectionClosed, amp.AmpError):
            raise _cannot_ask(
                self.path,
                "the connection ended before the answer: the service stopped, or this is the "
                "socket of another program",
            ) from None

    def _decoded(self, answer: dict[str, Any], kind: type) -> Any:
        try:
            value = json.loads(answer["json"])
        except ValueError:
            value = None
        if not isinstance(value, kind):
            raise _cannot_ask(self.path, "its answer cannot be read: another version, perhaps")
        return value


def _why_not(path: Path, error: ConnectError) -> str:
    if isinstance(error, ConnectionRefusedError):
        if path.is_socket():
            return (
                "nothing listens on it: a service that made it has stopped. Start it again with "
                '"twistd netshare"'
            )
        return "that is not a socket. Name the service's with --control"
    number = error.osError
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"user {user_name(os.geteuid())} may not open it. Ask as root or as the service's "
            "user, or have the directories on its path opened to you"
        )
    if number in (errno.ENOENT, errno.ENOTDIR):
        return (
            'there is no such socket. Start the service with "twistd netshare", or name its '
            f"control socket with --control or {CONTROL_VARIABLE}"
        )
    return f"connecting to it failed: {error}"


def _cannot_ask(path: Path, why: str) -> CommandFailed:
    return CommandFailed(Exit.NO_SERVICE, f"no sharing service answers at {path}: {why}.")
