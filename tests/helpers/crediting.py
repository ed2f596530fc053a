"""A service and clients in memory whose messages carry credentials inside of TLS."""

from __future__ import annotations

from typing import Any

import trustme

from netshare.transport.contracts.behavior import ConcurrencyMode
from netshare.transport.contracts.binding import NetTcpBinding, SecurityMode, TransferMode
from netshare.transport.security import (
    CertificateValidation,
    ClientCredentials,
    MessageCredentialType,
    ServiceCredentials,
    UserNameCredential,
)
from netshare.transport.security.secureconversation import ServiceMessageSecurity
from tests.helpers.certificates import Authority
from tests.helpers.world import HERE, World
from tests.peers.contracts import IStreams

USER_NAME = MessageCredentialType.USER_NAME
STREAMED = {"transfer_mode": TransferMode.STREAMED, "max_received_message_size": 1 << 30}
RSA = trustme.KeyType.RSA


def check_password(name: str, password: str) -> bool:
    """Knows two users."""
    return (name, password) in (("ann", "secret"), ("bob", "hidden"))


def message_binding(kind: MessageCredentialType = USER_NAME, **options: Any) -> NetTcpBinding:
    """Of both sides."""
    return NetTcpBinding(
        security=SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL,
        message_credential_type=kind,
        **options,
    )


class Crediting:
    """
    A service that wants credentials in messages, and its clients.

    :param world: where they live
    :param authority: of their certificates
    """

    def __init__(self, world: World, authority: Authority) -> None:
        self.world = world
        self.authority = authority
        self._certificate = authority.issue("service", "127.0.0.1").pem

    @property
    def trust(self) -> CertificateValidation:
        """By the authority."""
        return CertificateValidation(roots=self.authority.roots)

    def serve(
        self,
        kind: MessageCredentialType = USER_NAME,
        validator: Any = check_password,
        streams: Any = None,
        **more: Any,
    ) -> ServiceMessageSecurity:
        """
        :param streams: the class that serves IStreams, streamed; None: another contract, buffered
        :returns: what verifies the messages
        """
        credentials = ServiceCredentials(
            certificate=self._certificate,
            client_certificate=self.trust,
            user_name_validator=validator,
            **more,
        )
        if streams is not None:
            binding = message_binding(kind, **STREAMED)
            host = self.world.serve(IStreams, streams, binding=binding, credentials=credentials)
        else:
            host = self.world.serve(
                binding=message_binding(kind),
                credentials=credentials,
                concurrency_mode=ConcurrencyMode.REENTRANT,
            )
        (security,) = host._message_securities.values()
        assert security is not None
        return security

    def streaming(self, name: str = "ann", password: str = "secret", **more: Any) -> Any:
        """A client's channel whose messages are streamed."""
        more.setdefault("binding", message_binding(**STREAMED))
        return self.channel(name, password, contract=IStreams, **more)

    def channel(
        self,
        name: str = "ann",
        password: str = "secret",
        binding: NetTcpBinding | None = None,
        certificate: Any = None,
        **more: Any,
    ) -> Any:
        """A client's channel."""
        credentials = ClientCredentials(
            service_certificate=self.trust,
            user_name=UserNameCredential(name, password),
            certificate=certificate,
        )
        return self.world.channel(
            HERE, binding=binding or message_binding(), credentials=credentials, **more
        )
