"""Who answers what, whatever carries the messages."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from netshare.transport.calls.conversation import MAX_AHEAD, Conversation
from netshare.transport.calls.interfaces import IMessageReceiver
from netshare.transport.channels.errors import ChannelClosedError, CommunicationError, TimeoutError
from netshare.transport.soap import Message
from tests.helpers.links import FakeLink, FakeUser


def conversation(user: Any = None) -> tuple[Conversation, FakeLink, Clock]:
    """A conversation, its link and its clock."""
    link, clock = FakeLink(), Clock()
    made = Conversation(link, clock, user or FakeUser())
    verifyObject(IMessageReceiver, made)
    return made, link, clock


def results(deferred: Deferred[Any]) -> list[Any]:
    """Where the result of a Deferred will be; of a failure its error."""
    there: list[Any] = []
    deferred.addCallbacks(there.append, lambda failure: there.append(failure.value))
    return there


def test_a_reply_finds_its_request() -> None:
    """Of two requests each gets the reply that relates to it, in any order."""
    talk, link, _ = conversation()
    first = results(talk.request(Message("one"), None))
    second = results(talk.request(Message("two"), None))
    for which in (1, 0):
        link.receiver.message_received(
            Message(f"reply {which}", relates_to=link.sent[which].message_id)
        )
    assert [one.action for one in (*first, *second)] == ["reply 0", "reply 1"]


def test_a_fault_that_relates_to_nothing() -> None:
    """It is the reply of the one request that waits, and of none when there are two."""
    talk, link, _ = conversation()
    first = results(talk.request(Message("one"), None))
    link.receiver.message_received(Message("fault", is_fault=True))
    assert [one.action for one in first] == ["fault"]
    both = [results(talk.request(Message(name), None)) for name in ("two", "three")]
    link.receiver.message_received(Message("fault", is_fault=True))
    assert both == [[], []]


def test_a_reply_that_is_late() -> None:
    """After its timeout a request fails, and a reply that comes later is passed over."""
    user = FakeUser()
    talk, link, clock = conversation(user)
    reply = results(talk.request(Message("one"), 5))
    clock.advance(4.9)
    assert reply == []
    clock.advance(0.2)
    assert isinstance(reply[0], TimeoutError)
    assert "one within 5 s; see send_timeout" in str(reply[0])
    link.receiver.message_received(Message("reply", relates_to=link.sent[0].message_id))
    assert user.requests == []


def test_a_request_that_cannot_be_sent() -> None:
    """It fails, and is not waited for."""
    talk, link, _ = conversation()
    link.open = False
    assert isinstance(results(talk.request(Message("one"), 5))[0], ChannelClosedError)
    assert not talk.busy


def test_a_request_that_is_given_up() -> None:
    """A cancelled request is not waited for any more."""
    talk, _, clock = conversation()
    reply = talk.request(Message("one"), 5)
    reply.addErrback(lambda _: None)
    reply.cancel()
    assert not talk.busy
    clock.advance(6)


def test_too_many_requests_hold_up_the_other_side() -> None:
    """From MAX_AHEAD requests on nothing more is taken, until one is done."""
    user = FakeUser(at_once=False)
    _, link, _ = conversation(user)
    for number in range(MAX_AHEAD):
        assert link.did == []
        link.receiver.message_received(Message(f"{number}", message_id=f"urn:{number}"))
    assert link.did == ["pause"]
    user.working[7].callback(None)
    assert link.did == ["pause", "resume"]


def test_replies_are_taken_while_many_requests_wait() -> None:
    """A side that waits for a reply takes more requests, since the reply is behind them."""
    user = FakeUser(at_once=False)
    talk, link, _ = conversation(user)
    reply = results(talk.request(Message("one"), None))
    for number in range(MAX_AHEAD + 1):
        link.receiver.message_received(Message(f"{number}", message_id=f"urn:{number}"))
    assert link.did == []
    link.receiver.message_received(Message("reply", relates_to=link.sent[0].message_id))
    assert len(reply) == 1
    assert link.did == ["pause"]


def test_work_that_fails_ends_the_link() -> None:
    """A request that cannot be worked on is logged, and the link aborted."""

    class Failing(FakeUser):
        def request_received(self, message: Message) -> None:
            raise ValueError("no")

    talk, link, _ = conversation(Failing())
    link.receiver.message_received(Message("one", message_id="urn:1"))
    assert link.did == ["abort"]
    assert not talk.busy


def test_idle_when_both_directions_are() -> None:
    """It is idle when no request of either side is under way."""
    user = FakeUser(at_once=False)
    talk, link, _ = conversation(user)
    assert results(talk.idle()) == [None]
    reply = results(talk.request(Message("one"), None))
    link.receiver.message_received(Message("theirs", message_id="urn:1"))
    idle = results(talk.idle())
    link.receiver.message_received(Message("reply", relates_to=link.sent[0].message_id))
    assert (len(reply), idle) == (1, [])
    user.working[0].callback(None)
    assert idle == [None]


def test_the_other_side_ends() -> None:
    """Requests fail with a sentence, and the user is told."""
    user = FakeUser()
    talk, link, _ = conversation(user)
    reply = results(talk.request(Message("one"), None))
    link.receiver.end_received()
    assert isinstance(reply[0], CommunicationError)
    assert user.told == ["ended"]


@pytest.mark.parametrize("error", [None, CommunicationError("lost")])
def test_the_link_is_closed(error: CommunicationError | None) -> None:
    """Requests and closers hear of it, with the reason if there is one."""
    user = FakeUser()
    talk, link, _ = conversation(user)
    reply = results(talk.request(Message("one"), None))
    closed = results(talk.close(None))
    link.lose(error)
    assert (talk.closed, user.told, closed) == (True, [error], [error])
    assert isinstance(reply[0], ChannelClosedError if error is None else CommunicationError)
    assert results(talk.close(None)) == [None]


def test_closing_takes_no_longer_than_its_timeout() -> None:
    """A link whose other side does not end is failed."""
    talk, link, clock = conversation()
    closed = results(talk.close(3))
    assert link.did == ["end_output"]
    clock.advance(3.1)
    assert isinstance(closed[0], TimeoutError)
    assert "see close_timeout" in str(closed[0])
    assert clock.getDelayedCalls() == []
