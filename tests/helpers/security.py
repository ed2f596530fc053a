"""Both sides of WS-SecureConversation in memory, and the recorded messages of it."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed

from netshare.framing.records import RecordType
from netshare.framing.sizes import decode_size
from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.security.negotiate.context import InitiatorOptions, advice, initiator
from netshare.transport.security.secureconversation import (
    CertificateCredential,
    ClientMessageSecurity,
    Received,
    SecurityInvalid,
    ServiceMessageSecurity,
    ServiceNegotiations,
    UserNameToken,
    WindowsCredential,
)
from netshare.transport.soap import MESSAGE_VERSION_DEFAULT, Message, new_message_id
from netshare.transport.xml import BUFFERED_QUOTAS, Element
from netshare.transport.xml.binary import BinaryWriter, ReaderSession, WriterSession, read_events
from tests.helpers.places import VECTORS
from tests.helpers.windows import PASSWORD, USER

ADDRESS = "net.tcp://localhost:9401/service"


class Clock:
    """Seconds since the epoch, as a test wants them."""

    def __init__(self, now: float = 1_795_600_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def over_the_wire(message: Message) -> Message:
    """The message as the other side gets it."""
    message.version = MESSAGE_VERSION_DEFAULT
    session = WriterSession(4096)
    writer = BinaryWriter(session)
    message.write(writer)
    data = session.take_table() + writer.getvalue()
    return received(data, ReaderSession(4096))


def received(data: bytes, session: ReaderSession) -> Message:
    """What some bytes of a session are."""
    start = session.read_table(data)
    return Message.read(read_events(data, session, BUFFERED_QUOTAS, start), MESSAGE_VERSION_DEFAULT)


def recorded_messages(name: str) -> Iterator[tuple[str, Message]]:
    """Every message of a recording, and which side sent it."""
    recording = json.loads((VECTORS / "dotnet" / f"{name}.json").read_text("utf-8"))
    for connection in recording["connections"]:
        sessions: dict[str, ReaderSession] = {}
        for side, step in (step for step in connection["steps"] if len(step) == 2):
            if side == "-":  # an upgrade begins or ends, and so a session
                sessions = {"c": ReaderSession(4096), "s": ReaderSession(4096)}
                continue
            data = bytes.fromhex(step)
            if data[:1] == bytes([RecordType.SIZED_ENVELOPE]):
                size, start = decode_size(data, 1)
                yield side, received(data[start : start + size], sessions[side])


def now(waiting: Any) -> Any:
    """The result of something that does not really wait."""
    results: list[Any] = []
    Deferred.fromCoroutine(waiting).addBoth(results.append)
    (result,) = results
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result


def check_password(name: str, password: str) -> Deferred[Identity]:
    """Knows one user."""
    if (name, password) == ("ann", "secret"):
        return succeed(Identity(name, IdentityKind.USER_NAME))
    return fail(SecurityInvalid("no such user"))


def by_subject(certificate: x509.Certificate) -> Identity:
    """Believes every certificate."""
    return Identity(certificate.subject.rfc4514_string(), IdentityKind.CERTIFICATE)


def certificate_credential(name: str = "ann") -> CertificateCredential:
    """A new certificate that has signed itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today)
        .not_valid_after(today + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return CertificateCredential(certificate, key)


def windows_credential(
    password: str = PASSWORD, user: str = f"DOM\\{USER}", allow_ntlm: bool = True
) -> WindowsCredential:
    """A user of :func:`tests.helpers.windows.ntlm_users`."""
    options = InitiatorOptions("localhost", None, user, password)
    make = functools.partial(initiator, options)
    return WindowsCredential(make, maybeDeferred, allow_ntlm, advice(options))


class Both:
    """
    A client and a service; every message between them goes over the wire.

    :param windows: how the service negotiates; None: clients cannot have Windows credentials
    """

    def __init__(
        self,
        credential: Any = None,
        lifetime: float = 3600.0,
        windows: ServiceNegotiations | None = None,
    ) -> None:
        self.clock = Clock()
        self.service = ServiceMessageSecurity(
            self.clock, check_password, by_subject, lifetime, windows
        )
        #: Done to each answer of a negotiation before the client gets it.
        self.changes: Callable[[Element], Element] = lambda element: element
        self.client = ClientMessageSecurity(
            self.clock, credential or UserNameToken("ann", "secret")
        )

    def receive(self, message: Message) -> Received:
        """What the service makes of a message."""
        result: Received = now(self.service.receive(over_the_wire(message)))
        return result

    def answer(self, received: Received) -> Message:
        """What the client gets as an answer."""
        assert received.answer is not None
        self.service.secure(received.answer)
        return over_the_wire(received.answer)

    async def turn(self, request: Message) -> Message:
        """A negotiation's request to the service, and its reply."""
        received = await self.service.receive(over_the_wire(request))
        assert received.answer is not None
        assert not received.secured
        answer = over_the_wire(received.answer)
        body = answer.body_element()
        assert body is not None
        return over_the_wire(Message(answer.action, self.changes(body)))

    def negotiate(self) -> None:
        """The client gets what it shows for its Windows credentials."""
        now(self.client.negotiate(ADDRESS, self.turn))

    def open(self) -> Received:
        """The client gets a context, or a new key."""
        if self.client.negotiates:
            self.negotiate()
        received = self.receive(self.client.ask(ADDRESS))
        self.client.answered(self.answer(received))
        return received

    def request(self) -> Message:
        """A signed request."""
        message = Message("urn:do", to=ADDRESS, message_id=new_message_id())
        self.client.secure(message)
        return message
