"""
Calls as spans, named and described as OpenTelemetry's conventions for remote calls have it, and as
its instrumentation of WCF for .NET does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from zope.interface import implementer

from netshare.addresses import AddressError, parse_via
from netshare.transport.calls.interfaces import ITracedCall, ITracing
from netshare.transport.calls.invoker import Refused
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.soap import FaultCode, Message, MessageHeader
from netshare.transport.xml import XmlException

# The API has types, but may be missing where types are checked.
current: Any
propagate: Any
trace: Any
try:
    from opentelemetry import context as current
    from opentelemetry import propagate, trace
except ImportError:  # pragma: no cover - the extra is not installed
    current = propagate = trace = None

__all__ = ["Tracing"]

#: Of the headers that carry the context: those of OpenTelemetry's instrumentation of WCF.
CONTEXT_NAMESPACE: Final = "https://www.w3.org/TR/trace-context/"

#: Of a request that is for no operation. Its action could be anything, and names are to be few.
_UNKNOWN: Final = "unknown operation"


@implementer(ITracing)
class Tracing:
    """
    A span for each request of a host, and for each call of a client: ``tracing=Tracing()``.

    :param tracer_provider: where spans are made; None: the one that is set for the program
    :param carry_context: whether requests take along which span they belong to, in headers, and
        whether those of requests are believed; for services and clients that trust each other
    :raises ImportError: OpenTelemetry's API is not installed
    """

    def __init__(self, tracer_provider: Any = None, carry_context: bool = False) -> None:
        if trace is None:
            raise ImportError(
                "spans need OpenTelemetry's API: pip install 'txnetshare[opentelemetry]'"
            )
        self._tracer = trace.get_tracer("netshare.transport", tracer_provider=tracer_provider)
        self._carry_context = carry_context

    def request_received(self, message: Message, via: str, peer: object) -> ITracedCall:
        parent = current.Context()
        if self._carry_context and message.headers:
            parent = propagate.extract(message, parent, _Getter())
        attributes = _attributes(via)
        host = getattr(peer, "host", None)
        if host is not None:
            attributes["network.peer.address"] = host
            attributes["network.peer.port"] = getattr(peer, "port", 0)
        return _Served(self._tracer, parent, attributes)

    def call_made(
        self, operation: OperationDescription, contract: str, address: str
    ) -> ITracedCall:
        attributes = _attributes(address) | _named(operation, contract)
        span = self._tracer.start_span(
            f"{contract}/{operation.name}", kind=trace.SpanKind.CLIENT, attributes=attributes
        )
        carried: dict[str, str] = {}
        if self._carry_context:
            propagate.inject(carried, trace.set_span_in_context(span))
        return _Made(
            span, [MessageHeader(name, CONTEXT_NAMESPACE, text) for name, text in carried.items()]
        )


class _Traced:
    """
    What a call that is served and one that is made have in common.

    :param span: of the call
    """

    def __init__(self, span: Any) -> None:
        self._span = span
        self.headers: Sequence[MessageHeader] = ()

    def found(self, operation: OperationDescription, contract: str) -> None:
        """It is known from the beginning."""

    def enter(self) -> None:
        current.attach(trace.set_span_in_context(self._span))

    def over(self, error: BaseException | None) -> None:
        span = self._span
        if error is not None:
            span.set_attribute("error.type", _kind_of(error))
            span.set_status(trace.Status(trace.StatusCode.ERROR, str(error)))
            if not isinstance(error, FaultError | Refused):
                span.record_exception(error)
        span.end()


@implementer(ITracedCall)
class _Made(_Traced):
    """
    A call that a client makes.

    :param headers: by which its span is known elsewhere
    """

    def __init__(self, span: Any, headers: Sequence[MessageHeader]) -> None:
        super().__init__(span)
        self.headers = headers


@implementer(ITracedCall)
class _Served(_Traced):
    """
    A request. Its span begins when it has come, and is made when its name is known: samplers
    decide by names.

    :param parent: the context of the span that it belongs to
    :param attributes: that are known
    """

    def __init__(self, tracer: Any, parent: Any, attributes: dict[str, Any]) -> None:
        super().__init__(None)
        self._tracer = tracer
        self._parent = parent
        self._attributes = attributes
        self._came = time.time_ns()

    def found(self, operation: OperationDescription, contract: str) -> None:
        self._begin(f"{contract}/{operation.name}", _named(operation, contract))

    def enter(self) -> None:
        current.attach(trace.set_span_in_context(self._span, self._parent))

    def over(self, error: BaseException | None) -> None:
        if self._span is None:
            self._begin(_UNKNOWN, {})
        super().over(error)

    def _begin(self, name: str, attributes: dict[str, Any]) -> None:
        self._span = self._tracer.start_span(
            name,
            context=self._parent,
            kind=trace.SpanKind.SERVER,
            attributes=self._attributes | attributes,
            start_time=self._came,
        )


class _Getter:
    """Finds what carries a context among the headers of a message."""

    def get(self, carrier: Message, key: str) -> list[str] | None:
        header = carrier.header(key, CONTEXT_NAMESPACE)
        try:
            return None if header is None else [header.text]
        except XmlException:
            return None  # it is no text, and so no context

    def keys(self, carrier: Message) -> list[str]:
        return [one.name for one in carrier.headers if one.namespace == CONTEXT_NAMESPACE]


def _attributes(address: str) -> dict[str, Any]:
    """What is said of every call."""
    attributes: dict[str, Any] = {"rpc.system": "dotnet_wcf"}
    try:
        via = parse_via(address)
    except AddressError:
        return attributes
    attributes["server.address"] = via.host
    attributes["server.port"] = via.port
    attributes["wcf.channel.scheme"] = via.scheme
    attributes["wcf.channel.path"] = "/" + "/".join(via.segments)
    return attributes


def _named(operation: OperationDescription, contract: str) -> dict[str, Any]:
    return {"rpc.service": contract, "rpc.method": operation.name}


def _kind_of(error: BaseException) -> str:
    """A word for a failure, of which there are few: a fault's innermost code, or a class."""
    if isinstance(error, Refused):
        return _innermost(error.fault.code)
    if isinstance(error, FaultError):
        return _innermost(error.code)
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else (f"{kind.__module__}.{kind.__qualname__}")
    )


def _innermost(code: FaultCode) -> str:
    while code.subcode is not None:
        code = code.subcode
    return code.name
