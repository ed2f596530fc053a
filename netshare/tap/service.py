"""
The service under ``twistd`` and ``twist``.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import setitem
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
from twisted.python.failure import Failure

from netshare import __version__
from netshare.config import Configuration, ConfigurationError, ListenSpec
from netshare.config.endpoints import is_inherited
from netshare.control.management import ReloadFailed
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.activation.supervision import Supervisor
from netshare.service.desk.listening import ControlPort
from netshare.service.notify import Notifier
from netshare.service.shared import SharedPort
from netshare.service.takeover.kept import KeptWorkers
from netshare.service.takeover.taking import TakeOverFailed, Taking
from netshare.sockets.descriptors import raise_descriptor_limit
from netshare.sockets.inherited import InheritedDescriptors
from netshare.tap.controlsocket import ServiceRuns, remove_stale, unlink
from netshare.tap.launch import own_command_line
from netshare.tap.manager import ServiceManager
from netshare.tap.options import Options, control_path, refuse
from netshare.tap.reload import Reloader
from netshare.tap.succession import Succession


class StartFailed(Exception):
    """
    The service cannot start; the message says why.
    """

    # As twistd's parent process shows it, which has room for some eighty characters only.
    __module__ = "builtins"


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
        reactor: IReactor,
        configuration: Configuration,
        daemon: bool = False,
        read: Callable[[], Configuration] | None = None,
        takeOver: bool = False,
        notifier: Notifier | None = None,
        passed: InheritedDescriptors | None = None,
        command: Sequence[str] | None = None,
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
        self._memory = self.control.with_name(self.control.name + ".registered")
        self._reactor = reactor
        self._configuration = configuration
        self._daemon = daemon
        self._takeOver = takeOver
        self._opened = False
        self._ports: list[IListeningPort] = []
        self._listening: dict[ListenSpec, list[IListeningPort]] = {}
        self._manager = ServiceManager(reactor, self.shared, notifier, passed)
        self._read = read
        self._reloads = DeferredLock()
        self.shared.desk.reload = self.reload
        self.supervisor = Supervisor(
            reactor, self.shared.desk, list(configuration.workers), str(self.control)
        )
        self._kept = KeptWorkers(reactor, self._manager.store, self.supervisor.handed_over)
        self.supervisor.changed = self._kept.changed
        self._succession = Succession(
            reactor, self.shared, self.supervisor, self.control, self._manager.notifier, self._kept
        )
        self._succession.command = command
        self.shared.desk.replace = self._succession.replace
        self.shared.desk.takeOver = self._succession.giving.begin
        for relay in configuration.relays:
            self.shared.relay(
                relay.address,
                relay.to,
                proxy=relay.proxy,
                connectTimeout=relay.connectTimeout,
                idleTimeout=relay.idleTimeout,
            )

    def _sharedPort(self, reactor: IReactor, configuration: Configuration) -> SharedPort:
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
        self._reactor.callWhenRunning(self._begin)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._hangUp))

    def _begin(self) -> None:
        """
        Links first, then clients: a worker that has waited for this service to come back, with
        what it wants already written, registers before the first of its clients is looked at.
        """
        control = self._succession.control
        if isinstance(control, ControlPort):
            control.accept_waiting()

        # What is said now is done before the reactor first looks at its descriptors; what that says
        # then, when it has read from all links.
        def read_links() -> None:
            self._reactor.callLater(0, self._accept)

        self._reactor.callLater(0, read_links)

    def _accept(self) -> None:
        if self.running:
            # Modules and all else that is here stays: the collector need not go through it again
            # and again while clients wait.
            gc.freeze()
            self.shared.admission.resume(self)
            self._manager.start()

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
        self._manager.reloading()
        try:
            try:
                new = self._read()
            except ConfigurationError as error:
                raise ReloadFailed("; ".join(error.problems)) from None
            reloader = Reloader(
                self._manager, self.shared, self.supervisor, self._settings, self._listening
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
            self._manager.ready()
            self._reloads.release()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        self._manager.stop(gone=self._succession.gone)
        return ensureDeferred(self._stop())

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        self.shared.admission.pause(self)  # until _accept()
        try:
            self._listen()
        except StartFailed as failed:
            # stopListening() would, if the reactor ever ran.
            if self._ports and not self._takeOver and getattr(self._ports[0], "owned", True):
                unlink(self.control)
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
        self._listen_for_workers()
        self._manager.take_up_ports(self._configuration)
        for listen in self._configuration.listen:
            self._listen_on(listen)
        self._acquire_ports()
        # Behind the ports that are named, since it opens those of the addresses it remembers.
        self.shared.resume(self._memory, state=self._manager.store.state())
        self.shared.ports.closeInherited()
        self.supervisor.resume(self._kept.begin())
        self._manager.finish_taking()

    def _listen_for_workers(self) -> None:
        """:raises StartFailed: the control socket cannot be had"""
        what, backlog = f"--control {self.control}", self.shared.quotas.listenBacklog
        try:
            passed = self._manager.control_socket(self.control)
            if passed is None:
                remove_stale(self.control)
        except (ConfigurationError, ServiceRuns) as error:
            raise StartFailed(f"{what}: {error}") from None
        if passed is not None:
            port = ControlPort(self._reactor, passed, self.shared.desk, backlog)
            port.startListening()
            self._listens_for_workers(port)
            return
        # Everybody may connect: who may register is decided by name, and is told so.
        control = UNIXServerEndpoint(
            self._reactor, str(self.control), backlog=backlog, mode=0o666, wantPID=True
        )
        self._must(control.listen(self.shared.desk).addCallback(self._listens_for_workers), what)

    def _listens_for_workers(self, port: IListeningPort) -> None:
        self._ports.append(port)
        self._succession.control = port

    def _listen_on(self, listen: ListenSpec) -> None:
        """:raises StartFailed: it cannot be opened"""
        listening = ensureDeferred(self._manager.listen(listen))
        self._must(
            listening.addCallback(partial(setitem, self._listening, listen)),
            f"--listen {listen.endpoint}",
        )

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
        self._manager.notifier.hold()  # it listens to the one that runs
        try:
            taking = Taking(self.control)
            try:
                self._listens_for_workers(self._succession.adopt_control(taking))
                given = taking.named_ports()
                for bound, _ in given.pop("", []):
                    self.shared.ports.inherit(bound)
                for listen in self._configuration.listen:
                    sockets = given.pop(listen.endpoint, [])
                    if not sockets:
                        self._listen_on(listen)
                        continue
                    keep = not is_inherited(listen.endpoint)
                    self._listening[listen] = [
                        self.shared.ports.adopt(
                            bound, headed, listen.closeReturned, listen.endpoint, keep
                        )
                        for bound, headed in sockets
                    ]
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
        self._manager.notifier.release()
        self._succession.taken(channel, taking.predecessor.pid)
        self.shared.resume(self._memory, afresh=False, state=self._manager.store.state())
        self._kept.begin()
        self.supervisor.resume(taking.workers())
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
        gone = self._succession.gone
        if gone:
            self._ports.clear()  # they are another process's now
        await self.shared.stopAccepting()
        self._kept.freeze()
        await self.supervisor.stop()  # before their links close, which ends a worker too
        if not gone:
            self._kept.clear()
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
    takeOver = bool(options["take-over"])
    return SharingService(
        reactor,
        options.configuration,
        daemon,
        options.read,
        takeOver,
        Notifier.from_environment(os.environ, takeOver),
        InheritedDescriptors.of_process(os.environ),
        own_command_line(),
    )
