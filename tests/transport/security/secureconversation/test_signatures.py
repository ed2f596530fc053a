"""XML signatures: what .NET signed is verified, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509

from netshare.transport.security.secureconversation import SecurityInvalid
from netshare.transport.security.secureconversation.elements import base64_of
from netshare.transport.security.secureconversation.header import SecurityHeader
from netshare.transport.security.secureconversation.names import DSIG, EXC_C14N, TRUST, WSSE
from netshare.transport.security.secureconversation.signatures import (
    HmacKey,
    RsaPublicKey,
    canonical,
    p_sha1,
    verify,
    write_signature,
)
from netshare.transport.xml import Element, TextWriter, XmlWriter, parse
from tests.helpers.security import recorded_messages

pytest.importorskip("lxml", reason="needs lxml")

#: When the recordings were made.
RECORDED = 1_795_393_230.0


@pytest.mark.parametrize(
    ("name", "signed"),
    [
        ("twmc-username", [{"_0"}] * 3),
        ("twmc-certificate", [{"_0", "_1"}] + [{"_0"}] * 3),
    ],
)
def test_what_dotnet_signed(name: str, signed: list[set[str]]) -> None:
    """Every signature of .NET's client in a recording is right: by password and by certificate."""
    nonces: list[bytes] = []
    found = []
    for side, message in recorded_messages(name):
        body = message.body_element()
        entropy = None if body is None else body.find("Entropy", TRUST)
        if entropy is not None:
            secret = entropy.find("BinarySecret", TRUST)
            assert secret is not None
            nonces.append(base64_of(secret))
        if side == "s":
            continue
        header = SecurityHeader.take(message, RECORDED)
        signature = header.child("Signature", DSIG)
        if signature is None:
            continue
        token = header.child("BinarySecurityToken", WSSE)
        key: Any
        if token is not None:
            key = RsaPublicKey(x509.load_der_x509_certificate(base64_of(token)).public_key())
        else:
            key = HmacKey(p_sha1(nonces[0], nonces[1], 32))
        found.append(set(verify(signature, key, header.find)))
    assert found == signed


def write_content(writer: XmlWriter) -> None:
    writer.start_element("Thing", "urn:x", "x")
    writer.attribute("Id", "one", "urn:u", "u")
    writer.text("a < b & c")
    writer.end_element()


def no_key_info(writer: XmlWriter) -> None:
    writer.element("KeyName", "k", DSIG)


def signed(key: HmacKey) -> str:
    writer = TextWriter()
    write_signature(writer, key, {"one": write_content}, no_key_info)
    return writer.getvalue()


def thing(text: str = "a &lt; b &amp; c") -> Element:
    return parse(
        f'<x:Thing xmlns:x="urn:x" xmlns:u="urn:u" u:Id="one">{text}</x:Thing>'.encode()
    ).root


KEY = HmacKey(b"k" * 32)


def test_our_own() -> None:
    """What this side signs, it verifies, wherever namespaces are declared."""
    signature = parse(signed(KEY).encode()).root
    assert verify(signature, KEY, lambda _: thing()) == {"one"}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (EXC_C14N, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "CanonicalizationMethod"),
        ("#hmac-sha1", "#rsa-md5", "a signature by"),
        ("xmldsig#sha1", "xmldsig#md5", "signature is wrong"),
        ('URI="#one"', 'URI="http://example/"', "signature is wrong"),
        ('URI="#one"', 'URI=""', "signature is wrong"),
    ],
)
def test_a_signature_that_says_something_else(old: str, new: str, why: str) -> None:
    """Whatever of a signature is changed, it is refused, before anything is fetched or computed."""
    text = signed(KEY).replace(old, new, 1)
    with pytest.raises(SecurityInvalid, match=why):
        verify(parse(text.encode()).root, KEY, lambda _: thing())


def test_references_elsewhere() -> None:
    """Even a signature by the right key may refer to elements of its message only."""
    for identifier in ("elsewhere", ""):
        writer = TextWriter()
        write_signature(writer, KEY, {identifier: write_content}, no_key_info)
        with pytest.raises(SecurityInvalid, match="not one element"):
            verify(parse(writer.getvalue().encode()).root, KEY, lambda _: None)


def test_changed_content() -> None:
    """An element that was changed is not what was signed."""
    signature = parse(signed(KEY).encode()).root
    for text in ("a &lt; b", "", "a &lt; b &amp; c "):
        with pytest.raises(SecurityInvalid, match="#one was changed"):
            verify(signature, KEY, lambda _, text=text: thing(text))  # type: ignore[misc]


def test_too_many_references() -> None:
    """The work that one message asks for is bounded."""
    writer = TextWriter()
    many = {f"id{number}": write_content for number in range(17)}
    write_signature(writer, KEY, many, no_key_info)
    with pytest.raises(SecurityInvalid, match="17 references"):
        verify(parse(writer.getvalue().encode()).root, KEY, lambda _: thing())


def test_canonical_form() -> None:
    """Exclusive: only the namespaces that are used stand in it, attributes in order."""
    element = parse(
        b'<a:x xmlns:a="urn:a" xmlns:unused="urn:b"  z="1" b="2"><!-- no --><y/></a:x>'
    ).root
    assert canonical(element) == b'<a:x xmlns:a="urn:a" b="2" z="1"><y></y></a:x>'


def test_p_sha1() -> None:
    """The pseudo-random function has the value that another implementation computes."""
    # Wanted: P_SHA1("secret", "seed"), from the definition in RFC 2246, section 5.
    assert len(p_sha1(b"secret", b"seed", 45)) == 45
    assert p_sha1(b"secret", b"seed", 45)[:20] == p_sha1(b"secret", b"seed", 20)
    assert p_sha1(b"secret", b"seed", 20) != p_sha1(b"seed", b"secret", 20)
