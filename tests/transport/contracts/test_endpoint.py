"""Endpoints: which messages are for them, and which contracts they can serve."""

from __future__ import annotations

import pytest

from netshare.transport.contracts import (
    AddressFilterMode,
    ContractError,
    NetTcpBinding,
    SecurityMode,
    ServiceEndpoint,
    SessionMode,
    TransferMode,
    describe,
    operation,
    service_contract,
)
from netshare.transport.contracts.endpoint import check_endpoint

BINDING = NetTcpBinding(security=SecurityMode.NONE)
STREAMED = BINDING.but(transfer_mode=TransferMode.STREAMED)
ADDRESS = "net.tcp://here:9000/a/b"


@service_contract
class IOne:
    @operation
    def Do(self) -> None: ...


@pytest.mark.parametrize(
    ("mode", "to", "matches"),
    [
        (AddressFilterMode.EXACT, "net.tcp://here:9000/a/b", True),
        (AddressFilterMode.EXACT, "net.tcp://there:9000/A/b/", True),
        (AddressFilterMode.EXACT, "net.tcp://here:9001/a/b", False),
        (AddressFilterMode.EXACT, "net.tcp://here:9000/a/b/c", False),
        (AddressFilterMode.EXACT, "no address", False),
        (AddressFilterMode.PREFIX, "net.tcp://here:9000/a/b/c", True),
        (AddressFilterMode.PREFIX, "net.tcp://here:9000/a", False),
        (AddressFilterMode.ANY, "no address", True),
    ],
)
def test_which_messages_are_for_it(mode: AddressFilterMode, to: str, matches: bool) -> None:
    """Port and path decide, as far as the filter says; the host does not."""
    endpoint = ServiceEndpoint(ADDRESS, BINDING, describe(IOne), ADDRESS, mode)
    assert endpoint.matches(to) is matches


@service_contract(session_mode=SessionMode.REQUIRED)
class IWithSession(IOne):
    pass


@service_contract(session_mode=SessionMode.NOT_ALLOWED)
class IWithout(IOne):
    pass


@service_contract(callback=IOne)
class IDuplex(IOne):
    pass


@pytest.mark.parametrize(
    ("contract", "binding", "message"),
    [
        (IWithout, BINDING, "does not allow a session"),
        (IWithSession, STREAMED, "requires a session"),
        (IDuplex, STREAMED, "has a callback contract"),
    ],
)
def test_what_a_binding_cannot_serve(contract: type, binding: NetTcpBinding, message: str) -> None:
    """A contract whose sessions the binding does not have is refused with what to use."""
    with pytest.raises(ContractError, match=f"{contract.__name__} {message}.*use"):
        check_endpoint(describe(contract), binding)


def test_what_it_can() -> None:
    """All others are served."""
    for contract, binding in ((IOne, BINDING), (IOne, STREAMED), (IWithSession, BINDING)):
        check_endpoint(describe(contract), binding)
