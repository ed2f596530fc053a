"""
XML signatures as WCF's WS-SecureConversation uses them: detached references to elements of the
same message, in exclusive canonical form.

lxml canonicalizes, ``hmac`` and ``cryptography`` do the rest. Where a document could say how it is
to be verified (algorithms, transforms, where a reference points), only what WCF writes is
accepted, so that a signature means one thing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from netshare.transport.security.secureconversation.elements import base64_of, needed, text_of
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.names import (
    DSIG,
    EXC_C14N,
    HMAC_SHA1,
    HMAC_SHA256,
    RSA_SHA1,
    RSA_SHA256,
    SHA1,
    SHA256,
)
from netshare.transport.soap import BodyWriter
from netshare.transport.xml import Element, TextWriter, XmlException, XmlWriter, lexical, to_xml

try:
    from lxml import etree
except ImportError:  # pragma: no cover - the extra is not installed
    etree = None  # type: ignore[assignment]

__all__ = [
    "HmacKey",
    "RsaPrivateKey",
    "RsaPublicKey",
    "canonical",
    "p_sha1",
    "require_lxml",
    "verify",
    "write_signature",
]

_DIGESTS: Final = {SHA1: "sha1", SHA256: "sha256"}
#: More than WCF ever signs; each costs a canonicalization.
_MAX_REFERENCES: Final = 16


def require_lxml() -> None:
    """
    :raises ImportError: lxml is not installed
    """
    if etree is None:
        raise ImportError(
            "message credentials need the package lxml: pip install 'txnetshare[messagesecurity]'"
        )


def canonical(what: Element | BodyWriter) -> bytes:
    """
    Exclusive XML canonicalization, without comments. (https://www.w3.org/TR/xml-exc-c14n/)

    :param what: an element that was received, or what writes one
    :raises SecurityInvalid: it is no XML
    """
    try:
        if isinstance(what, Element):
            text = to_xml(what)
        else:
            writer = TextWriter()
            what(writer)
            text = writer.getvalue()
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        root = etree.fromstring(text.encode("utf-8"), parser)
    except (XmlException, etree.XMLSyntaxError) as error:
        raise SecurityInvalid(f"an element cannot be canonicalized: {error}") from None
    form: bytes = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
    return form


def p_sha1(secret: bytes, seed: bytes, length: int) -> bytes:
    """
    The function that makes keys of two nonces: RFC 2246, section 5, with SHA-1.

    :param length: bytes wanted
    """
    made, turn = b"", seed
    while len(made) < length:
        turn = hmac.digest(secret, turn, "sha1")
        made += hmac.digest(secret, turn + seed, "sha1")
    return made[:length]


class HmacKey:
    """A key that both sides have."""

    method = HMAC_SHA1

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """:returns: the signature of some bytes"""
        return hmac.digest(self._key, data, "sha1")

    def verify(self, method: str, data: bytes, signature: bytes) -> bool:
        """:returns: whether the signature is right"""
        digest = {HMAC_SHA1: "sha1", HMAC_SHA256: "sha256"}.get(method)
        if digest is None:
            raise SecurityInvalid(f"a signature by {method}")
        return hmac.compare_digest(hmac.digest(self._key, data, digest), signature)


class RsaPublicKey:
    """The public half of a certificate's key."""

    def __init__(self, key: Any) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise SecurityInvalid("the certificate's key is not RSA's")
        self._key = key

    def verify(self, method: str, data: bytes, signature: bytes) -> bool:
        """:returns: whether the signature is right"""
        kind = {RSA_SHA1: hashes.SHA1, RSA_SHA256: hashes.SHA256}.get(method)
        if kind is None:
            raise SecurityInvalid(f"a signature by {method}")
        try:
            self._key.verify(signature, data, padding.PKCS1v15(), kind())
        except InvalidSignature:
            return False
        return True


class RsaPrivateKey:
    """A client's own key."""

    method = RSA_SHA1

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """:returns: the signature of some bytes"""
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA1())


