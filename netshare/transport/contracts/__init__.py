"""
Service contracts, and what is said of an endpoint beside them: binding, behavior, limits.

- :mod:`.decorators` leave notes on classes and methods, which stay what they are.
  :mod:`.derivation` makes a :mod:`.description` of these, with the names that WCF derives.
- :mod:`.binding` is NetTcpBinding, :mod:`.behavior` a service's behavior and throttle,
  :mod:`.endpoint` the three together: address, binding, contract.
- :mod:`.streams` are streams of bytes as arguments and results, :mod:`.faulterror` SOAP faults as
  exceptions.
"""

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
    FaultContract,
    SessionMode,
    body,
    fault,
    header,
    message_contract,
    operation,
    service_contract,
    xml_serializer_format,
)
from netshare.transport.contracts.derivation import describe, describe_callback
from netshare.transport.contracts.description import (
    ContractDescription,
    ContractError,
    OperationDescription,
)
from netshare.transport.contracts.endpoint import ServiceEndpoint
from netshare.transport.contracts.exceptiondetail import ExceptionDetail
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.contracts.streams import Stream, StreamSource

__all__ = [
    "AddressFilterMode",
    "BinaryEncoding",
    "Compression",
    "ConcurrencyMode",
    "ContractDescription",
    "ContractError",
    "ExceptionDetail",
    "FaultContract",
    "FaultError",
    "InstanceContextMode",
    "NetTcpBinding",
    "OperationDescription",
    "SecurityMode",
    "ServiceBehavior",
    "ServiceEndpoint",
    "ServiceThrottle",
    "SessionMode",
    "Stream",
    "StreamSource",
    "TextEncoding",
    "TransferMode",
    "body",
    "describe",
    "describe_callback",
    "fault",
    "header",
    "message_contract",
    "operation",
    "service_behavior",
    "service_contract",
    "xml_serializer_format",
]
