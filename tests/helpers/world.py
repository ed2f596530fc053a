"""Services and clients of one process, over connections in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from netshare.testing.wire import Wire
from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.interfaces import ITracing
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.clients.channelfactory import ChannelFactory
from netshare.transport.contracts.behavior import (
    ServiceBehavior,
)
from netshare.transport.contracts.binding import (
    NetTcpBinding,
    SecurityMode,
)
from netshare.transport.contracts.decorators import operation, service_contract
from netshare.transport.hosting.host import ServiceHost
from netshare.transport.security import ServiceCredentials
from netshare.transport.soap import MessageHeader

HERE = "net.tcp://127.0.0.1:9000/here"


class ICallback:
    @operation
    def Ask(self, question: str) -> str: ...
    @operation(one_way=True)
    def Tell(self, note: str) -> None: ...


@service_contract(namespace="urn:test", callback=ICallback)
class ITest:
    @operation
    def Count(self) -> int: ...
    @operation
    def Wait(self, name: str) -> str: ...
    @operation
    def Relay(self, question: str) -> str: ...
    @operation
    def Lie(self) -> int: ...
    @operation
    def Break(self) -> None: ...
    @operation(one_way=True)
    def BreakQuietly(self) -> None: ...
    @operation
    def Headers(self) -> str: ...


class Counting:
    """Counts its calls, waits when it is told to, and remembers what became of it."""

    made: list[Counting] = []
    waiting: dict[str, Deferred[str]] = {}

    def __init__(self) -> None:
        self.count = 0
        self.disposed = False
        self.made.append(self)

    def dispose(self) -> None:
        self.disposed = True

    def Count(self) -> int:
        self.count += 1
        self.kept = OperationContext.current().callback
        return self.count

    def Wait(self, name: str) -> Deferred[str]:
        self.waiting[name] = waiting = Deferred()
        return waiting

    async def Relay(self, question: str) -> str:
        callback = OperationContext.current().callback
        answer: str = await callback.Ask(question)
        return answer

    def Lie(self) -> str:
        return "no number"

    def Break(self) -> None:
        raise ValueError("a secret")

    def BreakQuietly(self) -> None:
        raise ValueError("a secret")

    def Headers(self) -> str:
        context = OperationContext.current()
        context.outgoing_headers.append(MessageHeader("Out", "urn:h", "there"))
        assert OperationContext.current() is context
        found = context.header("In", "urn:h")
        return f"{context.session_id} {None if found is None else found.text}"


class Answering:
    def Ask(self, question: str) -> str:
        return f"re: {question}"

    def Tell(self, note: str) -> None:
        pass


def binding(**options: Any) -> NetTcpBinding:
    return NetTcpBinding(security=SecurityMode.NONE, **options)


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects to what listens on a port of the world's."""

    def __init__(self, world: World, port: int) -> None:
        self.world, self.port = world, port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        made: Deferred[Any] = Deferred()
        server = self.world.listening(self.port).buildProtocol(None)
        client = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        self.world.wires.append(Wire(client, server))
        made.callback(client)
        return made


class World:
    """A reactor in memory, with hosts and clients."""

    def __init__(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.reactor.callFromThread = lambda function, *arguments: function(*arguments)
        self.wires: list[Wire] = []
        self.hosts: list[ServiceHost] = []
        Counting.made, Counting.waiting = [], {}

    def listening(self, port: int) -> Any:
        return next(one[1] for one in self.reactor.tcpServers if one[0] == port)

    def host(
        self,
        service: Any = Counting,
        throttle: Any = None,
        tracing: ITracing | None = None,
        credentials: ServiceCredentials | None = None,
        **behavior: Any,
    ) -> ServiceHost:
        made = ServiceHost(
            service,
            self.reactor,
            "net.tcp://127.0.0.1:9000/",
            behavior=ServiceBehavior(**behavior),
            throttle=throttle,
            tracing=tracing,
            credentials=credentials,
        )
        self.hosts.append(made)
        return made

    def serve(
        self, contract: type = ITest, service: Any = Counting, **behavior: Any
    ) -> ServiceHost:
        of_binding = behavior.pop("binding", None) or binding()
        host = self.host(service, **behavior)
        host.add_endpoint(contract, of_binding, "here")
        self.now(host.open())
        return host

    def pool(self) -> ConnectionPool:
        return ConnectionPool(self.reactor, endpoint_for=lambda host, port: Endpoint(self, port))

    def client(self, contract: type = ITest, **options: Any) -> ChannelFactory:
        of_binding = options.pop("binding", None) or binding()
        callback = options.pop("callback", Answering() if contract is ITest else None)
        return ChannelFactory(
            contract, of_binding, self.reactor, pool=self.pool(), callback=callback, **options
        )

    def channel(self, address: str = HERE, via: str | None = None, **options: Any) -> Any:
        return self.client(**options).create_channel(address, via)

    def flow(self) -> None:
        """Let everything happen that happens at once."""
        for _ in range(5):
            for wire in self.wires:
                wire.flow()
            self.reactor.advance(0)

    def now(self, deferred: Deferred[Any]) -> Any:
        """What a Deferred fires with, which it has to do at once."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.flow()
        assert results, "it has not fired"
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]

    def start(self, deferred: Deferred[Any]) -> list[Any]:
        """Where the result of a Deferred will be."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.flow()
        return results
