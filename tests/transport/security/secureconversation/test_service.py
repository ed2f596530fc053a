"""A service lets in whom it knows, once for each message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netshare.transport.security.identity import IdentityKind
from netshare.transport.security.secureconversation import SecurityInvalid, UserNameToken
from netshare.transport.security.secureconversation.header import (
    security_header,
    timestamp_writer,
)
from netshare.transport.security.secureconversation.names import SC, WSSE, WSU
from netshare.transport.soap import Message, MessageHeader
from netshare.transport.xml import XmlWriter
from tests.helpers.security import (
    ADDRESS,
    Both,
    Clock,
    certificate_credential,
    now,
    over_the_wire,
    recorded_messages,
)

pytest.importorskip("lxml", reason="needs lxml")


def test_by_password() -> None:
    """A client with the right password gets a context, and its requests have its identity."""
    both = Both()
    assert both.open().identity.name == "ann"
    for _ in range(3):
        received = both.receive(both.request())
        assert received.answer is None
        assert (received.identity.name, received.identity.kind) == ("ann", IdentityKind.USER_NAME)


def test_by_certificate() -> None:
    """A client with a certificate proves that it has the key."""
    both = Both(certificate_credential())
    both.open()
    assert both.receive(both.request()).identity.name == "CN=ann"


def test_a_recorded_client() -> None:
    """What .NET's client asks for is answered in the form that CoreWCF's service has."""
    both = Both()
    both.clock.now = 1_795_393_230.0
    messages = list(recorded_messages("twmc-username"))
    asked = messages[0][1]
    received = now(both.service.receive(asked))
    assert received.identity.name == "ann"
    theirs = messages[1][1]
    ours = both.answer(received)
    assert ours.action == theirs.action

    one, other = ours.body_element(), theirs.body_element()
    assert one is not None
    assert other is not None
    assert names(one) == names(other)


def names(element: object) -> list[object]:
    """Names of an element and all that is in it."""
    children = element.elements()  # type: ignore[attr-defined]
    return [element.local, *(names(child) for child in children)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("credential", [("ann", "wrong"), ("eve", "secret"), ("", "")])
def test_wrong_passwords(credential: tuple[str, str]) -> None:
    """A wrong name or password is told as WCF does, without saying which it was."""
    both = Both(UserNameToken(*credential))
    with pytest.raises(SecurityInvalid) as refused:
        both.open()
    assert refused.value.fault.code.subcode is not None
    assert refused.value.fault.code.subcode.name == "InvalidSecurity"
    assert refused.value.fault.reason.startswith("An error occurred when verifying")


def test_renewing() -> None:
    """A context gets a new key; the last one is still good, the one before it is not."""
    both = Both(lifetime=100.0)
    both.open()
    under_way = both.request()
    both.clock.now += 81
    assert both.client.is_due
    both.open()
    assert not both.client.is_due
    both.receive(under_way)
    both.receive(both.request())
    older = both.request()
    both.clock.now += 81
    both.open()
    both.open()
    with pytest.raises(SecurityInvalid, match="no longer good"):
        both.receive(older)
    both.receive(both.request())


def test_expiry() -> None:
    """After its lifetime a context is unknown, and the fault says that of it."""
    both = Both(lifetime=100.0)
    both.open()
    both.clock.now += 101
    with pytest.raises(SecurityInvalid, match="expired") as refused:
        both.receive(both.request())
    assert refused.value.fault.code.subcode is not None
    assert refused.value.fault.code.subcode.namespace == SC


def test_cancelling() -> None:
    """A cancelled context is good for nothing more; the request says which endpoint it is for."""
    both = Both()
    both.open()
    late = both.request()
    asked = both.client.cancel(ADDRESS)
    assert asked.to == ADDRESS
    received = both.receive(asked)
    both.client.cancelled(both.answer(received))
    assert not both.client.is_open
    with pytest.raises(SecurityInvalid, match="not known"):
        both.receive(late)


def test_contexts_of_others() -> None:
    """A client can neither cancel nor renew the context of another."""
    one, two = Both(), Both()
    two.service, two.clock = one.service, one.clock
    one.open()
    two.open()
    theirs = two.client._token
    mine = one.client._token
    assert theirs is not None
    one.client._token = theirs
    message = one.client.cancel(ADDRESS)
    one.client._token = mine
    with pytest.raises(SecurityInvalid, match="signature is wrong"):
        one.receive(message)


def test_replays() -> None:
    """Neither a request nor a request for a context is taken twice."""
    both = Both()
    asked = both.client.ask(ADDRESS)
    both.client.answered(both.answer(both.receive(asked)))
    with pytest.raises(SecurityInvalid, match="replay"):
        both.receive(asked)
    request = both.request()
    both.receive(request)
    with pytest.raises(SecurityInvalid, match="replay"):
        both.receive(request)
    both.clock.now += 2000
    with pytest.raises(SecurityInvalid, match="too old"):
        both.receive(request)


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [(0, True), (290, True), (590, True), (610, False), (-290, True), (-310, False)],
)
def test_clocks(seconds: float, taken: bool) -> None:
    """Clocks may be five minutes apart, and a message five minutes under way."""
    both = Both()
    both.open()
    request = both.request()
    both.clock.now += seconds
    if taken:
        both.receive(request)
    else:
        with pytest.raises(SecurityInvalid, match=r"too old|the future"):
            both.receive(request)


def without_security(message: Message) -> None:
    message.headers.clear()


def with_two(message: Message) -> None:
    message.headers.append(message.headers[0])


def unsigned(message: Message) -> None:
    message.headers[:] = [security_header(timestamp_writer(Clock()()))]


def no_time(message: Message) -> None:
    message.headers[:] = [security_header()]


def strange_time(message: Message) -> None:
    def write(writer: XmlWriter) -> None:
        writer.start_element("Timestamp", WSU, "u")
        writer.element("Created", "yesterday" * 3, WSU, "u")
        writer.element("Expires", "2026-11-23T00:00:00", WSU, "u")
        writer.end_element()

    message.headers[:] = [security_header(write)]


def wrapped(message: Message) -> None:
    """The signed timestamp stands in another header, a fresh one where it is looked for."""
    original = over_the_wire(message).headers[0]
    message.headers.append(MessageHeader("Other", "urn:other", original.element()))


@pytest.mark.parametrize(
    "change", [without_security, with_two, unsigned, no_time, strange_time, wrapped]
)
def test_what_is_refused(change: Callable[[Message], None]) -> None:
    """A request whose security header is missing, doubled, empty or a trick is refused."""
    both = Both()
    both.open()
    request = both.request()
    change(request)
    with pytest.raises(SecurityInvalid):
        both.receive(request)


def test_a_certificate_without_its_key() -> None:
    """A certificate alone, which everyone can have, opens nothing."""
    both = Both(certificate_credential())
    asked = over_the_wire(both.client.ask(ADDRESS))
    stolen = next(h for h in asked.headers if h.name == "Security").element()
    token = stolen.find("BinarySecurityToken", WSSE)
    assert token is not None
    message = both.client.ask(ADDRESS)
    message.headers[:] = [
        security_header(timestamp_writer(both.clock()), lambda writer: writer.node(token))
    ]
    with pytest.raises(SecurityInvalid, match="not signed with its certificate"):
        both.receive(message)


def test_contexts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that ask for contexts without end push out the oldest ones only."""
    both = Both()
    monkeypatch.setattr(both.service._contexts, "_limit", 3)
    first = both.service
    both.open()
    oldest = both.request()
    for _ in range(3):
        other = Both()
        other.service, other.clock = first, both.clock
        other.open()
    assert len(first._contexts) == 3
    with pytest.raises(SecurityInvalid, match="not known"):
        both.receive(oldest)
