"""What is remembered of a session."""

from __future__ import annotations

import pytest

from netshare.transport.calls.session import SessionState, address_reply, new_session_id
from netshare.transport.soap import SOAP11_WSA10, Message


def test_session_ids() -> None:
    """Each is new, and looks as WCF's do."""
    one, two = new_session_id(), new_session_id()
    assert one != two
    assert one.startswith("uuid:")
    assert ";id=" in one


@pytest.mark.parametrize("answer_to", [None, "urn:somewhere"])
def test_a_reply_is_addressed(answer_to: str | None) -> None:
    """It relates to its request, has its version, and goes where the session's answers go."""
    session = SessionState("net.tcp://here/", None, None, None, "id", answer_to=answer_to)
    request = Message("urn:a", version=SOAP11_WSA10, message_id="urn:1")
    reply = Message("urn:b", message_id="urn:left-over", reply_to="urn:left-over")
    address_reply(reply, request, session)
    assert (reply.version, reply.relates_to, reply.to) == (SOAP11_WSA10, "urn:1", answer_to)
    assert reply.message_id is None
    assert reply.reply_to is None
