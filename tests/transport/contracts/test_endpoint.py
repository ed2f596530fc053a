"""Endpoints: which messages are for them, and which contracts they can serve."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.addresses import AddressError
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
from netshare.transport.contracts.endpoint import check_address, check_endpoint, check_together

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


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://here/a", r"begins with http://, and should begin with net\.tcp://"),
        ("here:9000/a", "no address of an endpoint: it is not an absolute URI"),
        ("net.tcp://here:x/a", "no address of an endpoint"),
        (b"net.tcp://here/a", "an address is a text"),
        (None, "an address is a text"),
    ],
)
def test_addresses(address: Any, message: str) -> None:
    """Anything but an address of net.tcp is an error that shows it."""
    with pytest.raises(AddressError, match=message):
        check_address(address)
    with pytest.raises(AddressError, match=message):
        ServiceEndpoint(address, BINDING, describe(IOne), ADDRESS)


def endpoint(contract: type, address: str = ADDRESS) -> ServiceEndpoint:
    return ServiceEndpoint(address, BINDING, describe(contract), address)


def test_the_same_endpoint_twice() -> None:
    """A contract is served at an address once; elsewhere, and another there, is another matter."""
    check_together([endpoint(IOne)], endpoint(IOne, ADDRESS + "/more"))
    check_together([endpoint(IOne)], endpoint(IDuplex))
    with pytest.raises(ContractError, match=r"IOne is served at .* already"):
        check_together([endpoint(IOne)], endpoint(IOne, "net.tcp://HERE:9000/A/b/"))


@service_contract(name="IOne")
class IOther:
    @operation
    def Else(self) -> None: ...


def test_two_contracts_of_one_name() -> None:
    """Two contracts that nothing tells apart on the wire are not served by one host."""
    with pytest.raises(ContractError, match=r"IOne and .*IOther are both called 'IOne'.*name="):
        check_together([endpoint(IOne)], endpoint(IOther, ADDRESS + "/more"))


def test_a_binding_that_is_none() -> None:
    """A class, or anything else, in place of a binding is an error."""
    with pytest.raises(ContractError, match="a binding is a NetTcpBinding"):
        check_endpoint(describe(IOne), NetTcpBinding)  # type: ignore[arg-type]
