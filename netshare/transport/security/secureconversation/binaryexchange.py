"""
The bodies in which SPNEGO's tokens travel, until there is a security context; and the proof that
neither side got another's. (WS-Trust 2005/02, sections 7 and 10; [MS-WSSTP] is of the same form)

::

    client                                      service
    RequestSecurityToken: token            ->
                                           <-   RequestSecurityTokenResponse: token
    RequestSecurityTokenResponse: token    ->
                                           <-   a collection of two responses: the context, its key
                                                wrapped, and perhaps a token; the authenticator

The authenticator is a hash of everything before it, made with the key: somebody in between could
have changed what is not in the tokens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from netshare.transport.security.secureconversation.elements import base64_of, needed, text_of
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.names import (
    BASE64_BINARY,
    GSS_WRAP,
    ISSUE,
    SC,
    SCT_TOKEN_TYPE,
    SPNEGO,
    TRUST,
    XMLENC,
)
from netshare.transport.security.secureconversation.signatures import canonical, p_sha1
from netshare.transport.security.secureconversation.tokens import (
    context_token,
    key_reference,
    new_id,
    read_context_token,
)
from netshare.transport.security.secureconversation.trust import (
    KEY_BYTES,
    read_key_size,
    read_lifetime,
    write_lifetime,
)
from netshare.transport.soap import BodyWriter
from netshare.transport.xml import Element, XmlWriter, lexical

__all__ = [
    "NegotiatedContext",
    "Transcript",
    "collection",
    "first_request",
    "read_collection",
    "read_exchange",
    "response",
]

#: The longest token; Kerberos' of users in many groups come near it.
MAX_TOKEN: Final = 0xFFFF
_MAX_CONTEXT: Final = 256
_LABEL: Final = b"AUTH-HASH"


class Transcript:
    """What both sides have said, as a hash."""

    def __init__(self) -> None:
        self._hash = hashlib.sha1(usedforsecurity=False)

    def add(self, said: Element | BodyWriter) -> None:
        """
        :param said: a request or a response; the last one without the context and its key
        :raises SecurityInvalid: it is no XML
        """
        self._hash.update(canonical(said))

    def authenticator(self, key: bytes) -> bytes:
        """:returns: the proof that whoever has the key has seen the same"""
        return p_sha1(key, _LABEL + self._hash.digest(), 32)

    def check(self, key: bytes, proof: bytes) -> None:
        """
        :raises SecurityInvalid: the other side has seen something else
        """
        if not hmac.compare_digest(self.authenticator(key), proof):
            raise SecurityInvalid("the negotiation was changed on its way")


@dataclass(frozen=True, slots=True)
class NegotiatedContext:
    """
    What a service says at the end of a negotiation.

    :param context: the identifier of the security context
    :param wrapped_key: its key, encrypted
    :param created: in seconds since the epoch
    :param expires: in seconds since the epoch
    """

    context: str
    wrapped_key: bytes
    created: float
    expires: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    What stands in a request or a response.

    :param name: what the client calls the negotiation
    :param token: SPNEGO's; None: there is none
    """

    name: str
    token: bytes | None


# ---- writing


def first_request(name: str, token: bytes) -> BodyWriter:
    """:returns: what writes the client's RequestSecurityToken"""

    def write(writer: XmlWriter) -> None:
        writer.start_element("RequestSecurityToken", TRUST, "t")
        writer.attribute("Context", name)
        writer.element("TokenType", SCT_TOKEN_TYPE, TRUST, "t")
        writer.element("RequestType", ISSUE, TRUST, "t")
        writer.element("KeySize", str(8 * KEY_BYTES), TRUST, "t")
        _write_token(writer, token)
        writer.end_element()

    return write


def response(name: str, token: bytes) -> BodyWriter:
    """:returns: what writes a RequestSecurityTokenResponse of either side, that is not the last"""

    def write(writer: XmlWriter) -> None:
        _start_response(writer, name)
        _write_token(writer, token)
        writer.end_element()

    return write


def collection(
    name: str, token: bytes, issued: NegotiatedContext, key: bytes, transcript: Transcript
) -> BodyWriter:
    """
    :param token: SPNEGO's last one; empty: there is none
    :param key: of the context, to prove that nothing was changed
    :param transcript: all that was said before
    :returns: what writes the service's last answer
    """
    identifier = new_id()
    transcript.add(lambda writer: _write_issued(writer, name, token, issued, identifier, False))
    authenticator = base64.b64encode(transcript.authenticator(key)).decode("ascii")

    def write(writer: XmlWriter) -> None:
        writer.start_element("RequestSecurityTokenResponseCollection", TRUST, "t")
        _write_issued(writer, name, token, issued, identifier, True)
        _start_response(writer, name)
        writer.start_element("Authenticator", TRUST, "t")
        writer.element("CombinedHash", authenticator, TRUST, "t")
        writer.end_element()
        writer.end_element()
        writer.end_element()

    return write


