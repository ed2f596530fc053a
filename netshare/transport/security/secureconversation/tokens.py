"""The credentials that a message can carry, written and read."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from netshare.transport.security.secureconversation.elements import (
    base64_of,
    identifier_of,
    needed,
    text_of,
)
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.names import (
    DSIG,
    PASSWORD_TEXT,
    SC,
    SCT_TOKEN_TYPE,
    WSSE,
    WSU,
    X509_VALUE_TYPE,
)
from netshare.transport.soap import BodyWriter
from netshare.transport.xml import Element, XmlWriter, lexical

__all__ = [
    "UserNameToken",
    "context_token",
    "key_reference",
    "new_id",
    "read_certificate",
    "read_context_token",
    "read_key_reference",
    "read_user_name",
    "user_name_token",
    "x509_token",
]

_MAX_TEXT: Final = 4096
_MAX_CERTIFICATE: Final = 65536


def new_id() -> str:
    """:returns: a u:Id that no other element has"""
    return f"uuid-{uuid.uuid4()}-1"


@dataclass(frozen=True, slots=True)
class UserNameToken:
    """A user's name and password."""

    name: str
    password: str = field(repr=False)


def user_name_token(token: UserNameToken) -> BodyWriter:
    """:returns: what writes it, the password as text, as the stream is encrypted"""
    identifier = new_id()

    def write(writer: XmlWriter) -> None:
        writer.start_element("UsernameToken", WSSE, "o")
        writer.attribute("Id", identifier, WSU, "u")
        writer.element("Username", token.name, WSSE, "o")
        writer.start_element("Password", WSSE, "o")
        writer.attribute("Type", PASSWORD_TEXT)
        writer.text(token.password)
        writer.end_element()
        writer.end_element()

    return write


def read_user_name(element: Element) -> UserNameToken:
    """
    :raises SecurityInvalid: the token is incomplete, or its password is not text
    """
    password = needed(element, "Password", WSSE)
    kind = password.get("Type")
    if kind is not None and lexical(kind) != PASSWORD_TEXT:
        raise SecurityInvalid(f"a password as {lexical(kind)}")
    name = needed(element, "Username", WSSE).text
    secret = password.text
    if len(name) > _MAX_TEXT or len(secret) > _MAX_TEXT:
        raise SecurityInvalid(f"a name or a password of more than {_MAX_TEXT} characters")
    return UserNameToken(name, secret)


def x509_token(identifier: str, certificate: x509.Certificate) -> BodyWriter:
    """
    :param identifier: its u:Id
    :returns: what writes a certificate
    """
    data = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")

    def write(writer: XmlWriter) -> None:
        writer.start_element("BinarySecurityToken", WSSE, "o")
        writer.attribute("Id", identifier, WSU, "u")
        writer.attribute("ValueType", X509_VALUE_TYPE)
        writer.text(data)
        writer.end_element()

    return write


def read_certificate(element: Element) -> tuple[str | None, x509.Certificate]:
    """
    :returns: the token's u:Id, and the certificate in it
    :raises SecurityInvalid: it is no certificate
    """
    kind = element.get("ValueType")
    if kind is None or lexical(kind) != X509_VALUE_TYPE:
        raise SecurityInvalid("a token that is no certificate")
    data = base64_of(element)
    if len(data) > _MAX_CERTIFICATE:
        raise SecurityInvalid(f"a certificate of {len(data)} bytes")
    try:
        certificate = x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise SecurityInvalid(f"a certificate cannot be read: {error}") from None
    return identifier_of(element), certificate


def context_token(identifier: str, context: str, instance: str | None) -> BodyWriter:
    """
    :param identifier: its u:Id
    :param context: the identifier of the security context
    :param instance: which of its keys; None: the first
    :returns: what writes a SecurityContextToken
    """

    def write(writer: XmlWriter) -> None:
        writer.start_element("SecurityContextToken", SC, "c")
        writer.attribute("Id", identifier, WSU, "u")
        writer.element("Identifier", context, SC, "c")
        if instance is not None:
            writer.element("Instance", instance, SC, "c")
        writer.end_element()

    return write


def read_context_token(element: Element) -> tuple[str | None, str, str | None]:
    """
    :returns: the token's u:Id, the identifier of the context, and which of its keys
    :raises SecurityInvalid: it is incomplete
    """
    identifier = text_of(needed(element, "Identifier", SC))
    instance = element.find("Instance", SC)
    return identifier_of(element), identifier, None if instance is None else text_of(instance)


def key_reference(uri: str, to_context: bool = False) -> BodyWriter:
    """
    :param uri: ``#`` and a u:Id, or the identifier of a security context
    :returns: what writes a SecurityTokenReference
    """

    def write(writer: XmlWriter) -> None:
        writer.start_element("SecurityTokenReference", WSSE, "o")
        writer.start_element("Reference", WSSE, "o")
        writer.attribute("URI", uri)
        if to_context:
            writer.attribute("ValueType", SCT_TOKEN_TYPE)
        writer.end_element()
        writer.end_element()

    return write


def read_key_reference(parent: Element, inside: str = "") -> str:
    """
    :param parent: a Signature, with ``KeyInfo`` inside, or what has the reference itself
    :returns: the URI of the reference
    :raises SecurityInvalid: there is none
    """
    if inside:
        parent = needed(parent, inside, DSIG)
    reference = needed(needed(parent, "SecurityTokenReference", WSSE), "Reference", WSSE)
    uri = reference.get("URI")
    if uri is None:
        raise SecurityInvalid("a reference to no token")
    return lexical(uri)
