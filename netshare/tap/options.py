"""
The command line of ``twistd netshare`` and ``twist netshare``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, cast

from twisted.python import usage

import twisted
from netshare import __version__
from netshare.config import (
    QUOTA_NAMES,
    Configuration,
    ConfigurationError,
    check_client,
    check_server,
    configure,
    load_file,
    try_start,
)
from netshare.control.paths import NoControlSocket, service_control_path
from netshare.reactors import IReactor
from netshare.service.quotas import Quotas

_QUOTA_HELP = {
    "listenBacklog": "connections that the kernel queues for a port",
    "maxPendingConnections": "undecided connections at once; then one of the client with most goes",
    "maxPendingAccepts": "connections accepted in one go",
    "receiveTimeout": "seconds a client may take for its preamble, hh:mm:ss, or Infinite",
    "firstByteTimeout": "seconds a client may take for its first byte, or Infinite",
    "maxPendingPerPeer": "undecided connections of one client address",
    "maxPendingBytes": "bytes of all undecided connections together",
    "dispatchTimeout": "seconds a worker may take to accept a connection",
    "pingTimeout": "seconds a worker may owe an answer before it is given no more, or Infinite",
    "maxOutstandingPerWorker": "connections under way to one worker",
    "maxWaitingPerAddress": "connections that may wait for the workers of one address",
    "expectAfterStart": "seconds that connections wait for a worker to come back after a start",
    "expectAfterLoss": "seconds that connections wait for a worker whose link was lost",
    "graceAtStart": "seconds after a start that connections for unknown addresses wait",
    "drainTimeout": "seconds that a service that was taken over goes on for what it relays",
    "maxSegmentSize": "TCP_MAXSEG of the listening ports, 0 to leave it alone",
    "closeTimeout": "seconds a refused client may take to read its fault",
    "maxRegistrations": "addresses that may be registered",
    "maxRegistrationsPerUser": "addresses that one ordinary user may register",
}


class Options(usage.Options):
    """
    The command line of ``twistd netshare``.
    """

    synopsis = "[options]"
    longdesc = (
        "Share TCP ports among many net.tcp (WCF) services, told apart by the path of their "
        "address. Workers register over the control socket; ports are opened as they need them."
    )
    optFlags = [
        ["check", None, "check the configuration, say what is wrong, and exit"],
        [
            "take-over",
            None,
            "go on where the service at the control socket is, which ends then; no client notices",
        ],
    ]
    optParameters = [
        ["config", None, None, "a TOML file with the same names as these options"],
        [
            "control",
            None,
            None,
            "the control socket [default: /run/netshare/control, "
            "or $XDG_RUNTIME_DIR/netshare/control for an ordinary user]",
        ],
        [
            "connectionLog",
            None,
            None,
            "a file for one JSON line a connection, instead of lines in the log for those that "
            "are served",
        ],
        *(
            [name, None, None, f"{_QUOTA_HELP[name]} [default: {getattr(Quotas(), name)}]"]
            for name in QUOTA_NAMES
        ),
    ]
    compData = usage.Completions(
        optActions={
            "config": usage.CompleteFiles("*.toml"),
            "control": usage.CompleteFiles(),
            "connectionLog": usage.CompleteFiles(),
        },
        multiUse="listen interface alias allow-port allow-user allow-group worker relay".split(),
    )

    def __init__(self) -> None:
        super().__init__()
        for name in _REPEATABLE:
            self[name] = []
        #: What all options and the file come to; set by :meth:`postOptions`.
        self.configuration = Configuration()

    def opt_version(self) -> None:
        """
        show netshare's version, and Twisted's
        """
        print(f"netshare {__version__.public()} (Twisted {twisted.__version__})")
        raise SystemExit(0)

    def postOptions(self) -> None:
        try:
            self.configuration = self.read()
        except ConfigurationError as error:
            refuse(*error.problems)
        if self["check"]:
            problems = list(try_start(self.configuration, control_path(self.configuration)))
            if problems:
                refuse(*problems)
            print("the configuration makes sense")
            raise SystemExit(0)

    def read(self) -> Configuration:
        """
        What the options and the file come to, as it is now.

        :raises ConfigurationError: it does not make sense
        """
        own = ("check", "config", "take-over")
        values = {name: value for name, value in self.items() if name not in own}
        configuration = configure(values, load_file(self["config"]) if self["config"] else {})
        _check_endpoints(configuration)
        return configuration


_REPEATABLE = {
    "listen": "a server endpoint to listen on from the start, such as tcp:808, "
    "systemd:domain=INET6:name=netshare or haproxy:tcp:808; with ,returned=close where "
    "clients come through a front that chooses by their first preamble; may be repeated",
    "interface": "the address of an interface to open ports on, instead of all; may be repeated",
    "allow-port": "a port or range that registrations may open, such as 9000-9999; may be "
    "repeated [default: 808 and 1024-65535]",
    "alias": "PUBLIC=REGISTERED, such as 31808=8808: a port for another one; may be repeated",
    "allow-user": "a user who may register; may be repeated [default: root and the service's own]",
    "allow-group": "a group whose members may register; may be repeated [default: netshare]",
    "worker": "ADDRESS=MODULE:FACTORY[,preamble=consume][,processes=N][,maxProcesses=N]"
    "[,start=on-demand] or "
    "ADDRESS=!COMMAND LINE: start a worker and keep it up; may be repeated",
    "relay": "ADDRESS=tcp:HOST:PORT[|tcp:HOST:PORT...][,proxy=v2][,connectTimeout=SECONDS]"
    "[,idleTimeout=SECONDS]: bring connections to an unmodified server, or to one of several; may "
    "be repeated",
}


def _repeatable(name: str, text: str) -> Callable[[Options, str], None]:
    def append(self: Options, value: str) -> None:
        self[name].append(value)

    append.__doc__ = text
    return append


for _name, _text in _REPEATABLE.items():
    setattr(Options, f"opt_{_name.replace('-', '_')}", _repeatable(_name, _text))


def refuse(*problems: str) -> NoReturn:
    """End the program before it began: without the page of usage, which would hide the reasons."""
    for problem in problems:
        print(f"netshare: {problem}", file=sys.stderr)
    raise SystemExit(os.EX_USAGE)


def _check_endpoints(configuration: Configuration) -> None:
    """:raises ConfigurationError: with a sentence for every string that is no endpoint"""
    from twisted.internet import reactor

    checks = [
        (f"listen {one.endpoint}", check_server, one.endpoint) for one in configuration.listen
    ]
    for relay in configuration.relays:
        checks += [(f"relay {relay.address}", check_client, text) for text in relay.to]
    problems = []
    for what, check, text in checks:
        try:
            check(cast(IReactor, reactor), text)
        except ConfigurationError as error:
            shown = f": to {text}" if check is check_client else ""
            problems.append(f"{configuration.origin(what)}{shown}: {error}")
    if problems:
        raise ConfigurationError(*problems)


def control_path(configuration: Configuration) -> Path:
    """Where the control socket is to be; without a place for it there is no service."""
    try:
        return configuration.control or service_control_path()
    except NoControlSocket as error:
        refuse(str(error))
