"""
Twisted's endpoint strings in a configuration: what is wrong with one, in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from netshare.config.errors import ConfigurationError
from netshare.reactors import IReactor

#: Endpoints whose first argument is a port of TCP.
_WITH_PORT = ("tcp", "tcp4", "tcp6")

#: What making an endpoint of a string raises when there is something wrong with the string.
_MISTAKES = (ValueError, TypeError, LookupError, AttributeError, OSError, ImportError)


def _parts(text: str) -> list[str]:
    """What stands between the colons that are not escaped."""
    parts = [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", text)]
    return parts[1:] if parts[0] == "haproxy" else parts


def _argument(text: str, name: str, position: int) -> str | None:
    _, *arguments = _parts(text)
    positional = [one for one in arguments if not re.match(r"\w+=", one)]
    named = dict(one.split("=", 1) for one in arguments if re.match(r"\w+=", one))
    return named.get(name, positional[position] if len(positional) > position else None)


def listening_port(text: str) -> int | None:
    """
    :param text: a server endpoint
    :returns: its port; None: it has none, or nothing says which
    """
    port = _argument(text, "port", 0) if _parts(text)[0] in _WITH_PORT else None
    return int(port) if port is not None and port.isdigit() else None


def listening_interface(text: str) -> str:
    """:returns: the interface that a server endpoint listens on; empty: all of one family."""
    named = _argument(text, "interface", 2) or ""
    return named or ("::" if _parts(text)[0] == "tcp6" else "0.0.0.0")


def is_inherited(text: str) -> bool:
    """Whether an endpoint's socket is to come from systemd."""
    return _parts(text)[0] == "systemd"


def inherited_name(text: str) -> str | None:
    """:returns: what systemd calls an endpoint's sockets; None: they do not come from it"""
    return _argument(text, "name", 9) or None if is_inherited(text) else None


def is_headed(text: str) -> bool:
    """Whether every connection to an endpoint begins with a PROXY protocol header."""
    return text.startswith("haproxy:")


def check_server(reactor: IReactor, text: str) -> None:
    """
    :param text: a server endpoint
    :raises ConfigurationError: it is none; the message does not repeat it
    """
    if _parts(text)[0] in ("ssl", "tls"):
        raise ConfigurationError(
            "net.tcp begins in clear text, and TLS is agreed upon later: write tcp: instead"
        )
    # A socket of systemd's is there in a start only.
    if not is_inherited(text):
        _check_port(text, _argument(text, "port", 0))
        _make(serverFromString, reactor, text)
    elif _argument(text, "index", 1) is not None:
        raise ConfigurationError(
            "systemd passes what it has kept for the service beside what socket units have, in an "
            "order of its own: write name= and what FileDescriptorName= says, instead of index="
        )
    elif inherited_name(text) is None:
        raise ConfigurationError("write it such as systemd:domain=INET6:name=netshare")


def check_client(reactor: IReactor, text: str) -> None:
    """
    :param text: a client endpoint
    :raises ConfigurationError: it is none; the message does not repeat it
    """
    _check_port(text, _argument(text, "port", 1))
    _make(clientFromString, reactor, text)


def server_endpoint(reactor: IReactor, text: str) -> IStreamServerEndpoint:
    """
    Make a server endpoint for a start.

    :param text: one whose socket does not come from systemd
    :raises ConfigurationError: it is none
    """
    endpoint: IStreamServerEndpoint = _make(serverFromString, reactor, text)
    return endpoint


def _check_port(text: str, port: str | None) -> None:
    if _parts(text)[0] not in _WITH_PORT or port is None or not port.isdigit():
        return  # Twisted says what is wrong
    if int(port[:6]) > 65535:
        raise ConfigurationError(f"{port} is not a port of TCP: the highest is 65535")


def _make(make: Callable[[Any, str], Any], reactor: IReactor, text: str) -> Any:
    try:
        return make(reactor, text)
    except _MISTAKES as error:
        reason = str(error) or type(error).__name__
        raise ConfigurationError(f"that is no endpoint of Twisted's: {reason}") from None
