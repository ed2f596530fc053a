"""Both sides negotiate Windows credentials by messages, and neither believes what was changed."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred

from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.negotiate.context import acceptor
from netshare.transport.security.secureconversation import SecurityInvalid, ServiceNegotiations
from netshare.transport.security.secureconversation.binaryexchange import (
    first_request,
    response,
)
from netshare.transport.security.secureconversation.names import (
    NEGOTIATE_ACTION,
    NEGOTIATE_ANSWER_ACTION,
    TRUST,
)
from netshare.transport.security.secureconversation.negotiation import (
    MAX_TURNS,
    MAX_UNDER_WAY,
    TIMEOUT,
)
from netshare.transport.soap import BodyWriter, Message
from netshare.transport.xml import Element
from tests.helpers.security import (
    ADDRESS,
    Both,
    Clock,
    now,
    over_the_wire,
    windows_credential,
)
from tests.helpers.windows import USER, ntlm_users, require_no_gss_ntlm

pytest.importorskip("lxml", reason="needs lxml")
spnego = pytest.importorskip("spnego", reason="needs pyspnego")


@pytest.fixture(autouse=True)
def ntlm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of users, without any Kerberos."""
    require_no_gss_ntlm()
    monkeypatch.setenv("KRB5_CONFIG", "/dev/null")
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "no-cache"))
    ntlm_users(tmp_path, monkeypatch)


def negotiations(
    clock: Callable[[], float] | None = None, allow_ntlm: bool = True, make: Any = None
) -> ServiceNegotiations:
    """A service's."""
    made = make or functools.partial(acceptor, ProtectionLevel.ENCRYPT_AND_SIGN)
    return ServiceNegotiations(clock or Clock(), made, maybeDeferred, allow_ntlm)


def both(allow_ntlm: bool = True, **credential: Any) -> Both:
    """A client with Windows credentials, and a service that takes them."""
    return Both(windows_credential(**credential), windows=negotiations(allow_ntlm=allow_ntlm))


def test_negotiating() -> None:
    """The service knows the user, in the negotiation, in the context, and in each message."""
    two = both()
    assert two.client.negotiates
    identity = Identity(f"DOM\\{USER}", IdentityKind.WINDOWS, "NTLM")
    assert two.open().identity == identity
    assert not two.client.negotiates
    for _ in range(3):
        assert two.receive(two.request()).identity == identity
    two.clock.now += 3000
    assert two.client.is_due
    assert two.open().identity == identity


def test_two_at_once() -> None:
    """Negotiations with one service do not get in each other's way."""
    service = negotiations()
    first, second = Exchanging(service), Exchanging(service)
    first.start()
    second.start()
    assert len(service) == 2
    first.go_on()
    second.go_on()
    assert len(service) == 0


@pytest.mark.parametrize(
    ("service", "client", "why"),
    [
        ({}, {"password": "wrong"}, "MIC|[Ii]nvalid|NTLM"),
        ({}, {"user": "DOM\\eve"}, "eve|[Ii]nvalid|NTLM"),
        ({"allow_ntlm": False}, {}, "NTLM is not allowed here"),
    ],
)
def test_refused_by_the_service(service: Any, client: Any, why: str) -> None:
    """What is wrong with the credentials is for the log; the client hears that they are."""
    two = both(**service, **client)
    with pytest.raises(SecurityInvalid, match=why) as refused:
        two.open()
    code = refused.value.fault.code.subcode
    assert code is not None
    assert (code.name, code.namespace) == ("FailedAuthentication", TRUST)


def test_refused_by_the_client() -> None:
    """A client that insists on Kerberos sends nothing of NTLM's but the beginning."""
    two = both(allow_ntlm=True)
    two.client._credential = windows_credential(allow_ntlm=False)
    with pytest.raises(SecurityInvalid, match=r"NTLM is not allowed, and .*kinit"):
        two.negotiate()


def test_where_other_credentials_are_asked_for() -> None:
    """The log says that the two bindings differ."""
    two = Both(windows_credential())
    with pytest.raises(SecurityInvalid, match="message_credential_type"):
        two.negotiate()


