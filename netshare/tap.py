"""
``twistd netshare`` and ``twist netshare``: options, and the service they make.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure

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
    server_endpoint,
    try_start,
)
from netshare.control.paths import NoControlSocket, service_control_path
from netshare.service.activation.supervision import Supervisor
from netshare.service.quotas import Quotas
from netshare.service.shared import SharedPort
from netshare.sockets.credentials import Peer
from netshare.sockets.descriptors import raise_descriptor_limit

_QUOTA_HELP = {
    "listenBacklog": "connections that the kernel queues for a port",
    "maxPendingConnections": "undecided connections at once; then one of the client with most goes",
    "maxPendingAccepts": "connections accepted in one go",
    "receiveTimeout": "seconds a client may take for its preamble, hh:mm:ss, or Infinite",
    "firstByteTimeout": "seconds a client may take for its first byte, or Infinite",
    "maxPendingPerPeer": "undecided connections of one client address",
    "maxPendingBytes": "bytes of all undecided connections together",
    "dispatchTimeout": "seconds a worker may take to accept a connection",
    "maxOutstandingPerWorker": "connections under way to one worker",
    "maxWaitingPerAddress": "connections that may wait for the workers of one address",
    "expectAfterStart": "seconds that connections wait for a worker to come back after a start",
    "expectAfterLoss": "seconds that connections wait for a worker whose link was lost",
    "graceAtStart": "seconds after a start that connections for unknown addresses wait",
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
    optFlags = [["check", None, "check the configuration, say what is wrong, and exit"]]
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
            _refuse(*error.problems)
        if self["check"]:
            problems = list(try_start(self.configuration, _control(self.configuration)))
            if problems:
                _refuse(*problems)
            print("the configuration makes sense")
            raise SystemExit(0)

    def read(self) -> Configuration:
        """
        What the options and the file come to, as it is now.

        :raises ConfigurationError: it does not make sense
        """
        values = {name: value for name, value in self.items() if name not in ("check", "config")}
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
    "worker": "ADDRESS=MODULE:FACTORY[,preamble=consume][,processes=N] or ADDRESS=!COMMAND LINE: "
    "start a worker and keep it up; may be repeated",
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


def _refuse(*problems: str) -> NoReturn:
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
            check(reactor, text)
        except ConfigurationError as error:
            shown = f": to {text}" if check is check_client else ""
            problems.append(f"{configuration.origin(what)}{shown}: {error}")
    if problems:
        raise ConfigurationError(*problems)


def _control(configuration: Configuration) -> Path:
    """Where the control socket is to be; without a place for it there is no service."""
    try:
        return configuration.control or service_control_path()
    except NoControlSocket as error:
        _refuse(str(error))


class StartFailed(Exception):
    """
    The service cannot start; the message says why.
    """

    # As twistd's parent process shows it, which has room for some eighty characters only.
    __module__ = "builtins"


def _remove_stale(control: Path) -> None:
    """
    Remove what a killed service left: a socket on which nothing listens, and its lock.

    Twisted removes them by itself unless another process has got the killed one's number.

    :raises StartFailed: a service runs there
    """
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(control))
            peer = Peer.of(asking)
            raise StartFailed(
                f"--control {control}: a service runs there already, process {peer.pid} of user "
                f"{peer.user}. Stop it first, or name another control socket"
            )
        except ConnectionRefusedError:
            _unlink(control)
        except OSError:
            pass  # nothing there, or nothing that we could judge: listening will tell


def _unlink(control: Path) -> None:
    """Remove a control socket and its lock."""
    control.unlink(missing_ok=True)
    control.with_name(control.name + ".lock").unlink(missing_ok=True)


class SharingService(Service):
    """
    The sharing service under ``twistd``: a :class:`SharedPort`, its control socket, and the
    workers it starts.

    Ports and the control socket are opened before privileges are dropped, workers are started
    after.
    """

    name = "netshare"
    log = Logger()

    def __init__(self, reactor: Any, configuration: Configuration, daemon: bool = False) -> None:
        try:
            self.shared = self._sharedPort(reactor, configuration)
        except OSError as error:
            _refuse(f"connectionLog: {error}")
        self.control = _control(configuration)
        self._reactor = reactor
        self._configuration = configuration
        self._daemon = daemon
        self._opened = False
        self._ports: list[IListeningPort] = []
        for relay in configuration.relays:
            self.shared.relay(
                relay.address,
                relay.to,
                proxy=relay.proxy,
                connectTimeout=relay.connectTimeout,
                idleTimeout=relay.idleTimeout,
            )
        self.supervisor = Supervisor(
            reactor, self.shared.desk, list(configuration.workers), str(self.control)
        )

    @staticmethod
    def _sharedPort(reactor: Any, configuration: Configuration) -> SharedPort:
        return SharedPort(
            reactor,
            configuration.quotas,
            configuration.accounts,
            openPorts=True,
            allowedPorts=configuration.allowPort,
            interfaces=configuration.interface,
            settings={
                "interface": list(configuration.interface) or ["all"],
                "allow-port": str(configuration.allowPort),
                "alias": [f"{one}={other}" for one, other in configuration.alias.items()],
                "connectionLog": str(configuration.connectionLog or ""),
                **configuration.who_may_register(),
            },
            connectionLog=configuration.connectionLog,
            aliases=configuration.alias,
        )

    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        raise_descriptor_limit()
        self._open()

    def startService(self) -> None:
        super().startService()
        self._open()  # twist does not call privilegedStartService
        self.supervisor.start()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return ensureDeferred(self._stop())

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        try:
            self._listen()
        except StartFailed as failed:
            if self._ports:
                _unlink(self.control)  # stopListening() would, if the reactor ever ran
            # A twistd that becomes a daemon has a parent that waits to be told, and only an
            # Exception is told to it; in the foreground it would come out as a traceback.
            if self._daemon:
                self.log.critical("{reason}", reason=failed)
                raise
            raise SystemExit(f"netshare: {failed}") from None
        self.log.info(
            "netshare {version}: control socket {control}, listening on {ports}",
            version=__version__.public(),
            control=str(self.control),
            ports=", ".join(self.shared.ports.describe()) or "no port yet",
        )

    def _listen(self) -> None:
        """:raises StartFailed: something cannot be opened"""
        try:
            self.control.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise StartFailed(f"--control {self.control}: {error}") from None
        _remove_stale(self.control)
        # Everybody may connect: who may register is decided by name, and is told so.
        control = UNIXServerEndpoint(self._reactor, str(self.control), mode=0o666, wantPID=True)
        self._must(
            control.listen(self.shared.desk).addCallback(self._ports.append),
            f"--control {self.control}",
        )
        for listen in self._configuration.listen:
            what = f"--listen {listen.endpoint}"
            try:
                endpoint = server_endpoint(self._reactor, listen.endpoint)
            except ConfigurationError as error:
                raise StartFailed(f"{what}: {error}") from None
            self._must(self.shared.listen(endpoint, listen.closeReturned), what)
        for address in [
            *(relay.address for relay in self._configuration.relays),
            *(worker.address for worker in self._configuration.workers),
        ]:
            self._must(maybeDeferred(self.shared.ports.acquire, address.port), str(address))
        # Behind the ports that are named, since it opens those of the addresses it remembers.
        self.shared.resume(self.control.with_name(self.control.name + ".registered"))

    def _must(self, opening: Deferred[Any], what: str) -> None:
        """
        :raises StartFailed: it cannot be opened
        """
        failures: list[Failure] = []
        opening.addErrback(failures.append)
        for failure in failures:
            reason = failure.getErrorMessage()
            if failure.check(CannotListenError):
                error: Any = failure.value
                reason = f"cannot listen: {error.socketError}"
            raise StartFailed(f"{what}: {reason}")

    async def _stop(self) -> None:
        await self.shared.stopAccepting()
        await self.supervisor.stop()  # before their links close, which ends a worker too
        await self.shared.stop()
        closing = [port.stopListening() for port in self._ports]
        self._ports.clear()
        await gatherResults([deferred for deferred in closing if deferred is not None])


def makeService(options: Options, reactor: Any = None) -> SharingService:
    """
    Make the service that options describe; start nothing.
    """
    if reactor is None:
        from twisted.internet import reactor
    runner: dict[str, Any] = options.parent or {}
    # twistd has the option, twist never becomes a daemon.
    daemon = not runner.get("nodaemon", True)
    return SharingService(reactor, options.configuration, daemon)
