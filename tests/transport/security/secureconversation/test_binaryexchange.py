"""Tokens of SPNEGO in requests and responses, and the hash of all that was said."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from netshare.transport.security.secureconversation import SecurityInvalid
from netshare.transport.security.secureconversation.binaryexchange import (
    NegotiatedContext,
    Transcript,
    collection,
    first_request,
    read_collection,
    read_exchange,
    response,
)
from netshare.transport.security.secureconversation.names import (
    BASE64_BINARY,
    ISSUE,
    SPNEGO,
    TRUST,
)
from netshare.transport.security.secureconversation.signatures import p_sha1
from netshare.transport.soap import BodyWriter, Message
from netshare.transport.xml import Attribute, Element, Name, to_xml
from tests.helpers.security import over_the_wire

pytest.importorskip("lxml", reason="needs lxml")

CONTEXT = NegotiatedContext("urn:uuid:1", b"wrapped", 1_795_600_000.0, 1_795_603_600.0)


def received(body: BodyWriter | Element) -> Element:
    """A body as the other side gets it."""
    element = over_the_wire(Message("urn:x", body)).body_element()
    assert element is not None
    return element


def test_a_request() -> None:
    """What .NET's client sends, member for member."""
    element, said = read_exchange(received(first_request("uuid-1", b"token")), first=True)
    assert (said.name, said.token) == ("uuid-1", b"token")
    assert [child.local for child in element.elements()] == [
        "TokenType",
        "RequestType",
        "KeySize",
        "BinaryExchange",
    ]


def test_a_response() -> None:
    """Either side's, until the last one."""
    _, said = read_exchange(received(response("uuid-1", b"\x00\xff")), first=False)
    assert (said.name, said.token) == ("uuid-1", b"\x00\xff")


@pytest.mark.parametrize("token", [b"", b"last"])
def test_the_last_answer(token: bytes) -> None:
    """Both sides have the same hash, of all but the context and its key."""
    ours, theirs, key = Transcript(), Transcript(), b"k" * 32
    request = first_request("uuid-1", b"token")
    ours.add(received(request))
    theirs.add(request)
    answer = received(collection("uuid-1", token, CONTEXT, key, ours))
    said, context, proof = read_collection(answer, theirs)
    assert (said.name, said.token) == ("uuid-1", token or None)
    assert context == CONTEXT
    theirs.check(key, proof)
    with pytest.raises(SecurityInvalid, match="changed"):
        theirs.check(b"other" * 6, proof)
    assert "RequestedProofToken" in to_xml(answer)


def test_the_authenticator() -> None:
    """It is of a hash of the canonical forms, as an example by hand says."""
    transcript = Transcript()
    transcript.add(Element(Name("t", "One", TRUST), (), ("1",)))
    transcript.add(Element(Name("", "Two", ""), (Attribute(Name("", "b"), "2"),)))
    canonical = f'<t:One xmlns:t="{TRUST}">1</t:One><Two b="2"></Two>'
    digest = hashlib.sha1(canonical.encode()).digest()
    assert transcript.authenticator(b"key") == p_sha1(b"key", b"AUTH-HASH" + digest, 32)


def exchange(value_type: str | None = SPNEGO, encoding: str | None = BASE64_BINARY) -> Element:
    """One that may be odd."""
    attributes = tuple(
        Attribute(Name("", name), value)
        for name, value in (("ValueType", value_type), ("EncodingType", encoding))
        if value is not None
    )
    return Element(Name("t", "BinaryExchange", TRUST), attributes, ("dG9rZW4=",))


def asking(*children: Element, name: str | None = "uuid-1") -> Element:
    """A request that may be odd."""
    attributes = () if name is None else (Attribute(Name("", "Context"), name),)
    return Element(Name("t", "RequestSecurityToken", TRUST), attributes, children)


def named(name: str, text: str) -> Element:
    """An element of WS-Trust."""
    return Element(Name("t", name, TRUST), (), (text,))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (asking(exchange("urn:other")), "not SPNEGO"),
        (asking(exchange(None)), "not SPNEGO"),
        (asking(exchange(encoding="urn:hex")), "urn:hex"),
        (asking(exchange(), exchange()), "2 elements BinaryExchange"),
        (asking(exchange(), name=None), "without a name"),
        (asking(exchange(), name=""), "without a name"),
        (asking(exchange(), name="x" * 300), "very long"),
        (asking(named("BinaryExchange", "dG9rZW4=")), "not SPNEGO"),
        (asking(exchange()._replace(children=("?",))), "base64"),
        (asking(exchange()._replace(children=("A" * 90_000,))), "67500 bytes"),
        (asking(named("KeySize", "128"), exchange()), "128 bits"),
        (asking(named("RequestType", f"{TRUST}/Renew"), exchange()), "Renew"),
        (exchange(), "is no RequestSecurityToken"),
        (None, "is no RequestSecurityToken"),
    ],
)
def test_odd_requests(body: Any, why: str) -> None:
    """What is no request, or one for something else, is said."""
    with pytest.raises(SecurityInvalid, match=why):
        read_exchange(body, first=True)


def test_few_words() -> None:
    """What .NET's service lets a client leave out may be left out."""
    element = asking(named("RequestType", ISSUE), exchange(encoding=None))
    assert read_exchange(received(element), first=True)[1].token == b"token"
    assert read_exchange(asking(), first=True)[1].token is None
