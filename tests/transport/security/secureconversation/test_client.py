"""A client believes only answers to its own questions."""

from __future__ import annotations

import pytest

from netshare.transport.security.secureconversation import SecurityInvalid
from netshare.transport.soap import Message
from tests.helpers.security import ADDRESS, Both, certificate_credential, over_the_wire


def test_answers_of_another_kind() -> None:
    """The answer to another request, or a message without security, is refused."""
    both = Both()
    answer = both.answer(both.receive(both.client.ask(ADDRESS)))
    answer.action = "urn:other"
    with pytest.raises(SecurityInvalid, match="urn:other"):
        both.client.answered(answer)
    with pytest.raises(SecurityInvalid, match="0 Security headers"):
        both.client.receive(over_the_wire(Message("urn:x")))
    assert not both.client.is_open


def test_another_context_is_no_renewal() -> None:
    """A renewed context is the one that was to be renewed."""
    both, other = Both(), Both()
    both.open()
    strange = other.answer(other.receive(other.client.ask(ADDRESS)))
    both.client.ask(ADDRESS)
    strange.action += "/Renew"  # type: ignore[operator]
    with pytest.raises(SecurityInvalid, match="another security context"):
        both.client.answered(strange)


def test_the_address_is_signed() -> None:
    """With a certificate the address is signed as well, so that no other service can use it."""
    both = Both(certificate_credential())
    message = over_the_wire(both.client.ask(ADDRESS))
    assert message.to == ADDRESS
    changed = both.client.ask(ADDRESS)
    to = changed.headers[0]
    assert to.name == "To"
    changed.headers[0] = both.client.ask("net.tcp://elsewhere/").headers[0]
    with pytest.raises(SecurityInvalid, match="#_1 was changed"):
        both.receive(changed)
