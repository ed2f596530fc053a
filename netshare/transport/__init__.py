"""
The WCF TCP transport: services and clients that speak net.tcp, behind a shared port or not.

::

    from netshare.transport import (
        NetTcpBinding, NetTcpClient, SecurityMode, ServiceHost, operation, service_contract,
    )

What is listed here is what programs are written with.
"""

from netshare.transport.calls import (
    CommunicationState,
    MessageLog,
    OperationContext,
    authorize,
    channel_of,
    header_value,
    typed_header,
)
from netshare.transport.channels import errors
from netshare.transport.clients import aio
from netshare.transport.clients.blocking import NetTcpClient
from netshare.transport.clients.channelfactory import ChannelFactory
from netshare.transport.contracts.behavior import (
    AddressFilterMode,
    ConcurrencyMode,
    InstanceContextMode,
    ServiceBehavior,
    ServiceThrottle,
    service_behavior,
)
from netshare.transport.contracts.binding import (
    BinaryEncoding,
    Compression,
    NetTcpBinding,
    SecurityMode,
    TextEncoding,
    TransferMode,
)
from netshare.transport.contracts.decorators import (
    SessionMode,
    body,
    fault,
    header,
    message_contract,
    operation,
    service_contract,
)
from netshare.transport.contracts.exceptiondetail import ExceptionDetail
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.contracts.streams import Stream, StreamSource
from netshare.transport.datacontracts import data_contract, member
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.security import (
    CertificateIdentity,
    CertificateValidation,
    CertificateValidationMode,
    ClientCredentials,
    DnsIdentity,
    Identity,
    IdentityKind,
    MessageCredentialType,
    PemCertificate,
    PfxCertificate,
    ProtectionLevel,
    ServiceCredentials,
    SpnIdentity,
    SslProtocols,
    TcpClientCredentialType,
    UserNameCredential,
    UserNameValidator,
    WindowsClientCredential,
    WindowsServiceCredential,
)
from netshare.transport.soap import FaultCode, Message, MessageHeader

__all__ = [
    "AddressFilterMode",
    "BinaryEncoding",
    "CertificateIdentity",
    "CertificateValidation",
    "CertificateValidationMode",
    "ChannelFactory",
    "ClientCredentials",
    "CommunicationState",
    "Compression",
    "ConcurrencyMode",
    "DnsIdentity",
    "ExceptionDetail",
    "FaultCode",
    "FaultError",
    "Identity",
    "IdentityKind",
    "InstanceContextMode",
    "Message",
    "MessageCredentialType",
    "MessageHeader",
    "MessageLog",
    "NetTcpBinding",
    "NetTcpClient",
    "OperationContext",
    "PemCertificate",
    "PfxCertificate",
    "ProtectionLevel",
    "SecurityMode",
    "ServiceBehavior",
    "ServiceCredentials",
    "ServiceHost",
    "ServiceThrottle",
    "SessionMode",
    "SpnIdentity",
    "SslProtocols",
    "Stream",
    "StreamSource",
    "TcpClientCredentialType",
    "TextEncoding",
    "TransferMode",
    "UserNameCredential",
    "UserNameValidator",
    "WindowsClientCredential",
    "WindowsServiceCredential",
    "aio",
    "authorize",
    "body",
    "channel_of",
    "data_contract",
    "errors",
    "fault",
    "header",
    "header_value",
    "member",
    "message_contract",
    "operation",
    "service_behavior",
    "service_contract",
    "typed_header",
]
