"""What operators may do to workers, and who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from zope.interface import implementer

from netshare.addresses import BaseAddress, parse_base_address
from netshare.control import commands, management
from netshare.control.commands import WorkerFault
from netshare.control.protocol import ControlProtocol, declared
from netshare.interfaces import IWorkerManager
from netshare.service.desk.accounts import Accounts, Members, Reservation
from netshare.service.desk.management import DRAIN_FOR
from netshare.service.desk.protocol import DeskProtocol
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.sockets.credentials import Peer
from netshare.testing import AdoptingReactor, UNIXLink, linkedUNIXTransports

SPAWNED, SELF = (parse_base_address(f"net.tcp://+/{path}") for path in ("spawned", "self"))


@implementer(IWorkerManager)
class Manager:
    """Has the workers of one address, and does nothing by itself."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.done: Deferred[None] = Deferred()

    def describe(self, address: BaseAddress) -> dict[str, str] | None:
        return {"worker": "serving"} if address.key == SPAWNED.key else None

    def watcherOf(self, pid: int) -> None:
        return None

    def comesBack(self, pid: int, uid: int, address: BaseAddress) -> None:
        return None

    def startAt(self, address: BaseAddress) -> Deferred[None]:
        return self._note("start")

    def stopAt(self, address: BaseAddress, drain: bool) -> Deferred[None]:
        return self._note("drain" if drain else "stop")

    def recycleAt(self, address: BaseAddress) -> Deferred[None]:
        return self._note("recycle")

    def _note(self, what: str) -> Deferred[None]:
        self.asked.append(what)
        return self.done


class Drainable(ControlProtocol):
    """A worker that notes with which deadline it is drained."""

    def __init__(self) -> None:
        super().__init__()
        self.deadlines: list[int] = []

    @declared(commands.Drain, WorkerFault)
    def drain(self, baseAddress: str, deadline: int) -> dict[str, Any]:
        self.deadlines.append(deadline)
        return {}


class Setting:
    """A service, with links of several users."""

    def __init__(self) -> None:
        self.reactor = AdoptingReactor()
        self.shared = SharedPort(self.reactor, Quotas(expectAfterLoss=0.0))
        everyone = Members(frozenset({4001, 4002, 4003}))
        reservation = Reservation(SPAWNED, Members(frozenset({4001})))
        self.shared.permit(Accounts(everyone, (reservation,)))
        self.manager = Manager()
        self.shared.desk.workers = self.manager
        self.links: list[UNIXLink] = []
        self.spawned: set[int] = set()
        self.shared.desk.isSpawned = self.spawned.__contains__

    def link(self, uid: int = 0, pid: int = 77, other: Any = None) -> Any:
        """The other end of a link, of such a process."""
        end = ControlProtocol() if other is None else other
        desk = DeskProtocol(self.shared.desk, peer=Peer(pid, uid, frozenset()))
        self.links.append(linkedUNIXTransports(end, desk))
        return end

    def worker(self, uid: int = 4002, pid: int = 78, **more: Any) -> Drainable:
        """A worker that has registered by itself."""
        worker: Drainable = self.link(uid, pid, Drainable())
        wish = {"version": 1, "baseAddress": str(SELF), "shared": True, "drains": True, **more}
        (answer,) = self.ask(worker, commands.Register, **wish)
        assert answer["baseAddress"] == str(SELF)
        return worker

    def ask(self, end: Any, command: Any, **arguments: Any) -> list[Any]:
        results: list[Any] = []
        end.callRemote(command, **arguments).addBoth(results.append)
        self.settle()
        return results

    def manage(self, end: Any, command: Any, address: Any = SPAWNED, **more: Any) -> list[Any]:
        return self.ask(end, command, baseAddress=str(address), **more)

    def settle(self) -> None:
        for _ in range(10):
            for link in self.links:
                link.flush()
            self.reactor.advance(0)


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    for link in one.links:
        link.lose()


COMMANDS = [
    (management.Start, "start"),
    (management.Stop, "stop"),
    (management.Recycle, "recycle"),
    (management.DrainWorkers, "drain"),
]


@pytest.mark.parametrize(("command", "word"), COMMANDS)
@pytest.mark.parametrize("uid", [0, 4001])
def test_who_may(setting: Setting, command: Any, word: str, uid: int) -> None:
    """Root may, and those for whom the address is reserved; the answer comes at once."""
    (answer,) = setting.manage(setting.link(uid), command)
    assert setting.manager.asked == [word]
    assert json.loads(answer["json"]) == {"address": str(SPAWNED), "worker": "serving"}


@pytest.mark.parametrize(("command", "word"), COMMANDS)
def test_who_may_not(setting: Setting, command: Any, word: str) -> None:
    """Others may not, though they may register; nor may a worker of the service's own user."""
    setting.spawned.add(77)
    for end in (setting.link(4003, 76), setting.link(0, 77)):
        (failure,) = setting.manage(end, command)
        assert failure.check(commands.AccessDenied)
        assert "may not manage the workers of net.tcp://+/spawned" in str(failure.value)
    assert setting.manager.asked == []


