"""
NetTcpBinding: everything about an endpoint that both sides have to agree on, and their limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from netshare.addresses import HostNameComparisonMode
from netshare.framing.records import BINARY, BINARY_SESSION, Mode
from netshare.transport.channels.settings import ChannelSettings, default_max_pending_connections
from netshare.transport.contracts.options import (
    check_counts,
    check_enum,
    check_flags,
    check_times,
)
from netshare.transport.encoders import MessageEncoder, encoder_for, text_content_type
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.messagecredentials import (
    MessageCredentialType,
    MessageSecurity,
)
from netshare.transport.security.ssltls import SslProtocols
from netshare.transport.security.transportsecurity import (
    SecurityNotAvailable,
    TcpClientCredentialType,
    TransportSecurity,
)
from netshare.transport.soap import SOAP11_WSA10, SOAP12_WSA10, MessageVersion
from netshare.transport.xml import BINDING_QUOTAS, BUFFERED_QUOTAS, ReaderQuotas

__all__ = [
    "BinaryEncoding",
    "Compression",
    "NetTcpBinding",
    "SecurityMode",
    "TextEncoding",
    "TransferMode",
]


class SecurityMode(Enum):
    """How the connection is secured, and where credentials are: in it, or in messages."""

    NONE = "None"
    TRANSPORT = "Transport"
    MESSAGE = "Message"
    TRANSPORT_WITH_MESSAGE_CREDENTIAL = "TransportWithMessageCredential"


class TransferMode(Enum):
    """
    Whether messages are sent whole, or their body as a stream. On the wire the three streamed
    modes are one, and so they are here: they only say which messages have streams that are worth
    it, and what is a stream is never held in memory.
    """

    BUFFERED = "Buffered"
    STREAMED = "Streamed"
    STREAMED_REQUEST = "StreamedRequest"
    STREAMED_RESPONSE = "StreamedResponse"

    @property
    def framing(self) -> Mode:
        """The mode of the framing."""
        return Mode.DUPLEX if self is TransferMode.BUFFERED else Mode.SINGLETON


class Compression(Enum):
    """How the binary encoding compresses."""

    NONE = ""
    GZIP = "+gzip"
    DEFLATE = "+deflate"


@dataclass(frozen=True, slots=True)
class BinaryEncoding:
    """
    WCF's binary XML, with a session of strings where messages are buffered; NetTcpBinding's own.
    """

    compression: Compression = Compression.NONE
    #: How many bytes of strings each side of a session keeps.
    max_session_size: int = 2048


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """
    XML as text, which in WCF takes a CustomBinding.
    """

    version: MessageVersion = SOAP12_WSA10
    #: utf-8, utf-16LE or utf-16BE.
    charset: str = "utf-8"
    #: What the other side calls this, if not as .NET does. Mono calls its utf-16LE
    #: ``application/soap+xml; charset=unicodeFFFE``.
    content_type: str | None = None

    @classmethod
    def soap11(cls, charset: str = "utf-8") -> TextEncoding:
        """SOAP 1.1 with WS-Addressing 1.0."""
        return cls(SOAP11_WSA10, charset)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetTcpBinding:
    """
    An endpoint's binding. Names and defaults are WCF's; times are seconds, sizes bytes, and None
    is no limit.

    So is the default security: Transport with Windows credentials, for which a host and a client
    need the extra ``negotiate`` or ``kerberos``. Another ``client_credential_type`` is TLS.

    :raises SecurityNotAvailable: any other security is asked for
    :raises ValueError: a limit cannot be
    """

    security: SecurityMode = SecurityMode.TRANSPORT
    #: With Transport security: how clients say who they are.
    client_credential_type: TcpClientCredentialType = TcpClientCredentialType.WINDOWS
    #: With TransportWithMessageCredential: how clients say who they are, in messages inside of TLS.
    message_credential_type: MessageCredentialType = MessageCredentialType.WINDOWS
    #: With Transport security: against what messages are protected. TLS always does both.
    protection_level: ProtectionLevel = ProtectionLevel.ENCRYPT_AND_SIGN
    #: With TLS: which versions.
    ssl_protocols: SslProtocols = SslProtocols.SYSTEM
    #: Service: listen behind the machine's shared port instead of opening the port.
    port_sharing_enabled: bool = False
    transfer_mode: TransferMode = TransferMode.BUFFERED
    encoding: BinaryEncoding | TextEncoding = BinaryEncoding()
    max_received_message_size: int = 65536
    #: None: as max_received_message_size where messages are buffered, 65536 where streamed.
    max_buffer_size: int | None = None
    #: Service: connections that are accepted and have no channel yet. Client: connections kept
    #: for each host and port. None: 12 for each processor, and 10.
    max_connections: int | None = None
    #: None: WCF's: generous where messages are buffered, small where they are streamed.
    reader_quotas: ReaderQuotas | None = None
    host_name_comparison_mode: HostNameComparisonMode = HostNameComparisonMode.STRONG_WILDCARD
    open_timeout: float | None = 60.0
    close_timeout: float | None = 60.0
    send_timeout: float | None = 60.0
    receive_timeout: float | None = 600.0
    channel_initialization_timeout: float | None = 30.0
    #: How long an unused connection is kept.
    idle_timeout: float = 120.0
    #: Client: how old a connection may become.
    lease_timeout: float = 300.0

    def __post_init__(self) -> None:
        self._check_kinds()
        if self.security is SecurityMode.MESSAGE:
            raise SecurityNotAvailable(
                "NetTcpBinding: security mode Message is not available in this version of "
                "netshare; SecurityMode.TRANSPORT and TRANSPORT_WITH_MESSAGE_CREDENTIAL are, and "
                "if messages may travel unprotected and anonymous, say so with "
                "security=SecurityMode.NONE, on both sides"
            )
        self.transport_security()
        self.message_security()
        if self.max_connections is not None and self.max_connections <= 0:
            raise ValueError(f"max_connections must be more than 0, not {self.max_connections}")
        size = self.max_buffer_size
        if size is not None and size > self.max_received_message_size:
            raise ValueError("max_buffer_size cannot be more than max_received_message_size")
        if size is not None and not self.streamed and size != self.max_received_message_size:
            raise ValueError(
                "max_buffer_size must be the same as max_received_message_size where messages are "
                "buffered"
            )
        self.channel_settings()  # checks the rest
        self.make_encoder()

    def _check_kinds(self) -> None:
        check_enum(self, "security", SecurityMode)
        check_enum(self, "message_credential_type", MessageCredentialType)
        check_enum(self, "transfer_mode", TransferMode)
        check_enum(self, "host_name_comparison_mode", HostNameComparisonMode)
        check_flags(self, "port_sharing_enabled")
        check_counts(self, "max_received_message_size", "max_buffer_size", "max_connections")
        if self.max_received_message_size is None:
            raise TypeError("NetTcpBinding: max_received_message_size is a whole number, not None")
        check_times(
            self,
            *("open_timeout", "close_timeout", "send_timeout", "receive_timeout"),
            *("channel_initialization_timeout", "idle_timeout", "lease_timeout"),
        )
        if not isinstance(self.encoding, BinaryEncoding | TextEncoding):
            raise TypeError(
                "NetTcpBinding: encoding is BinaryEncoding(), TextEncoding() or "
                f"TextEncoding.soap11(), not {self.encoding!r}"
            )
        if not isinstance(self.reader_quotas, ReaderQuotas | None):
            raise TypeError(
                f"NetTcpBinding: reader_quotas is ReaderQuotas(...), not {self.reader_quotas!r}"
            )

    @property
    def streamed(self) -> bool:
        """Whether the transfer mode is one of the streamed ones."""
        return self.transfer_mode is not TransferMode.BUFFERED

    @property
    def buffer_size(self) -> int:
        """How much of a message may be held in memory."""
        if self.max_buffer_size is not None:
            return self.max_buffer_size
        largest = self.max_received_message_size
        return min(largest, 65536) if self.streamed else largest

    def transport_security(self) -> TransportSecurity | None:
        """What secures the connection; None: nothing."""
        if self.security is SecurityMode.NONE:
            return None
        if self.security is SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL:
            return TransportSecurity(TcpClientCredentialType.NONE, protocols=self.ssl_protocols)
        return TransportSecurity(
            self.client_credential_type, self.protection_level, self.ssl_protocols
        )

    def message_security(self) -> MessageSecurity | None:
        """What secures messages besides; None: nothing."""
        if self.security is not SecurityMode.TRANSPORT_WITH_MESSAGE_CREDENTIAL:
            return None
        return MessageSecurity(self.message_credential_type)

    def channel_settings(self, server: bool = True) -> ChannelSettings:
        """
        The settings of this binding's channels.

        :param server: whether for the accepting side; a client may be silent as long as it likes
        """
        return ChannelSettings(
            open_timeout=self.open_timeout,
            send_timeout=self.send_timeout,
            receive_timeout=self.receive_timeout if server else None,
            close_timeout=self.close_timeout,
            channel_initialization_timeout=self.channel_initialization_timeout,
            idle_timeout=self.idle_timeout,
            max_received_message_size=self.max_received_message_size,
            max_buffer_size=self.buffer_size,
        )

    def max_pending_connections(self) -> int:
        """How many connections a service accepts that have no channel yet."""
        return self.max_connections or default_max_pending_connections()

    def make_encoder(self) -> MessageEncoder:
        """
        The encoder of this binding's messages.
        """
        quotas = self.reader_quotas
        if quotas is None:
            quotas = BINDING_QUOTAS if self.streamed else BUFFERED_QUOTAS
        encoding = self.encoding
        size = self.max_received_message_size
        if isinstance(encoding, BinaryEncoding):
            kind = BINARY if self.streamed else BINARY_SESSION
            return encoder_for(
                kind + encoding.compression.value,
                quotas=quotas,
                max_message_size=size,
                max_session_size=encoding.max_session_size,
            )
        encoder = encoder_for(
            text_content_type(encoding.version.soap, encoding.charset),
            version=encoding.version,
            quotas=quotas,
            max_message_size=size,
        )
        if encoding.content_type is not None:
            encoder.content_type = encoding.content_type
        return encoder

    def but(self, **changes: object) -> NetTcpBinding:
        """:returns: a copy with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]