def test_a_service_that_is_not_set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a keytab nor a file of users: the log says so."""
    monkeypatch.delenv("NTLM_USER_FILE")
    monkeypatch.setenv("KRB5_KTNAME", str(tmp_path / "none"))
    with pytest.raises(SecurityInvalid, match="NTLM_USER_FILE"):
        both().negotiate()


# ---- what a negotiation is good for


def test_the_negotiated_context_is_for_one_thing() -> None:
    """It neither signs requests, nor is it renewed or cancelled, nor signs the name of another."""
    two = both()
    two.negotiate()
    signer = two.client._negotiated
    assert signer is not None
    for action in ("urn:do", f"{TRUST}/RST/SCT/Renew", f"{TRUST}/RST/SCT/Cancel"):
        message = Message(action, to=ADDRESS)
        two.client._sign(message, signer)
        with pytest.raises(SecurityInvalid, match="not known"):
            two.receive(message)


def test_a_request_for_a_context_by_a_stranger() -> None:
    """A context that was not negotiated here, or another key, shows nothing."""
    one, two = both(), both()
    one.negotiate()
    two.negotiate()
    two.client._negotiated = one.client._negotiated
    with pytest.raises(SecurityInvalid, match="not known"):
        two.receive(two.client.ask(ADDRESS))
    three = both()
    three.negotiate()
    stolen, mine = three.client._negotiated, one.client._negotiated
    assert stolen is not None
    assert mine is not None
    three.client._negotiated = type(stolen)(mine.key, stolen.context, None)
    with pytest.raises(SecurityInvalid, match="signature is wrong"):
        three.receive(three.client.ask(ADDRESS))


# ---- what somebody between both could do


def edited(element: Element, path: tuple[str, ...], make: Any) -> Element:
    """The element with one of those inside changed; None takes it away."""
    if not path:
        result: Element = make(element)
        return result
    children: list[Any] = []
    for child in element.children:
        if isinstance(child, Element) and child.local == path[0]:
            changed = None if make is None and len(path) == 1 else edited(child, path[1:], make)
            if changed is not None:
                children.append(changed)
        else:
            children.append(child)
    return element._replace(children=tuple(children))


def text(value: str) -> Callable[[Element], Element]:
    """Other text."""
    return lambda element: element._replace(children=(value,))


RESPONSE = "RequestSecurityTokenResponse"
CHANGES: list[tuple[tuple[str, ...], Any, str]] = [
    ((RESPONSE, "Lifetime", "Expires"), text("2036-01-01T00:00:00Z"), "changed on its way"),
    ((RESPONSE, "Lifetime"), None, "0 elements Lifetime"),
    ((RESPONSE, "Lifetime", "Expires"), text("soon"), "no time"),
    ((RESPONSE, "KeySize"), text("128"), "128 bits"),
    ((RESPONSE, "KeySize"), None, "changed on its way"),
    ((RESPONSE, "Authenticator", "CombinedHash"), text("AAAA"), "changed on its way"),
    ((RESPONSE, "Authenticator", "CombinedHash"), text("?"), "base64"),
    ((RESPONSE, "Authenticator"), None, "0 elements Authenticator"),
    ((RESPONSE, "RequestedSecurityToken"), None, "0 elements RequestedSecurityToken"),
    ((RESPONSE, "RequestedProofToken"), None, "0 elements RequestedProofToken"),
    (
        (RESPONSE, "RequestedProofToken", "EncryptedKey", "CipherData", "CipherValue"),
        text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        "not genuine",
    ),
    (
        (RESPONSE, "RequestedProofToken", "EncryptedKey", "EncryptionMethod"),
        lambda element: element._replace(attributes=()),
        "encrypted by something else",
    ),
    ((RESPONSE, "BinaryExchange"), None, "the handshake is not"),
    ((RESPONSE, "BinaryExchange"), text("AAAA"), "Error"),
    ((RESPONSE,), None, "0 responses"),
    ((RESPONSE,), lambda element: element._replace(attributes=()), "without a name"),
]


@pytest.mark.parametrize(("path", "make", "why"), CHANGES)
def test_the_last_answer_changed(path: tuple[str, ...], make: Any, why: str) -> None:
    """Whatever is changed in the service's last answer, the client does not believe it."""
    two = both()

    def change(body: Element) -> Element:
        return edited(body, path, make) if body.local.endswith("Collection") else body

    two.changes = change
    with pytest.raises(SecurityInvalid, match=why):
        two.negotiate()
    assert two.client.negotiates


@pytest.mark.parametrize(
    ("path", "make", "why"),
    [
        (("BinaryExchange",), None, "has no token"),
        (("BinaryExchange",), text("AAAA"), "Error"),
        ((), lambda element: element._replace(attributes=()), "without a name"),
        ((), lambda element: element._replace(children=()), "has no token"),
        ((), lambda element: Element(element.name._replace(local="Other")), "the body is no"),
    ],
)
def test_the_first_answer_changed(path: tuple[str, ...], make: Any, why: str) -> None:
    """Nor what the service says before."""
    two = both()

    def change(body: Element) -> Element:
        return body if body.local.endswith("Collection") else edited(body, path, make)

    two.changes = change
    with pytest.raises(SecurityInvalid, match=why):
        two.negotiate()


def test_an_answer_with_another_action() -> None:
    """A reply to something else ends the negotiation."""
    two = both()

    async def other(request: Message) -> Message:
        answer = await two.turn(request)
        answer.action = "urn:other"
        return answer

    with pytest.raises(SecurityInvalid, match="the action urn:other"):
        now(two.client.negotiate(ADDRESS, other))


