"""
Who calls whom, in which encoding: the tests of values run once with each of the real clients, and
with services on Mono.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from netshare.transport import BinaryEncoding, ChannelFactory, NetTcpBinding, TextEncoding
from tests.integration.hosting import binding
from tests.peers.drivers import DotNetClient, MonoClient, MonoEndpoint, free_port
from tests.peers.fixtures import StartMonoServer


@dataclass(frozen=True)
class Peer:
    """
    A client that was started.

    :param client: Microsoft's, or Mono's
    :param encoding: ``"binary"`` or ``"text"``
    """

    client: DotNetClient | MonoClient
    encoding: str

    @classmethod
    def of(cls, request: pytest.FixtureRequest) -> Peer:
        """
        The peer that a fixture's parameter names, such as ``"mono-text"``; Microsoft's client with
        the contracts of MoreContracts.cs.
        """
        name, encoding = request.param.split("-")
        fixture = {"dotnet": "more_client", "mono": "mono_client"}[name]
        return cls(request.getfixturevalue(fixture), encoding)

    @property
    def mono(self) -> bool:
        """Whether it is Mono's client."""
        return isinstance(self.client, MonoClient)

    @property
    def binding(self) -> Any:
        """The binding in the client's words."""
        if self.mono:
            return "none" if self.encoding == "binary" else "text"
        return {"encoding": self.encoding}

    @property
    def binding_here(self) -> NetTcpBinding:
        """The same binding for a service in Python."""
        return binding(encoding=BinaryEncoding() if self.encoding == "binary" else TextEncoding())


@dataclass(frozen=True)
class OnMono:
    """
    Services on Mono, called from Python.

    :param start: starts one
    :param kind: Mono's name for its binding, ``"none"`` or ``"text"``
    """

    start: StartMonoServer
    kind: str

    async def channel(self, contract: type, name: str) -> Any:
        """
        A channel to a service of its own.

        :param contract: as Python has it
        :param name: as the Mono program has it
        """
        from twisted.internet import reactor

        address = f"net.tcp://127.0.0.1:{free_port()}/xml"
        await self.start(MonoEndpoint(name, address), name="mono", binding=self.kind)
        options: dict[str, Any] = {} if self.kind == "none" else {"encoding": TextEncoding()}
        return ChannelFactory(contract, binding(**options), reactor).create_channel(address)
