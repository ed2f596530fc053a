"""
The client's side: a credential is shown once, for a security context; messages are signed with
that. Windows credentials are shown by the context to which a negotiation came. See :mod:`.service`
for the conversation.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from netshare.transport.security.secureconversation.elements import body_of
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.header import (
    TIMESTAMP_ID,
    SecurityHeader,
    security_header,
    timestamp_writer,
)
from netshare.transport.security.secureconversation.names import (
    ANSWER_ACTIONS,
    CANCEL,
    CANCEL_ACTION,
    ISSUE,
    ISSUE_ACTION,
    RENEW,
    RENEW_ACTION,
    WSU,
)
from netshare.transport.security.secureconversation.negotiation import (
    Send,
    WindowsCredential,
    negotiate,
)
from netshare.transport.security.secureconversation.signatures import (
    HmacKey,
    RsaPrivateKey,
    p_sha1,
    require_lxml,
    write_signature,
)
from netshare.transport.security.secureconversation.tokens import (
    UserNameToken,
    context_token,
    key_reference,
    new_id,
    user_name_token,
    x509_token,
)
from netshare.transport.security.secureconversation.trust import (
    KEY_BYTES,
    Issued,
    Request,
    read_cancelled,
    read_issued,
    request,
)
from netshare.transport.soap import (
    MESSAGE_VERSION_DEFAULT,
    AddressingVersion,
    Message,
    MessageHeader,
    MessageVersion,
)
from netshare.transport.xml import Attribute, Element, Name, XmlWriter

__all__ = ["CertificateCredential", "ClientMessageSecurity"]

#: A context is renewed when so much of its life is over.
RENEW_AFTER: Final = 0.8


@dataclass(frozen=True, slots=True)
class CertificateCredential:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class _Signer:
    """A security context, as messages are signed with it."""

    key: HmacKey
    context: str
    instance: str | None


class ClientMessageSecurity:
    """
    The security context of one channel.

    :param now: seconds since the epoch
    :param credential: what the context is asked for with
    :raises ImportError: lxml is not installed
    """

    def __init__(
        self,
        now: Callable[[], float],
        credential: UserNameToken | CertificateCredential | WindowsCredential,
    ) -> None:
        require_lxml()
        self._now = now
        self._credential = credential
        #: What the client shows after a negotiation.
        self._negotiated: _Signer | None = None
        self._nonce = b""
        self._token: Issued | None = None
        self._key: HmacKey | None = None
        self._token_id = new_id()
        #: When the token came, by this side's clock.
        self._since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether there is a context."""
        return self._key is not None

    @property
    def is_due(self) -> bool:
        """Whether the context should be renewed."""
        return self._token is not None and self._age > RENEW_AFTER * self._lifetime

    @property
    def is_expired(self) -> bool:
        """Whether the context is good for nothing more, renewal included."""
        return self._token is not None and self._age >= self._lifetime

    @property
    def due_in(self) -> float:
        """
        In how many seconds to renew the context; when that is overdue, as it has failed, a quarter
        of the time that is left.
        """
        return max(RENEW_AFTER * self._lifetime - self._age, (self._lifetime - self._age) / 4, 1.0)

    @property
    def _age(self) -> float:
        return self._now() - self._since

    @property
    def _lifetime(self) -> float:
        return 0.0 if self._token is None else self._token.expires - self._token.created

    @property
    def negotiates(self) -> bool:
        """Whether :meth:`negotiate` has to come before :meth:`ask`."""
        return (
            isinstance(self._credential, WindowsCredential)
            and self._negotiated is None
            and self._token is None
        )

    async def negotiate(
        self, to: str, send: Send, version: MessageVersion = MESSAGE_VERSION_DEFAULT
    ) -> None:
        """
        Come to what the client shows in place of its Windows credentials.

        :param to: the address of the endpoint
        :param send: sends a request, and gives the reply, which is no fault
        :param version: of the messages
        :raises SecurityInvalid: it has failed; the reason is for the user
        """
        assert isinstance(self._credential, WindowsCredential)
        issued, key = await negotiate(self._credential, to, version, send)
        self._negotiated = _Signer(HmacKey(key), issued.context, None)

    def ask(self, to: str, version: MessageVersion = MESSAGE_VERSION_DEFAULT) -> Message:
        """
        :param to: the address of the endpoint
        :param version: of the messages
        :returns: the request for a context, or for a new key of the one there is
        """
        self._nonce = os.urandom(KEY_BYTES)
        if self._token is None:
            asked = request(Request(ISSUE, self._nonce))
            message = Message(ISSUE_ACTION, asked, to=to, version=version)
            self._show_credential(message)
        else:
            target = self._token.context
            asked = request(Request(RENEW, self._nonce, target))
            message = Message(RENEW_ACTION, asked, to=to, version=version)
            self.secure(message)
        return message

    def answered(self, message: Message) -> None:
        """
        Take the answer to :meth:`ask`, which :meth:`receive` has looked at.

        :raises SecurityInvalid: it is none
        """
        expected = ANSWER_ACTIONS[ISSUE_ACTION if self._token is None else RENEW_ACTION]
        if message.action != expected:
            raise SecurityInvalid(f"the answer has the action {message.action}")
        token = read_issued(body_of(message))
        if self._token is not None and token.context != self._token.context:
            raise SecurityInvalid("another security context than the one that was to be renewed")
        self._key = HmacKey(p_sha1(self._nonce, token.nonce, KEY_BYTES))
        self._token, self._since = token, self._now()

    def cancel(self, to: str) -> Message:
        """
        :param to: the address of the endpoint
        :returns: the request to forget the context
        """
        assert self._token is not None
        asked = request(Request(CANCEL, target=self._token.context))
        message = Message(CANCEL_ACTION, asked, to=to)
        self.secure(message)
        return message

    def cancelled(self, message: Message) -> None:
        """
        Take the answer to :meth:`cancel`, which :meth:`receive` has looked at.

        :raises SecurityInvalid: it is none
        """
        read_cancelled(body_of(message))
        self._token = self._key = None

    def secure(self, message: Message) -> None:
        """Sign a message with the context."""
        assert self._token is not None
        assert self._key is not None
        self._sign(message, _Signer(self._key, self._token.context, self._token.instance))

    def receive(self, message: Message) -> None:
        """
        Look at the security of a message from the service.

        :raises SecurityInvalid: there is none, or it does not hold
        """
        SecurityHeader.take(message, self._now())

    def _sign(self, message: Message, by: _Signer) -> None:
        timestamp, identifier = timestamp_writer(self._now()), self._token_id

        def signature(writer: XmlWriter) -> None:
            write_signature(
                writer, by.key, {TIMESTAMP_ID: timestamp}, key_reference(f"#{identifier}")
            )

        token = context_token(identifier, by.context, by.instance)
        message.headers.append(security_header(timestamp, token, signature))

    def _show_credential(self, message: Message) -> None:
        timestamp, credential = timestamp_writer(self._now()), self._credential
        if isinstance(credential, WindowsCredential):
            assert self._negotiated is not None
            # Once: a service that has forgotten it would be asked with it again and again.
            by, self._negotiated = self._negotiated, None
            self._sign(message, by)
            return
        if isinstance(credential, UserNameToken):
            message.headers.append(security_header(timestamp, user_name_token(credential)))
            return
        # With a certificate WCF wants to know that the message was meant for this service.
        to, message.to = _signed_to(message.to or ""), None
        soap = message.version.soap
        identifier = new_id()
        key = RsaPrivateKey(credential.key)
        signed = {TIMESTAMP_ID: timestamp, _TO_ID: lambda writer: to.write(writer, soap)}

        def signature(writer: XmlWriter) -> None:
            write_signature(writer, key, signed, key_reference(f"#{identifier}"))

        certificate = x509_token(identifier, credential.certificate)
        message.headers.append(to)
        message.headers.append(security_header(timestamp, certificate, signature))


#: The u:Id of the To header.
_TO_ID: Final = "_1"


def _signed_to(address: str) -> MessageHeader:
    """:returns: a To header that a signature can refer to"""
    identifier = Attribute(Name("u", "Id", WSU), _TO_ID)
    namespace = AddressingVersion.WSA10.namespace
    content = Element(Name("a", "To", namespace), (identifier,), (address,))
    return MessageHeader("To", namespace, content, must_understand=True, prefix="a")