# ---- what a hostile client could do


class Exchanging:
    """A client that can be held up after its first request."""

    def __init__(self, service: ServiceNegotiations, name: str | None = None) -> None:
        self.service = service
        self.context = windows_credential().make()
        self.name = name or f"uuid-{id(self)}"
        self.token = self.context.step()

    def start(self) -> None:
        """The first turn."""
        assert self.token is not None
        answer = said(self.service, NEGOTIATE_ACTION, first_request(self.name, self.token))
        self.token = self.context.step(token_of(answer))

    def go_on(self) -> Any:
        """The second turn."""
        assert self.token is not None
        return said(self.service, NEGOTIATE_ANSWER_ACTION, response(self.name, self.token))


def said(service: ServiceNegotiations, action: str, body: Any) -> Any:
    """What the service makes of a body."""
    return now(service.receive(over_the_wire(Message(action, body, to=ADDRESS))))


def token_of(answer: BodyWriter) -> bytes:
    """The token in a body."""
    element = over_the_wire(Message("urn:x", answer)).body_element()
    assert element is not None
    exchange = element.find("BinaryExchange", TRUST)
    assert exchange is not None
    return base64.b64decode(exchange.text)


def test_a_name_twice() -> None:
    """Who begins with the name of another ends both, and gets nothing."""
    service = negotiations()
    mine, other = Exchanging(service, "one"), Exchanging(service, "one")
    mine.start()
    with pytest.raises(SecurityInvalid, match="began twice"):
        other.start()
    with pytest.raises(SecurityInvalid, match="not known"):
        mine.go_on()
    assert len(service) == 0


def test_a_turn_twice() -> None:
    """A turn that is repeated finds no negotiation."""
    service = negotiations()
    mine = Exchanging(service)
    mine.start()
    mine.go_on()
    with pytest.raises(SecurityInvalid, match="not known"):
        mine.go_on()


def test_time() -> None:
    """A negotiation that takes longer than a minute is forgotten."""
    clock = Clock()
    service = negotiations(clock)
    slow, next_ = Exchanging(service), Exchanging(service)
    slow.start()
    clock.now += TIMEOUT + 1
    next_.start()
    assert len(service) == 1
    with pytest.raises(SecurityInvalid, match="longer than a minute"):
        slow.go_on()
    next_.go_on()


class Endless:
    """A handshake that never ends."""

    complete = False
    negotiated_protocol = None

    def step(self, in_token: bytes | None = None) -> bytes:
        return b"more"


def test_no_end() -> None:
    """A handshake has so many turns and no more."""
    service = negotiations(make=Endless)
    said(service, NEGOTIATE_ACTION, first_request("one", b"token"))
    for _ in range(MAX_TURNS - 1):
        said(service, NEGOTIATE_ANSWER_ACTION, response("one", b"token"))
    with pytest.raises(SecurityInvalid, match="does not come to an end"):
        said(service, NEGOTIATE_ANSWER_ACTION, response("one", b"token"))
    assert len(service) == 0


def test_very_many() -> None:
    """So many are under way and no more; the oldest goes."""
    service = negotiations(make=Endless)
    for number in range(MAX_UNDER_WAY + 5):
        said(service, NEGOTIATE_ACTION, first_request(f"n{number}", b"token"))
    assert len(service) == MAX_UNDER_WAY
    with pytest.raises(SecurityInvalid, match="not known"):
        said(service, NEGOTIATE_ANSWER_ACTION, response("n0", b"token"))
    said(service, NEGOTIATE_ANSWER_ACTION, response(f"n{MAX_UNDER_WAY}", b"token"))


@pytest.mark.parametrize(
    "token",
    [b"\x00", b"\x60\x48\x06", b"NTLMSSP\x00\x01", b"x" * 5000, b"\x60\x84\xff\xff\xff\xff"],
)
def test_what_is_no_token(token: bytes) -> None:
    """Bytes that are no token are an error of this client's, and nothing is kept."""
    service = negotiations()
    with pytest.raises(SecurityInvalid, match="has failed"):
        said(service, NEGOTIATE_ACTION, first_request("one", token))
    assert len(service) == 0


def test_bare_ntlm() -> None:
    """NTLM without SPNEGO around it is not taken."""
    service = negotiations()
    context = spnego.client(f"DOM\\{USER}", "correct horse", protocol="ntlm")
    token = context.step()
    answer = said(service, NEGOTIATE_ACTION, first_request("one", token))
    last = context.step(token_of(answer))
    with pytest.raises(SecurityInvalid, match="bare NTLM"):
        said(service, NEGOTIATE_ANSWER_ACTION, response("one", last))