def write_signature(
    writer: XmlWriter,
    key: HmacKey | RsaPrivateKey,
    references: Mapping[str, BodyWriter],
    key_info: BodyWriter,
) -> None:
    """
    Write a Signature.

    :param references: by u:Id what writes each element that is signed
    :param key_info: writes what stands in KeyInfo
    """

    def signed_info(inside: XmlWriter) -> None:
        inside.start_element("SignedInfo", DSIG)
        _write_algorithm(inside, "CanonicalizationMethod", EXC_C14N)
        _write_algorithm(inside, "SignatureMethod", key.method)
        for identifier, write in references.items():
            inside.start_element("Reference", DSIG)
            inside.attribute("URI", f"#{identifier}")
            inside.start_element("Transforms", DSIG)
            _write_algorithm(inside, "Transform", EXC_C14N)
            inside.end_element()
            _write_algorithm(inside, "DigestMethod", SHA1)
            digest = hashlib.sha1(canonical(write), usedforsecurity=False).digest()
            inside.element("DigestValue", base64.b64encode(digest).decode("ascii"), DSIG)
            inside.end_element()
        inside.end_element()

    writer.start_element("Signature", DSIG)
    signed_info(writer)
    value = base64.b64encode(key.sign(canonical(signed_info))).decode("ascii")
    writer.element("SignatureValue", value, DSIG)
    writer.start_element("KeyInfo", DSIG)
    key_info(writer)
    writer.end_element()
    writer.end_element()


def _write_algorithm(writer: XmlWriter, local: str, algorithm: str) -> None:
    writer.start_element(local, DSIG)
    writer.attribute("Algorithm", algorithm)
    writer.end_element()


def verify(
    signature: Element,
    key: HmacKey | RsaPublicKey,
    find: Callable[[str], Element | None],
) -> frozenset[str]:
    """
    Verify a Signature.

    :param find: the element that has a u:Id, if there is exactly one
    :returns: the u:Id of every element that is signed
    :raises SecurityInvalid: the signature is not right, or not what WCF writes
    """
    info = needed(signature, "SignedInfo", DSIG)
    _need_algorithm(needed(info, "CanonicalizationMethod", DSIG), (EXC_C14N,))
    method = _algorithm(needed(info, "SignatureMethod", DSIG))
    value = base64_of(needed(signature, "SignatureValue", DSIG))
    # The signature first: digests of what a stranger refers to cost more.
    if not key.verify(method, canonical(info), value):
        raise SecurityInvalid("the signature is wrong")
    references = [child for child in info.elements() if child.local == "Reference"]
    if not 1 <= len(references) <= _MAX_REFERENCES:
        raise SecurityInvalid(f"{len(references)} references in a signature")
    return frozenset(_verify_reference(reference, find) for reference in references)


def _verify_reference(reference: Element, find: Callable[[str], Element | None]) -> str:
    uri = reference.get("URI")
    identifier = "" if uri is None else lexical(uri)
    if not identifier.startswith("#"):
        raise SecurityInvalid(f"a reference to {identifier!r}")
    transforms = list(needed(reference, "Transforms", DSIG).elements())
    if len(transforms) != 1:
        raise SecurityInvalid(f"{len(transforms)} transforms of a reference")
    _need_algorithm(transforms[0], (EXC_C14N,))
    method = _need_algorithm(needed(reference, "DigestMethod", DSIG), tuple(_DIGESTS))
    element = find(identifier[1:])
    if element is None:
        raise SecurityInvalid(f"a reference to {identifier}, which is not one element")
    digest = hashlib.new(_DIGESTS[method], canonical(element), usedforsecurity=False).digest()
    if not hmac.compare_digest(digest, base64_of(needed(reference, "DigestValue", DSIG))):
        raise SecurityInvalid(f"{identifier} was changed")
    return identifier[1:]


def _algorithm(element: Element) -> str:
    value = element.get("Algorithm")
    if value is None or any(True for _ in element.elements()):
        raise SecurityInvalid(f"{element.local} is not what WCF writes: {text_of(element)!r}")
    return lexical(value)


def _need_algorithm(element: Element, known: tuple[str, ...]) -> str:
    algorithm = _algorithm(element)
    if algorithm not in known:
        raise SecurityInvalid(f"{element.local} by {algorithm}")
    return algorithm
