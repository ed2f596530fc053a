"""
The service under ``twistd`` and ``twist``.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from operator import setitem
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import (
    Deferred,
    DeferredLock,
    ensureDeferred,
    gatherResults,
    maybeDeferred,
)
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from netshare import __version__
from netshare.config import Configuration, ConfigurationError, ListenSpec, server_endpoint
from netshare.control.commands import ReloadFailed
from netshare.service.activation.supervision import Supervisor
from netshare.service.shared import SharedPort
from netshare.service.takeover.taking import TakeOverFailed, Taking
from netshare.sockets.credentials import Peer
from netshare.sockets.descriptors import raise_descriptor_limit
from netshare.tap.options import Options, control_path, refuse
from netshare.tap.reload import Reloader
from netshare.tap.succession import Succession


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

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        daemon: bool = False,
        read: Callable[[], Configuration] | None = None,
        takeOver: bool = False,
    ) -> None:
        self._settings = {
            "interface": list(configuration.interface) or ["all"],
            "allow-port": str(configuration.allowPort),
            "alias": [f"{one}={other}" for one, other in configuration.alias.items()],
            "connectionLog": str(configuration.connectionLog or ""),
            **configuration.who_may_register(),
        }
        try:
            self.shared = self._sharedPort(reactor, configuration)
        except OSError as error:
            refuse(f"connectionLog: {error}")
        self.control = control_path(configuration)
        self._reactor = reactor
        self._configuration = configuration
        self._daemon = daemon
        self._takeOver = takeOver
        self._opened = False
        self._ports: list[IListeningPort] = []
        self._listening: dict[ListenSpec, IListeningPort] = {}
        self._read = read
        self._reloads = DeferredLock()
        self.shared.desk.reload = self.reload
        self._succession = Succession(reactor, self.shared, self.control, configuration)
        self.shared.desk.takeOver = self._succession.giving.begin
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

    def _sharedPort(self, reactor: Any, configuration: Configuration) -> SharedPort:
        return SharedPort(
            reactor,
            configuration.quotas,
            configuration.accounts,
            openPorts=True,
            allowedPorts=configuration.allowPort,
            interfaces=configuration.interface,
            settings=self._settings,
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
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._hangUp))

    def _hangUp(self) -> None:
        reloading = ensureDeferred(self.reload())
        reloading.addErrback(
            lambda failure: self.log.error(
                "not reloaded, nothing has changed: {why}", why=failure.getErrorMessage()
            )
        )

    async def reload(self) -> Mapping[str, list[str]]:
        """
        Read the configuration again and make the difference, all of it or nothing.

        :returns: the difference, in words
        :raises ReloadFailed: something does not make sense, or cannot be had
        """
        if self._read is None:
            raise ReloadFailed("this service was made of no options that could be read again")
        await self._reloads.acquire()
        try:
            try:
                new = self._read()
            except ConfigurationError as error:
                raise ReloadFailed("; ".join(error.problems)) from None
            reloader = Reloader(
                self._reactor, self.shared, self.supervisor, self._settings, self._listening
            )
            difference = await reloader.apply(self._configuration, new)
            self._configuration = replace(
                new,
                control=self._configuration.control,
                interface=self._configuration.interface,
                alias=self._configuration.alias,
                connectionLog=self._configuration.connectionLog,
                quotas=self._configuration.quotas,
            )
            return difference
        finally:
            self._reloads.release()

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
            if self._ports and not self._takeOver:
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
        if self._takeOver:
            self._listen_taking_over()
            return
        _remove_stale(self.control)
        # Everybody may connect: who may register is decided by name, and is told so.
        control = UNIXServerEndpoint(self._reactor, str(self.control), mode=0o666, wantPID=True)
        self._must(
            control.listen(self.shared.desk).addCallback(self._listens_for_workers),
            f"--control {self.control}",
        )
        for listen in self._configuration.listen:
            self._listen_on(listen)
        self._acquire_ports()
        # Behind the ports that are named, since it opens those of the addresses it remembers.
        self.shared.resume(self._memory())

    def _listens_for_workers(self, port: IListeningPort) -> None:
        self._ports.append(port)
        self._succession.control = port

    def _memory(self) -> Path:
        return self.control.with_name(self.control.name + ".registered")

    def _listen_on(self, listen: ListenSpec) -> None:
        """:raises StartFailed: it cannot be opened"""
        what = f"--listen {listen.endpoint}"
        try:
            endpoint = server_endpoint(self._reactor, listen.endpoint)
        except ConfigurationError as error:
            raise StartFailed(f"{what}: {error}") from None
        listening = self.shared.listen(endpoint, listen.closeReturned, listen.endpoint)
        self._must(listening.addCallback(partial(setitem, self._listening, listen)), what)

    def _acquire_ports(self) -> None:
        """:raises StartFailed: one cannot be opened"""
        for address in [
            *(relay.address for relay in self._configuration.relays),
            *(worker.address for worker in self._configuration.workers),
        ]:
            self._must(maybeDeferred(self.shared.ports.acquire, address.port), str(address))

    def _listen_taking_over(self) -> None:
        """
        Take everything from the service that runs. Until it has said that it is ours, nothing has
        happened there, and it serves on if this fails.

        :raises StartFailed: it does not give, or something else cannot be opened
        """
        try:
            taking = Taking(self.control)
            try:
                self._listens_for_workers(self._succession.adopt_control(taking))
                given = taking.named_ports()
                for bound, _ in given.pop("", []):
                    self.shared.ports.inherit(bound)
                for listen in self._configuration.listen:
                    sockets = given.get(listen.endpoint)
                    if not sockets:
                        self._listen_on(listen)
                        continue
                    bound, headed = sockets.pop(0)
                    self._listening[listen] = self.shared.ports.adopt(
                        bound, headed, listen.closeReturned, listen.endpoint
                    )
                self._acquire_ports()
                channel = taking.confirm()
            except BaseException:
                taking.close()
                raise
        except TakeOverFailed as failed:
            raise StartFailed(f"--take-over: {failed}") from None
        for sockets in given.values():
            for bound, _ in sockets:
                bound.close()  # a port that this configuration does not name
        self._succession.taken(channel, taking.predecessor.pid)
        self.shared.resume(self._memory(), afresh=False)
        taking.take_up(self.shared)

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
        if self._succession.gone:
            self._ports.clear()  # they are another process's now
        await self.shared.stopAccepting()
        await self.supervisor.stop()  # before their links close, which ends a worker too
        await self.shared.stop()
        closing = [port.stopListening() for port in self._ports]
        self._ports.clear()
        await gatherResults([deferred for deferred in closing if deferred is not None])
        self._succession.stop()


def makeService(options: Options, reactor: Any = None) -> SharingService:
    """
    Make the service that options describe; start nothing.
    """
    if reactor is None:
        from twisted.internet import reactor
    runner: dict[str, Any] = options.parent or {}
    # twistd has the option, twist never becomes a daemon.
    daemon = not runner.get("nodaemon", True)
    return SharingService(
        reactor, options.configuration, daemon, options.read, bool(options["take-over"])
    )
