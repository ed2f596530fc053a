"""
A service's endpoints: address, binding and contract.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netshare.addresses import NET_TCP, AddressError, Via, parse_via
from netshare.transport.contracts.behavior import AddressFilterMode
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.checks import check_contract
from netshare.transport.contracts.decorators import SessionMode
from netshare.transport.contracts.description import (
    ContractDescription,
    ContractError,
    OperationDescription,
)

__all__ = ["ServiceEndpoint", "check_address", "check_endpoint", "check_together"]


@dataclass(frozen=True, slots=True, eq=False)
class ServiceEndpoint:
    """
    Where a contract is served.
    """

    #: What clients address their messages to.
    address: str
    binding: NetTcpBinding
    contract: ContractDescription
    #: Where the service listens; usually the address.
    listen_uri: str
    filter_mode: AddressFilterMode = AddressFilterMode.EXACT
    #: The address in its parts, which every message's To is compared with.
    _via: Via = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_via", check_address(self.address))

    def matches(self, to: str) -> bool:
        """
        Whether a message is for this address. The host is not compared, the port is.

        :param to: the message's To
        """
        if to == self.address or self.filter_mode is AddressFilterMode.ANY:
            return True
        try:
            asked = parse_via(to)
        except AddressError:
            return False
        own = self._via
        if (asked.scheme, asked.port) != (own.scheme, own.port):
            return False
        if self.filter_mode is AddressFilterMode.PREFIX:
            return asked.segments[: len(own.segments)] == own.segments
        return asked.segments == own.segments

    def operation_for(self, action: str | None) -> OperationDescription | None:
        """:returns: the operation that takes messages of this action."""
        return self.contract.operation_for(action)


def check_address(address: str) -> Via:
    """
    :param address: of an endpoint
    :returns: its parts
    :raises AddressError: it is no address of net.tcp
    """
    if not isinstance(address, str):
        raise AddressError(f"an address is a text such as net.tcp://host/path, not {address!r}")
    try:
        via = parse_via(address)
    except AddressError as error:
        raise AddressError(f"{address!r} is no address of an endpoint: {error}") from None
    if via.scheme != NET_TCP:
        raise AddressError(
            f"{address!r} is no address of net.tcp: it begins with {via.scheme}://, and should "
            f"begin with net.tcp://"
        )
    return via


def check_together(endpoints: Iterable[ServiceEndpoint], new: ServiceEndpoint) -> None:
    """
    :param endpoints: those that a host has
    :param new: one more
    :raises ContractError: it cannot be told from one of them
    """
    for other in endpoints:
        one, two = other.contract, new.contract
        if one.type is two.type:
            if parse_via(other.address) == parse_via(new.address):
                raise ContractError(
                    f"{one.type.__name__} is served at {new.address} already; an endpoint is added "
                    "once"
                )
        elif (one.name, one.namespace) == (two.name, two.namespace):
            raise ContractError(
                f"{one.type.__module__}.{one.type.__qualname__} and "
                f"{two.type.__module__}.{two.type.__qualname__} are both called {one.name!r} of "
                f"the namespace {one.namespace!r}; give one of them a name= or a namespace="
            )


def check_endpoint(contract: ContractDescription, binding: NetTcpBinding) -> None:
    """
    :raises ContractError: the contract cannot be served, or called, with the binding, or a type
        in it cannot travel
    """
    if not isinstance(binding, NetTcpBinding):
        raise ContractError(f"a binding is a NetTcpBinding, not {binding!r}")
    check_contract(contract)
    name = contract.type.__name__
    if not binding.streamed and contract.session_mode is SessionMode.NOT_ALLOWED:
        raise ContractError(
            f"{name} does not allow a session, which every buffered channel of net.tcp is: use a "
            "streamed transfer mode, or SessionMode.ALLOWED"
        )
    if binding.streamed:
        if contract.session_mode is SessionMode.REQUIRED:
            raise ContractError(
                f"{name} requires a session, which no streamed transfer mode has: use "
                "TransferMode.BUFFERED"
            )
        if contract.callback is not None:
            raise ContractError(
                f"{name} has a callback contract, which needs a session, which no streamed "
                "transfer mode has: use TransferMode.BUFFERED"
            )
