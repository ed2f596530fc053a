"""
The service's side: credentials become security contexts, and messages with a context are let in.

::

    client                                   service
    RST/SCT: timestamp, credential     ->    validated; a context with a key of both nonces
                                       <-    RSTR/SCT: the context's identifier
    request: timestamp, context, signature -> verified, dispatched
                                       <-    reply: timestamp
    RST/SCT/Renew, RST/SCT/Cancel      ->    a new key for the context, or its end

A client with Windows credentials negotiates before that (:mod:`.negotiation`), and shows the
context to which that came as its credential::

    RST/Issue, RSTR/Issue: SPNEGO      ->    the same, until both are done
                                       <-    RSTR/Issue: a context
    RST/SCT: timestamp, context, signature -> as above

Everything travels inside of TLS, so neither side encrypts, and a service signs nothing.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from twisted.internet.defer import Deferred

from netshare.logger import Logger
from netshare.transport.security.identity import Identity
from netshare.transport.security.secureconversation.contexts import (
    ContextStore,
    ReplayCache,
    ReplayCaches,
    SecurityContext,
)
from netshare.transport.security.secureconversation.elements import base64_of, body_of, needed
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.header import (
    MAX_CLOCK_SKEW,
    MAX_VALIDITY,
    SecurityHeader,
    security_header,
    timestamp_writer,
)
from netshare.transport.security.secureconversation.names import (
    ANSWER_ACTIONS,
    CANCEL,
    CANCEL_ACTION,
    DSIG,
    ISSUE,
    ISSUE_ACTION,
    NEGOTIATE_ACTION,
    NEGOTIATE_ANSWER_ACTION,
    RENEW,
    RENEW_ACTION,
    SC,
    WSSE,
)
from netshare.transport.security.secureconversation.negotiation import (
    Agreed,
    ServiceNegotiations,
)
from netshare.transport.security.secureconversation.signatures import (
    HmacKey,
    RsaPublicKey,
    p_sha1,
    require_lxml,
    verify,
)
from netshare.transport.security.secureconversation.tokens import (
    read_certificate,
    read_context_token,
    read_key_reference,
    read_user_name,
)
from netshare.transport.security.secureconversation.trust import (
    KEY_BYTES,
    Issued,
    cancelled,
    issued,
    read_request,
)
from netshare.transport.soap import BodyWriter, Message
from netshare.transport.xml import Element

__all__ = ["Received", "ServiceMessageSecurity"]

#: How long a context is good, in seconds. (RS: LocalServiceSecuritySettings, 15 hours)
LIFETIME: Final = 15 * 3600.0

_NEGOTIATING: Final = (NEGOTIATE_ACTION, NEGOTIATE_ANSWER_ACTION)
_KINDS: Final = {ISSUE_ACTION: ISSUE, RENEW_ACTION: RENEW, CANCEL_ACTION: CANCEL}

#: Says who a user is, or a certificate; or fails with SecurityInvalid.
UserNames = Callable[[str, str], "Deferred[Identity]"]
Certificates = Callable[[x509.Certificate], Identity]


@dataclass(frozen=True, slots=True)
class Received:
    """
    A message whose security holds.

    :param identity: who sent it; None: that is being negotiated
    :param answer: what to answer, where it was meant for this side's security alone
    :param secured: whether the answer has a Security header; negotiations have none
    """

    identity: Identity | None
    answer: Message | None = None
    secured: bool = True


class ServiceMessageSecurity:
    """
    Verifies the messages of a service's clients. One for all sessions of an endpoint, since a
    context is made in one session and used in others.

    :param now: seconds since the epoch
    :param user_names: validates user names; None: clients cannot use them
    :param certificates: validates certificates; None: clients cannot use them
    :param lifetime: of a context, in seconds
    :param windows: negotiates Windows credentials; None: clients cannot use them
    :raises ImportError: lxml is not installed
    """

    log = Logger()

    def __init__(
        self,
        now: Callable[[], float],
        user_names: UserNames | None = None,
        certificates: Certificates | None = None,
        lifetime: float = LIFETIME,
        windows: ServiceNegotiations | None = None,
    ) -> None:
        require_lxml()
        self._now = now
        self._user_names = user_names
        self._certificates = certificates
        self._windows = windows
        self._lifetime = lifetime
        self._contexts = ContextStore()
        #: What was negotiated: good for asking for a context, and for nothing else.
        self._negotiated = ContextStore()
        self._issued = ReplayCaches()

    def secure(self, message: Message) -> None:
        """Give a message what clients look for in it."""
        message.headers.append(security_header(timestamp_writer(self._now())))

    async def receive(self, message: Message) -> Received:
        """
        Verify a message, and answer it if it is about security itself.

        :raises SecurityInvalid: it is refused
        """
        if message.action in _NEGOTIATING:
            return await self._negotiate(message)
        header = SecurityHeader.take(message, self._now())
        kind = _KINDS.get(message.action or "")
        if kind == ISSUE:
            return await self._issue(header, message)
        context = self._verified(header, self._contexts)
        if kind is None:
            return Received(context.identity)
        asked = read_request(body_of(message))
        if asked.kind != kind or asked.target != context.identifier:
            raise SecurityInvalid("a request about another security context than its sender's")
        if kind == CANCEL:
            self._contexts.remove(context)
            return self._answer(message, context.identity, cancelled())
        token = self._new_key(context, asked.nonce, f"urn:uuid:{uuid.uuid4()}")
        return self._answer(message, context.identity, issued(token))

    # ---- contexts

    async def _issue(self, header: SecurityHeader, message: Message) -> Received:
        asked = read_request(body_of(message))
        if asked.kind != ISSUE:
            raise SecurityInvalid(f"a request for {asked.kind} with the action of another")
        identity = await self._authenticate(header)
        # What a client chose at random for this one request does not come twice.
        self._remember(self._issued.of(identity), asked.nonce, header)
        now = self._now()
        context = SecurityContext(f"urn:uuid:{uuid.uuid4()}", identity, now + self._lifetime)
        self._contexts.add(context, now)
        self.log.debug("a security context for {user}", user=identity.name)
        return self._answer(message, identity, issued(self._new_key(context, asked.nonce, None)))

    def _new_key(self, context: SecurityContext, nonce: bytes, instance: str | None) -> Issued:
        now, ours = self._now(), os.urandom(KEY_BYTES)
        context.add_key(instance, HmacKey(p_sha1(nonce, ours, KEY_BYTES)))
        self._contexts.renewed(context, now + self._lifetime)
        return Issued(context.identifier, instance, ours, now, context.expires)

    def _answer(self, request: Message, identity: Identity, body: BodyWriter) -> Received:
        return Received(identity, Message(ANSWER_ACTIONS[request.action or ""], body))

    def _verified(self, header: SecurityHeader, contexts: ContextStore) -> SecurityContext:
        tokens = [read_context_token(one) for one in _several(header, "SecurityContextToken", SC)]
        if not tokens:
            raise SecurityInvalid("the message has no security context")
        # Who renews a context shows the one that was negotiated as well.
        known = [token for token in tokens if token[1] in contexts]
        token_id, identifier, instance = (known or tokens)[0]
        context = contexts.get(identifier, self._now())
        key = context.keys.get(instance)
        if key is None:
            raise SecurityInvalid("a key of a security context that is no longer good")
        for signature in _several(header, "Signature", DSIG):
            if read_key_reference(signature, "KeyInfo") == f"#{token_id}":
                self._check_signature(header, signature, key)
                if header.message_id:
                    # Messages of one millisecond have one signature, since it covers no more than
                    # the timestamp; one-way messages without an identifier are not told apart.
                    # (Strangers cannot repeat either: this is inside of TLS.)
                    proof = base64_of(needed(signature, "SignatureValue", DSIG))
                    proof = hashlib.sha256(proof + header.message_id).digest()
                    self._remember(context.messages, proof, header)
                return context
        raise SecurityInvalid("the message is not signed with its security context")

    def _check_signature(
        self, header: SecurityHeader, signature: Element, key: HmacKey | RsaPublicKey
    ) -> None:
        signed = verify(signature, key, header.find)
        if header.timestamp_id is None or header.timestamp_id not in signed:
            raise SecurityInvalid("the message's timestamp is not signed")

    def _remember(self, cache: ReplayCache, proof: bytes, header: SecurityHeader) -> None:
        cache.check(proof, header.created, self._now() - MAX_VALIDITY - MAX_CLOCK_SKEW)

    # ---- credentials

    async def _authenticate(self, header: SecurityHeader) -> Identity:
        user = header.child("UsernameToken", WSSE)
        if user is not None and self._user_names is not None:
            token = read_user_name(user)
            return await self._user_names(token.name, token.password)
        certificate = header.child("BinarySecurityToken", WSSE)
        if certificate is not None and self._certificates is not None:
            return self._by_certificate(header, certificate)
        if self._windows is not None and header.element.find("SecurityContextToken", SC):
            return self._verified(header, self._negotiated).identity
        raise SecurityInvalid("the message has no credential of the kind that is asked for")

    async def _negotiate(self, message: Message) -> Received:
        if self._windows is None:
            raise SecurityInvalid(
                "the client has Windows credentials, and others are asked for: both sides need the "
                "same message_credential_type"
            )
        ended = await self._windows.receive(message)
        if not isinstance(ended, Agreed):
            return Received(None, Message(NEGOTIATE_ANSWER_ACTION, ended), secured=False)
        now, key = self._now(), os.urandom(KEY_BYTES)
        identifier = f"urn:uuid:{uuid.uuid4()}"
        context = SecurityContext(identifier, ended.identity, now + self._lifetime)
        context.add_key(None, HmacKey(key))
        self._negotiated.add(context, now)
        body = ended.finish(identifier, key, now, context.expires)
        return Received(ended.identity, Message(NEGOTIATE_ANSWER_ACTION, body), secured=False)

    def _by_certificate(self, header: SecurityHeader, element: Element) -> Identity:
        assert self._certificates is not None
        token_id, certificate = read_certificate(element)
        for signature in _several(header, "Signature", DSIG):
            if read_key_reference(signature, "KeyInfo") == f"#{token_id}":
                key = RsaPublicKey(certificate.public_key())
                self._check_signature(header, signature, key)
                return self._certificates(certificate)
        raise SecurityInvalid("the message is not signed with its certificate")


def _several(header: SecurityHeader, local: str, namespace: str) -> list[Element]:
    """:returns: the elements of that name; no more than WCF ever writes"""
    return [
        one
        for one in header.element.elements()
        if one.local == local and one.namespace == namespace
    ][:4]
