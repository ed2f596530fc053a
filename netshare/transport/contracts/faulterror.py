"""
The SOAP fault as an exception, on both sides. (FaultException, FaultException<TDetail>)
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from netshare.transport.channels.errors import CommunicationError
from netshare.transport.soap import FaultCode, SoapFault

__all__ = ["FaultError"]

D = TypeVar("D")


class FaultError(CommunicationError, Generic[D]):
    """
    A service raises this to answer a call with a fault; a client gets it from the call.

    ::

        raise FaultError(Problem(Reason="too large", Code=3), "the order is too large")
        raise FaultError(reason="no tea", code=FaultCode("Teapot", "urn:example:codes"))

    :param detail: what the contract declares as the fault's detail, or None
    :param reason: for people
    :param code: None: Sender
    :param action: of the fault message; None: the declared one, or WCF's
    """

    def __init__(
        self,
        detail: D | None = None,
        reason: str = "",
        code: FaultCode | None = None,
        action: str | None = None,
        fault: SoapFault | None = None,
    ) -> None:
        if not reason:
            reason = "a fault" if detail is None else f"a fault with {type(detail).__name__}"
        super().__init__(reason)
        #: What the contract declares; None where the fault has no detail.
        self.detail: D = cast(D, detail)
        self.reason = reason
        self.code = code or FaultCode.sender()
        self.action = action
        #: Client: the fault as it came.
        self.fault = fault

    @classmethod
    def from_fault(cls, fault: SoapFault, action: str | None, detail: Any = None) -> FaultError[D]:
        """What a client raises for a fault that has come."""
        return cls(detail, fault.reason, fault.code, action, fault)
