"""Every refusal as the programs that are refused see it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import reactor as _reactor

from netshare.addresses import parse_base_address
from netshare.framing.faults import Fault
from netshare.outcomes import Outcome
from netshare.service.routing.routes import FaultRoute
from tests.integration.running import RunningService
from tests.peers.child import PeerError
from tests.peers.drivers import DotNetClient, MonoClient

reactor: Any = _reactor

REFUSALS = [
    (Outcome.ENDPOINT_NOT_FOUND, "EndpointNotFoundException", "no endpoint listening at"),
    (Outcome.ENDPOINT_UNAVAILABLE, "EndpointNotFoundException", "is unavailable for"),
    (Outcome.SERVER_TOO_BUSY, "ServerTooBusyException", "too busy"),
    (Outcome.CONNECTION_DISPATCH_FAILED, "CommunicationException", "could not be dispatched"),
    (Outcome.VIA_TOO_LONG, "CommunicationException", ""),
    (Outcome.UNSUPPORTED_VERSION, "ProtocolException", ""),
    (Outcome.UNSUPPORTED_MODE, "ProtocolException", ""),
]


@pytest.mark.parametrize(("outcome", "exception", "text"), REFUSALS)
async def test_the_dotnet_client_is_refused(
    service: RunningService,
    dotnet_client: DotNetClient,
    outcome: Outcome,
    exception: str,
    text: str,
) -> None:
    """Each fault arrives, on a fresh connection, as the exception WCF has for it."""
    address = parse_base_address(service.address("refused"))
    service.shared.tree.put(address, FaultRoute(outcome, "on purpose"))
    service.shared.ports.acquire(service.port)
    with pytest.raises(PeerError) as caught:
        await dotnet_client.open("IBasic", service.address("refused"), binding={"openTimeout": 5})
    assert caught.value.type == f"System.ServiceModel.{exception}"
    assert text in caught.value.message
    assert service.count(outcome) == 1
    await service.settle(service.balanced)


@pytest.mark.parametrize("outcome", [refusal[0] for refusal in REFUSALS])
async def test_the_mono_client_is_refused(
    service: RunningService, mono_client: MonoClient, outcome: Outcome
) -> None:
    """Each fault arrives at Mono as a FaultException with the fault's text."""
    address = parse_base_address(service.address("refused"))
    service.shared.tree.put(address, FaultRoute(outcome, "on purpose"))
    service.shared.ports.acquire(service.port)
    with pytest.raises(PeerError) as caught:
        await mono_client.open("IBasic", service.address("refused"), timeout=10)
    assert caught.value.type == "System.ServiceModel.FaultException"
    fault = next(f for f in Fault if f.name == outcome.name)
    assert fault.uri in caught.value.message
    await service.settle(service.balanced)


async def test_an_unknown_address_is_not_found(
    service: RunningService, dotnet_client: DotNetClient
) -> None:
    """What nobody registered is EndpointNotFound without any route for it."""
    service.shared.ports.acquire(service.port)
    with pytest.raises(PeerError) as caught:
        await dotnet_client.open("IBasic", service.address("nowhere"))
    assert caught.value.type == "System.ServiceModel.EndpointNotFoundException"


async def test_the_services_port_stays_a_port(
    service: RunningService, dotnet_client: DotNetClient
) -> None:
    """After refusals the same client and port go on."""
    service.shared.ports.acquire(service.port)
    for _ in range(3):
        with pytest.raises(PeerError):
            await dotnet_client.open("IBasic", service.address("nowhere"))
    assert service.count(Outcome.ENDPOINT_NOT_FOUND) == 3