@pytest.mark.parametrize(("command", "word"), COMMANDS)
def test_waiting(setting: Setting, command: Any, word: str) -> None:
    """With ``wait`` the answer comes when it is done."""
    answers = setting.manage(setting.link(), command, wait=True)
    assert answers == []
    setting.manager.done.callback(None)
    setting.settle()
    assert len(answers) == 1


def test_a_failure(setting: Setting) -> None:
    """It is told if it is waited for, or known at once; else the list tells it."""
    end = setting.link()
    waiting = setting.manage(end, management.Recycle, wait=True)
    assert "json" in setting.manage(end, management.Recycle)[0]
    setting.manager.done.errback(ValueError("it ended at once"))
    setting.settle()
    assert waiting[0].check(management.NotDone)
    assert str(waiting[0].value) == "it ended at once"


def test_a_command_that_does_not_wait_for_its_end(setting: Setting) -> None:
    """One that has gone is not answered, and nothing comes of that."""
    end = setting.link()
    setting.manage(end, management.Recycle, wait=True)
    setting.links[-1].lose()
    setting.manager.done.callback(None)
    setting.settle()


@pytest.mark.parametrize("command", [management.Start, management.Stop, management.Recycle])
def test_an_address_of_others(setting: Setting, command: Any) -> None:
    """A worker that the service does not start can neither be started nor exchanged by it."""
    setting.worker()
    (failure,) = setting.manage(setting.link(), command, SELF)
    assert failure.check(management.NoSuchWorker)


def test_no_address(setting: Setting) -> None:
    """What is none is refused."""
    for command, _ in COMMANDS:
        (failure,) = setting.manage(setting.link(), command, "http://there/")
        assert failure.check(commands.InvalidArgument)


def test_draining_workers_that_registered(setting: Setting) -> None:
    """All of them, or one; by root or their own user; and it is over when they say so."""
    first, second = setting.worker(pid=78), setting.worker(pid=79)
    owner = setting.link(4002, 80)
    answers = setting.manage(owner, management.DrainWorkers, SELF, wait=True, pid=79, deadline=5)
    assert (first.deadlines, second.deadlines, answers) == ([], [5], [])
    assert len(setting.shared.registry.registrationsOf(SELF)) == 1
    setting.ask(second, commands.Drained, baseAddress=str(SELF), connections=0)
    assert json.loads(answers[0]["json"]) == {"address": str(SELF)}
    assert setting.manage(setting.link(), management.DrainWorkers, SELF)
    assert first.deadlines == [DRAIN_FOR]


@pytest.mark.parametrize(
    ("uid", "more", "error"),
    [
        (4003, {}, commands.AccessDenied),
        (0, {"pid": 1}, management.NoSuchWorker),
    ],
)
def test_what_is_not_drained(setting: Setting, uid: int, more: Any, error: Any) -> None:
    """A worker of another user's, or one that is not there."""
    worker = setting.worker()
    (failure,) = setting.manage(setting.link(uid, 80), management.DrainWorkers, SELF, **more)
    assert failure.check(error)
    assert worker.deadlines == []


def test_one_that_does_not_know_how(setting: Setting) -> None:
    """It stays where it is: it would never come back into rotation."""
    worker = setting.worker(drains=False)
    (failure,) = setting.manage(setting.link(), management.DrainWorkers, SELF)
    assert failure.check(management.NoSuchWorker)
    assert "does not know how to be drained" in str(failure.value)
    assert (len(setting.shared.registry.registrationsOf(SELF)), worker.deadlines) == (1, [])


def test_one_process_of_the_service(setting: Setting) -> None:
    """It would be started again: the address is what can be recycled."""
    (failure,) = setting.manage(setting.link(), management.DrainWorkers, pid=5)
    assert failure.check(management.NoSuchWorker)
    assert setting.manager.asked == []


def test_without_workers(setting: Setting) -> None:
    """A service that starts none says so."""
    setting.shared.desk.workers = None
    (failure,) = setting.manage(setting.link(), management.Start)
    assert failure.check(management.NoSuchWorker)


def test_the_list_says_how_they_are(setting: Setting) -> None:
    """Also while none is up, with what went wrong."""
    setting.shared.registry.supervise(SPAWNED)
    setting.shared.status.workers = setting.manager
    (row,) = setting.shared.status.registrations(0, 10)[0]
    assert (row["state"], row["worker"]) == ("down", "serving")


def test_accounts() -> None:
    """Who may register an address that is not reserved may not manage it."""
    someone = Peer(1, 4001, frozenset())
    accounts = Accounts(Members(frozenset({4001})))
    assert accounts.refusal(someone, SELF) is None
    assert not accounts.manages(someone, SELF)
    reserved = replace(accounts, reservations=(Reservation(SELF, Members(frozenset({4001}))),))
    assert reserved.manages(someone, SELF)
    assert not reserved.manages(Peer(1, 4002, frozenset()), SELF)
