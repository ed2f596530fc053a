"""Credentials in messages are read as they were written."""

from __future__ import annotations

import pytest

from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.tokens import (
    UserNameToken,
    context_token,
    key_reference,
    new_id,
    read_certificate,
    read_context_token,
    read_key_reference,
    read_user_name,
    user_name_token,
    x509_token,
)
from netshare.transport.soap import BodyWriter
from netshare.transport.xml import Element, TextWriter, parse
from tests.helpers.security import certificate_credential


def element(write: BodyWriter) -> Element:
    writer = TextWriter()
    write(writer)
    return parse(writer.getvalue().encode()).root


@pytest.mark.parametrize("password", ["secret", "  ", "", "<&>ü\U0001f600"])
def test_user_names(password: str) -> None:
    """Every character of a password counts."""
    token = UserNameToken("DOM\\ann", password)
    assert read_user_name(element(user_name_token(token))) == token


def test_strange_passwords() -> None:
    """A digest instead of the password, and an endless one, are refused."""
    text = TextWriter()
    user_name_token(UserNameToken("ann", "x"))(text)
    digest = text.getvalue().replace("#PasswordText", "#PasswordDigest")
    with pytest.raises(SecurityInvalid, match="PasswordDigest"):
        read_user_name(parse(digest.encode()).root)
    with pytest.raises(SecurityInvalid, match="more than 4096"):
        read_user_name(element(user_name_token(UserNameToken("ann", "x" * 5000))))


def test_certificates() -> None:
    """A certificate comes back; what is none is refused."""
    certificate = certificate_credential().certificate
    token = element(x509_token("id", certificate))
    assert read_certificate(token) == ("id", certificate)
    with pytest.raises(SecurityInvalid, match="cannot be read"):
        read_certificate(token._replace(children=("AAAA",)))
    with pytest.raises(SecurityInvalid, match="no certificate"):
        read_certificate(token._replace(attributes=()))


@pytest.mark.parametrize("instance", [None, "urn:uuid:1"])
def test_contexts(instance: str | None) -> None:
    """A context's token has its identifier, and which of its keys is meant."""
    token = element(context_token("id", "urn:context", instance))
    assert read_context_token(token) == ("id", "urn:context", instance)


def test_references() -> None:
    """A reference names a token, in the message or not."""
    writer = TextWriter()
    writer.start_element("Holder")
    key_reference("#id")(writer)
    writer.end_element()
    assert read_key_reference(parse(writer.getvalue().encode()).root) == "#id"
    with pytest.raises(SecurityInvalid):
        read_key_reference(parse(b"<Holder/>").root)
    assert new_id() != new_id()
