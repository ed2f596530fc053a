"""
What service and workers say to each other; ``docs/protocol.rst`` spells it out byte by byte.

- :mod:`netshare.control.commands`: the vocabulary of the control socket, and its errors
- :class:`ControlProtocol` speaks it; a responder is :func:`declared`
- :mod:`netshare.control.lanes`: the fast lane, on which connections travel many to a message
- :func:`service_control_path` and :func:`worker_control_path`: where the control socket is
"""

from netshare.control.commands import (
    PROTOCOL_VERSION,
    AccessDenied,
    Busy,
    ConflictingRegistration,
    Duplicate,
    FailedToListen,
    Gone,
    InvalidArgument,
    ListRegistrations,
    NotMine,
    NotReturnable,
    PathTooLong,
    ProtocolUnsupported,
    Register,
    RegistrationError,
    RegistrationQuotaExceeded,
    Return,
    RoutesChanged,
    ServiceFault,
    Stats,
    Unregister,
    ValidateUriRoute,
    VersionUnsupported,
    WhoServes,
    WorkerFault,
)
from netshare.control.lanes import BadParcels, LaneForm
from netshare.control.paths import (
    CONTROL_VARIABLE,
    LINK_VARIABLE,
    SYSTEM_CONTROL,
    NoControlSocket,
    service_control_path,
    worker_control_path,
)
from netshare.control.protocol import ControlProtocol, declared

__all__ = [
    "CONTROL_VARIABLE",
    "LINK_VARIABLE",
    "PROTOCOL_VERSION",
    "SYSTEM_CONTROL",
    "AccessDenied",
    "BadParcels",
    "Busy",
    "ConflictingRegistration",
    "ControlProtocol",
    "Duplicate",
    "FailedToListen",
    "Gone",
    "InvalidArgument",
    "LaneForm",
    "ListRegistrations",
    "NoControlSocket",
    "NotMine",
    "NotReturnable",
    "PathTooLong",
    "ProtocolUnsupported",
    "Register",
    "RegistrationError",
    "RegistrationQuotaExceeded",
    "Return",
    "RoutesChanged",
    "ServiceFault",
    "Stats",
    "Unregister",
    "ValidateUriRoute",
    "VersionUnsupported",
    "WhoServes",
    "WorkerFault",
    "declared",
    "service_control_path",
    "worker_control_path",
]
