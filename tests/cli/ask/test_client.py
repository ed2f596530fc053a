"""The command's connection to the service: what it asks, and why it cannot."""

from __future__ import annotations

import argparse
import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionRefusedError, getConnectError
from twisted.python.failure import Failure

from netshare.cli.ask import client
from netshare.cli.ask.client import ANSWER_TIMEOUT, ServiceClient, add_service_options
from netshare.cli.exits import CommandFailed, Exit
from netshare.control.commands import ListRegistrations
from netshare.control.protocol import ControlProtocol
from netshare.service.shared import SharedPort
from netshare.testing import AdoptingReactor, UNIXLink, linkedUNIXTransports

PATH = Path("/run/netshare/control")


class Asking:
    """A client, joined to a service's end."""

    def __init__(self, service: Any = None) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor)
        protocol = ControlProtocol()
        service = service or self.shared.desk.buildProtocol(None)
        self.link: UNIXLink = linkedUNIXTransports(protocol, service)
        self.client = ServiceClient(PATH, protocol, self.reactor)

    def result(self, asking: Any) -> Any:
        """What is answered."""
        waiting: Deferred[Any] = ensureDeferred(asking)
        results: list[Any] = []
        waiting.addBoth(results.append)
        self.link.flush()
        if not results:
            self.reactor.advance(ANSWER_TIMEOUT)
        assert results
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def fails(self, asking: Any) -> CommandFailed:
        """How it ends."""
        with pytest.raises(CommandFailed) as caught:
            self.result(asking)
        return caught.value

    async def rows(self) -> list[dict[str, Any]]:
        """All pages."""
        return [row async for page in self.client.pages() for row in page]


@pytest.fixture
def asking() -> Any:
    """A client and a service."""
    made = Asking()
    yield made
    made.link.lose()
    made.reactor.close()


def test_questions(asking: Asking) -> None:
    """A service answers every question."""
    assert asking.result(asking.rows()) == []
    assert asking.result(asking.client.stats())["pid"] == os.getpid()
    assert asking.result(asking.client.who("net.tcp://h/x"))["found"] is False


def test_an_argument_that_makes_no_sense(asking: Asking) -> None:
    """What the service finds wrong with the command line is a usage error."""
    assert asking.fails(asking.client.who("host/path")).code is Exit.USAGE


class Answering(ControlProtocol):
    """Answers as it is told."""

    json = b"[]"
    following = -1
    silent = False

    @ListRegistrations.responder
    def list_registrations(self, start: int) -> Any:
        if self.silent:
            return Deferred()
        return {"json": self.json, "next": self.following if start == 0 else -1}


def test_pages() -> None:
    """Pages are asked for until the last."""
    service = Answering()
    service.json, service.following = b'[{"a": 1}]', 500
    asking = Asking(service)
    assert asking.result(asking.rows()) == [{"a": 1}, {"a": 1}]
    asking.link.lose()


@pytest.mark.parametrize("text", [b"{}", b"no json", b""])
def test_an_answer_that_cannot_be_read(text: bytes) -> None:
    """An answer of another kind is a sentence."""
    service = Answering()
    service.json = text
    asking = Asking(service)
    failed = asking.fails(asking.rows())
    assert failed.code is Exit.NO_SERVICE
    assert f"no sharing service answers at {PATH}: its answer cannot be read" in str(failed)
    asking.link.lose()


def test_a_question_that_is_not_known() -> None:
    """A service of another version is said to be one."""
    asking = Asking(Answering())
    assert "does not know WhoServes: another version" in str(asking.fails(asking.client.who("x")))
    asking.link.lose()


def test_no_answer_in_time() -> None:
    """A service that does not answer is not waited for longer than is said."""
    service = Answering()
    service.silent = True
    asking = Asking(service)
    assert f"within {ANSWER_TIMEOUT:g} s" in str(asking.fails(asking.rows()))
    asking.link.lose()


def test_a_connection_that_ends(asking: Asking) -> None:
    """A service that goes away in the middle of a question ends the command with a sentence."""
    waiting: Deferred[Any] = ensureDeferred(asking.client.stats())
    asking.link.lose()
    with pytest.raises(CommandFailed, match="ended before the answer") as caught:
        asking.result(waiting)
    assert caught.value.code is Exit.NO_SERVICE


class Connecting:
    """An attempt to connect."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.reactor = AdoptingReactor()
        self.results: list[Any] = []
        connecting: Deferred[Any] = ensureDeferred(
            ServiceClient.connect(self.reactor, path, **options)
        )
        connecting.addBoth(self.results.append)

    def refuse(self, error: Exception) -> str:
        """Connecting fails."""
        factory = self.reactor.unixClients[0][1]
        factory.clientConnectionFailed(None, Failure(error))
        return self.why()

    def accept(self) -> UNIXLink:
        """Connecting succeeds, with this process at the other end."""
        factory = self.reactor.unixClients[0][1]
        return linkedUNIXTransports(factory.buildProtocol(None), ControlProtocol())

    def why(self, code: Exit = Exit.NO_SERVICE) -> str:
        """Why there is no client."""
        (failure,) = self.results
        assert failure.check(CommandFailed)
        assert failure.value.code is code
        return str(failure.value)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EACCES, "may not open it. Ask as root"),
        (errno.ENOENT, "there is no such socket. Start the service with"),
        (errno.EIO, "connecting to it failed"),
    ],
)
def test_why_there_is_no_connection(number: int, says: str) -> None:
    """Each reason is said, with what to do."""
    error = getConnectError((number, os.strerror(number)))
    assert says in Connecting(PATH).refuse(error)


def test_nothing_listens(tmp_path: Path) -> None:
    """A socket that nothing listens on is told from what is no socket."""
    path = tmp_path / "control"
    path.touch()
    assert "that is not a socket" in Connecting(path).refuse(ConnectionRefusedError())
    path.unlink()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert "nothing listens on it" in Connecting(path).refuse(ConnectionRefusedError())


def test_a_path_that_no_socket_has(tmp_path: Path) -> None:
    """A path that is too long is said before the kernel would."""
    assert "at most 107 bytes" in Connecting(tmp_path / ("x" * 120)).why()


def test_the_service_is_who_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service of root, of this user or of the named one is asked, and no other."""
    mine = Connecting(PATH)
    link = mine.accept()
    assert isinstance(mine.results[0], ServiceClient)
    link.lose()

    monkeypatch.setattr(client, "trusted_users", lambda name: frozenset({4001}))
    others = Connecting(PATH)
    link = others.accept()
    assert f"process {os.getpid()} of user " in others.why()
    assert "--service-user" in others.why()
    link.flush()
    assert not link.connected


def test_a_service_user_that_does_not_exist() -> None:
    """A wrong name is an error of the command line."""
    assert "no user 'nosuchuser'" in Connecting(PATH, service_user="nosuchuser").why(Exit.USAGE)


def test_options() -> None:
    """Every command that asks the service has the same options."""
    parser = argparse.ArgumentParser()
    add_service_options(parser)
    options = parser.parse_args(["--control", "/c", "--service-user", "me", "--json"])
    assert (options.control, options.service_user, options.json) == (Path("/c"), "me", True)
