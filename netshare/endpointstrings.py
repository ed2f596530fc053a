"""
The endpoint strings ``netshare:`` and ``nettcp:``.

Every ``twistd`` of a machine imports this module, so it imports the real ones only when a string
is parsed.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from twisted.internet.interfaces import (
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

_YES_NO = {"yes": True, "no": False}


@implementer(IPlugin, IStreamServerEndpointStringParser)
class NetshareServerParser:
    """
    ``netshare:net.tcp\\://+\\:8808/path[:preamble=consume][:control=PATH]...``
    """

    prefix = "netshare"

    def parseStreamServer(  # type: ignore[override]
        self, reactor: Any, *args: str, **kwargs: str
    ) -> IStreamServerEndpoint:
        return _call(self.prefix, _server, reactor, args, kwargs)  # type: ignore[no-any-return]


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class NetTcpClientParser:
    """
    ``nettcp:HOST:PORT:via=net.tcp\\://HOST\\:PORT/path``
    """

    prefix = "nettcp"

    def parseStreamClient(  # type: ignore[override]
        self, reactor: Any, *args: str, **kwargs: str
    ) -> IStreamClientEndpoint:
        return _call(self.prefix, _client, reactor, args, kwargs)  # type: ignore[no-any-return]


def _call(
    prefix: str,
    function: Callable[..., Any],
    reactor: Any,
    args: tuple[str, ...],
    kwargs: dict[str, str],
) -> Any:
    """
    :raises ValueError: the string has a part too many, too few, or unknown
    """
    try:
        bound = signature(function).bind(reactor, *args, **kwargs)
    except TypeError as error:
        known = ", ".join(name for name in signature(function).parameters if name != "reactor")
        raise ValueError(f"{prefix}: {error} (it knows {known})") from None
    return function(*bound.args, **bound.kwargs)


def _server(
    reactor: Any,
    address: str | None = None,
    *,
    preamble: str = "pass",
    control: str | None = None,
    mode: str | None = None,
    unique: str = "no",
    shared: str = "no",
    wait: str = "no",
    maxOutstanding: str | None = None,
    serviceUser: str | None = None,
    connectionIdleTimeout: str | None = None,
) -> IStreamServerEndpoint:
    from netshare.endpoints.preamble import PreambleUse
    from netshare.worker.link import Wish
    from netshare.worker.runner import StringEndpoint

    try:
        use = PreambleUse(preamble)
    except ValueError:
        raise ValueError(f"preamble={preamble}: it is pass or consume") from None
    if not address and not _flag("unique", unique):
        raise ValueError(
            "netshare: needs the address first, with its colons escaped: "
            r"netshare:net.tcp\://+\:8808/path"
        )
    wish = Wish(
        address or None,
        mode,
        _flag("unique", unique),
        _flag("shared", shared),
        _number("maxOutstanding", maxOutstanding) if maxOutstanding is not None else None,
    )
    idle = connectionIdleTimeout
    seconds = _seconds("connectionIdleTimeout", idle) if idle is not None else None
    waits = _flag("wait", wait)
    return StringEndpoint(reactor, wish, control, use, waits, serviceUser, idleTimeout=seconds)


def _client(
    reactor: Any, host: str, port: str = "808", *, via: str, timeout: str = "30"
) -> IStreamClientEndpoint:
    from netshare.endpoints.client import NetTcpClientEndpoint

    return NetTcpClientEndpoint(
        reactor, via, host, _number("port", port), timeout=_seconds("timeout", timeout)
    )


def _number(name: str, value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError(f"{name}={value}: it is a whole number from 1 on")
    return number


def _seconds(name: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{name}={value}: it is a number of seconds above 0")
    return seconds


def _flag(name: str, value: str) -> bool:
    try:
        return _YES_NO[value]
    except KeyError:
        raise ValueError(f"{name}={value}: it is yes or no") from None