def _write_issued(
    writer: XmlWriter,
    name: str,
    token: bytes,
    issued: NegotiatedContext,
    identifier: str,
    whole: bool,
) -> None:
    """:param whole: with the context and its key, or without, as it is hashed"""
    _start_response(writer, name)
    writer.element("TokenType", SCT_TOKEN_TYPE, TRUST, "t")
    if whole:
        writer.start_element("RequestedSecurityToken", TRUST, "t")
        context_token(identifier, issued.context, None)(writer)
        writer.end_element()
    writer.start_element("RequestedAttachedReference", TRUST, "t")
    key_reference(f"#{identifier}")(writer)
    writer.end_element()
    writer.start_element("RequestedUnattachedReference", TRUST, "t")
    key_reference(issued.context, to_context=True)(writer)
    writer.end_element()
    if whole:
        _write_key(writer, issued.wrapped_key)
    write_lifetime(writer, issued.created, issued.expires)
    writer.element("KeySize", str(8 * KEY_BYTES), TRUST, "t")
    if token:
        _write_token(writer, token)
    writer.end_element()


def _start_response(writer: XmlWriter, name: str) -> None:
    writer.start_element("RequestSecurityTokenResponse", TRUST, "t")
    writer.attribute("Context", name)


def _write_token(writer: XmlWriter, token: bytes) -> None:
    writer.start_element("BinaryExchange", TRUST, "t")
    writer.attribute("ValueType", SPNEGO)
    writer.attribute("EncodingType", BASE64_BINARY)
    writer.text(base64.b64encode(token).decode("ascii"))
    writer.end_element()


def _write_key(writer: XmlWriter, wrapped: bytes) -> None:
    writer.start_element("RequestedProofToken", TRUST, "t")
    writer.start_element("EncryptedKey", XMLENC, "e")
    writer.start_element("EncryptionMethod", XMLENC, "e")
    writer.attribute("Algorithm", GSS_WRAP)
    writer.end_element()
    writer.start_element("CipherData", XMLENC, "e")
    writer.element("CipherValue", base64.b64encode(wrapped).decode("ascii"), XMLENC, "e")
    writer.end_element()
    writer.end_element()
    writer.end_element()


# ---- reading


def read_exchange(body: Element | None, first: bool) -> tuple[Element, Exchange]:
    """
    :param body: the first element of a message's body
    :param first: whether it has to be a request, or a response
    :returns: the element, to be hashed, and what stands in it
    :raises SecurityInvalid: it is something else
    """
    wanted = "RequestSecurityToken" if first else "RequestSecurityTokenResponse"
    if body is None or (body.local, body.namespace) != (wanted, TRUST):
        raise SecurityInvalid(f"the body is no {wanted}")
    if first:
        kind = body.find("RequestType", TRUST)
        if kind is not None and text_of(kind) != ISSUE:
            raise SecurityInvalid(f"a request for {text_of(kind)} with a token of SPNEGO's")
        read_key_size(body)
    return body, Exchange(_name_of(body), _read_token(body))


def read_collection(
    body: Element, transcript: Transcript
) -> tuple[Exchange, NegotiatedContext, bytes]:
    """
    :param body: a RequestSecurityTokenResponseCollection
    :param transcript: what was said before; this is added
    :returns: what stands in it: SPNEGO's last token, the context, and the authenticator
    :raises SecurityInvalid: it is not complete
    """
    responses = [one for one in body.elements() if one.local == "RequestSecurityTokenResponse"]
    if len(responses) != 2:
        raise SecurityInvalid(f"the service's last answer has {len(responses)} responses")
    first, second = responses
    if _name_of(first) != _name_of(second):
        raise SecurityInvalid("the service's last answer is about two negotiations")
    token = needed(needed(first, "RequestedSecurityToken", TRUST), "SecurityContextToken", SC)
    _, context, _ = read_context_token(token)
    key = needed(needed(first, "RequestedProofToken", TRUST), "EncryptedKey", XMLENC)
    method = needed(key, "EncryptionMethod", XMLENC).get("Algorithm")
    if method is None or lexical(method) != GSS_WRAP:
        raise SecurityInvalid("a key that is encrypted by something else than the negotiation")
    wrapped = base64_of(needed(needed(key, "CipherData", XMLENC), "CipherValue", XMLENC))
    authenticator = needed(needed(second, "Authenticator", TRUST), "CombinedHash", TRUST)
    created, expires = read_lifetime(first)
    read_key_size(first)
    transcript.add(_without(first, "RequestedSecurityToken", "RequestedProofToken"))
    return (
        Exchange(_name_of(first), _read_token(first)),
        NegotiatedContext(context, wrapped, created, expires),
        base64_of(authenticator),
    )


def _without(element: Element, *names: str) -> Element:
    """:returns: a copy of an element that lacks some of its children"""
    children = tuple(
        child
        for child in element.children
        if not (isinstance(child, Element) and child.namespace == TRUST and child.local in names)
    )
    return Element(element.name, element.attributes, children)


def _name_of(element: Element) -> str:
    name = element.get("Context")
    text = "" if name is None else lexical(name)
    if not 1 <= len(text) <= _MAX_CONTEXT:
        raise SecurityInvalid("a negotiation without a name, or with a very long one")
    return text


def _read_token(element: Element) -> bytes | None:
    if element.find("BinaryExchange", TRUST) is None:
        return None
    exchange = needed(element, "BinaryExchange", TRUST)
    kind, encoding = exchange.get("ValueType"), exchange.get("EncodingType")
    if kind is None or lexical(kind) != SPNEGO:
        raise SecurityInvalid("a token that is not SPNEGO's")
    if encoding is not None and lexical(encoding) != BASE64_BINARY:
        raise SecurityInvalid(f"a token in {lexical(encoding)}")
    token = base64_of(exchange)
    if len(token) > MAX_TOKEN:
        raise SecurityInvalid(f"a token of {len(token)} bytes")
    return token
