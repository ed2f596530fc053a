"""Values of every kind, with Microsoft's client: what it sends is read and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]

from netshare.transport import BinaryEncoding, ServiceHost, TextEncoding
from netshare.transport.hosting.host import ServiceHost as Host
from tests.integration.hosting import binding
from tests.peers.child import PeerError
from tests.peers.drivers import Channel, DotNetClient, free_port
from tests.peers.morecontracts import IOdd, Odd

Open = Callable[[type, type], Awaitable[Channel]]


@pytest_twisted.async_yield_fixture(params=["binary", "text"])  # type: ignore[untyped-decorator]
async def opened(request: pytest.FixtureRequest, more_client: DotNetClient) -> AsyncIterator[Open]:
    """Serves a contract and opens a channel of Microsoft's client to it, in either encoding."""
    from twisted.internet import reactor

    hosts: list[Host] = []
    encoding = BinaryEncoding() if request.param == "binary" else TextEncoding()

    async def serve(contract: type, service: type) -> Channel:
        host = ServiceHost(service, reactor)
        hosts.append(host)
        address = f"net.tcp://127.0.0.1:{free_port()}/more"
        host.add_endpoint(contract, binding(encoding=encoding), address)
        await host.open()
        return await more_client.open(
            contract.__name__, address, binding={"encoding": request.param}
        )

    yield serve
    for host in hosts:
        await host.close(1.0)


async def test_names_that_xml_does_not_have(opened: Open) -> None:
    """Operations, parameters, members, headers and faults of any name have their values."""
    channel = await opened(IOdd, Odd)
    assert await channel.call("DoIt", 3, 4) == 34
    assert await channel.call("größe", 5) == 5
    assert await channel.call("Encoded", 6) == 6
    names = {"Blank": 1, "Angle": "<", "First": 2, "Plain": 3, "Size": 4, "Encoded": 5}
    assert await channel.call("EchoNames", names) == names
    assert await channel.call("EchoList", [names, None]) == [names, None]
    message = {"Head": "x", "List": [4, 5], "Body": 7}
    answer: Any = await channel.call("EchoMessage", message)
    assert {key: answer[key] for key in message} == message
    with pytest.raises(PeerError) as caught:
        await channel.call("Fail", 8)
    assert caught.value.error["action"] == "urn:more/I_x0020_Odd/Fa ilF t"
    assert caught.value.error["detail"]["Blank"] == 8
