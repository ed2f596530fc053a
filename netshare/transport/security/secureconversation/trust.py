"""
The bodies of WS-Trust's messages: what is asked of a service, and what it answers.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from netshare.transport.security.secureconversation.elements import base64_of, needed, text_of
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.header import seconds_of, xml_time
from netshare.transport.security.secureconversation.names import (
    CANCEL,
    COMPUTED_KEY,
    ISSUE,
    NONCE,
    RENEW,
    SC,
    SCT_TOKEN_TYPE,
    TRUST,
    WSU,
)
from netshare.transport.security.secureconversation.tokens import (
    context_token,
    key_reference,
    new_id,
    read_context_token,
    read_key_reference,
)
from netshare.transport.soap import BodyWriter
from netshare.transport.xml import Element, XmlWriter

__all__ = [
    "KEY_BYTES",
    "Issued",
    "Request",
    "cancelled",
    "issued",
    "read_cancelled",
    "read_issued",
    "read_key_size",
    "read_lifetime",
    "read_request",
    "request",
    "write_lifetime",
]

#: The size of keys and nonces. (RS: SecurityAlgorithmSuite.Basic256)
KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Request:
    """
    A RequestSecurityToken.

    :param kind: ISSUE, RENEW or CANCEL
    :param nonce: the client's half of the key; empty for CANCEL
    :param target: the context that is to be renewed or cancelled
    """

    kind: str
    nonce: bytes = b""
    target: str | None = None


_TARGETS: Final = {RENEW: "RenewTarget", CANCEL: "CancelTarget"}


def request(asked: Request) -> BodyWriter:
    """:returns: what writes it"""

    def write(writer: XmlWriter) -> None:
        writer.start_element("RequestSecurityToken", TRUST, "t")
        if asked.kind != CANCEL:
            writer.element("TokenType", SCT_TOKEN_TYPE, TRUST, "t")
        writer.element("RequestType", asked.kind, TRUST, "t")
        if asked.nonce:
            _write_entropy(writer, asked.nonce)
            writer.element("KeySize", str(8 * KEY_BYTES), TRUST, "t")
        if asked.target is not None:
            writer.start_element(_TARGETS[asked.kind], TRUST, "t")
            key_reference(asked.target, to_context=True)(writer)
            writer.end_element()
        writer.end_element()

    return write


def read_request(body: Element | None) -> Request:
    """
    :param body: the first element of a message's body
    :raises SecurityInvalid: it is no request, or for something that is not there
    """
    if body is None or (body.local, body.namespace) != ("RequestSecurityToken", TRUST):
        raise SecurityInvalid("the body is no RequestSecurityToken")
    kind = text_of(needed(body, "RequestType", TRUST))
    if kind not in (ISSUE, RENEW, CANCEL):
        raise SecurityInvalid(f"a request for {kind}")
    target = None
    if kind in _TARGETS:
        target = read_key_reference(needed(body, _TARGETS[kind], TRUST))
    if kind == CANCEL:
        return Request(kind, target=target)
    read_key_size(body)
    return Request(kind, _read_entropy(body), target)


@dataclass(frozen=True, slots=True)
class Issued:
    """
    A security context, as a service answers it.

    :param context: its identifier
    :param instance: which of its keys; None: the first
    :param nonce: the service's half of the key
    :param expires: in seconds since the epoch
    """

    context: str
    instance: str | None
    nonce: bytes
    created: float
    expires: float


def issued(token: Issued) -> BodyWriter:
    """:returns: what writes a RequestSecurityTokenResponse with it"""
    identifier = new_id()

    def write(writer: XmlWriter) -> None:
        writer.start_element("RequestSecurityTokenResponse", TRUST, "t")
        writer.element("TokenType", SCT_TOKEN_TYPE, TRUST, "t")
        writer.start_element("RequestedSecurityToken", TRUST, "t")
        context_token(identifier, token.context, token.instance)(writer)
        writer.end_element()
        writer.start_element("RequestedAttachedReference", TRUST, "t")
        key_reference(f"#{identifier}")(writer)
        writer.end_element()
        writer.start_element("RequestedUnattachedReference", TRUST, "t")
        key_reference(token.context, to_context=True)(writer)
        writer.end_element()
        writer.start_element("RequestedProofToken", TRUST, "t")
        writer.element("ComputedKey", COMPUTED_KEY, TRUST, "t")
        writer.end_element()
        _write_entropy(writer, token.nonce)
        write_lifetime(writer, token.created, token.expires)
        writer.element("KeySize", str(8 * KEY_BYTES), TRUST, "t")
        writer.end_element()

    return write


def read_issued(body: Element | None) -> Issued:
    """
    :param body: the first element of a message's body
    :raises SecurityInvalid: it is no answer to a request for a context
    """
    response = _need_response(body)
    token = needed(needed(response, "RequestedSecurityToken", TRUST), "SecurityContextToken", SC)
    proof = needed(needed(response, "RequestedProofToken", TRUST), "ComputedKey", TRUST)
    if text_of(proof) != COMPUTED_KEY:
        raise SecurityInvalid(f"a key that is computed by {text_of(proof)}")
    _, context, instance = read_context_token(token)
    return Issued(context, instance, _read_entropy(response), *read_lifetime(response))


def cancelled() -> BodyWriter:
    """:returns: what writes the answer to a request to cancel"""

    def write(writer: XmlWriter) -> None:
        writer.start_element("RequestSecurityTokenResponse", TRUST, "t")
        writer.start_element("RequestedTokenCancelled", TRUST, "t")
        writer.end_element()
        writer.end_element()

    return write


def read_cancelled(body: Element | None) -> None:
    """
    :raises SecurityInvalid: it is not the answer to a request to cancel
    """
    needed(_need_response(body), "RequestedTokenCancelled", TRUST)


def read_key_size(parent: Element) -> None:
    """
    :raises SecurityInvalid: keys of another size are asked for, or given, than there are
    """
    size = parent.find("KeySize", TRUST)
    if size is not None and text_of(size) != str(8 * KEY_BYTES):
        raise SecurityInvalid(f"a key of {text_of(size)} bits")


def write_lifetime(writer: XmlWriter, created: float, expires: float) -> None:
    """Write how long a context is good, in seconds since the epoch."""
    writer.start_element("Lifetime", TRUST, "t")
    writer.element("Created", xml_time(created), WSU, "u")
    writer.element("Expires", xml_time(expires), WSU, "u")
    writer.end_element()


def read_lifetime(response: Element) -> tuple[float, float]:
    """
    :returns: from when and until when a context is good, in seconds since the epoch
    :raises SecurityInvalid: it does not say so
    """
    lifetime = needed(response, "Lifetime", TRUST)
    return (
        seconds_of(needed(lifetime, "Created", WSU)),
        seconds_of(needed(lifetime, "Expires", WSU)),
    )


def _need_response(body: Element | None) -> Element:
    if body is None or (body.local, body.namespace) != ("RequestSecurityTokenResponse", TRUST):
        raise SecurityInvalid("the body is no RequestSecurityTokenResponse")
    return body


def _write_entropy(writer: XmlWriter, nonce: bytes) -> None:
    writer.start_element("Entropy", TRUST, "t")
    writer.start_element("BinarySecret", TRUST, "t")
    writer.attribute("Id", new_id(), WSU, "u")
    writer.attribute("Type", NONCE)
    writer.text(base64.b64encode(nonce).decode("ascii"))
    writer.end_element()
    writer.end_element()


def _read_entropy(parent: Element) -> bytes:
    secret = needed(needed(parent, "Entropy", TRUST), "BinarySecret", TRUST)
    nonce = base64_of(secret)
    if not 16 <= len(nonce) <= 64:
        raise SecurityInvalid(f"a nonce of {len(nonce)} bytes")
    return nonce
