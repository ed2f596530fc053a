"""
Spans for OpenTelemetry: of the requests that a service serves, and of the calls that a client
makes.

::

    from netshare.transport.opentelemetry import Tracing

    host = ServiceHost(Calculator, reactor, tracing=Tracing())

It needs the extra ``opentelemetry``, which is OpenTelemetry's API; where spans go is for its SDK to
say.
"""

from netshare.transport.opentelemetry.spans import Tracing

__all__ = ["Tracing"]
