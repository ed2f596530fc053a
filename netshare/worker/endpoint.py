"""
The ``netshare:`` server endpoint: listen at an address behind a shared port.

Any Twisted application is a worker with it, its Factory unchanged::

    twist web --listen 'netshare:net.tcp\\://+\\:8808/site:preamble=consume' --path .
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from netshare.control.paths import LINK_VARIABLE, worker_control_path
from netshare.endpoints.preamble import ConsumingFactory, PreambleUse
from netshare.worker.inherited import InheritedSession
from netshare.worker.link import Wish, trusted_users
from netshare.worker.port import SharedListeningPort
from netshare.worker.sessions import Sessions

#: A process has one link to a service, whatever it listens at.
_SESSIONS = Sessions()


@implementer(IStreamServerEndpoint)
class SharedPortServerEndpoint:
    """
    Listens by registering an address with the sharing service.

    :param wish: the address, and how it is registered
    :param control: the control socket; None finds it as :mod:`netshare.control.paths` says
    :param preamble: whether the Factory sees the framing preamble or what follows it
    :param wait: go on trying when the service is not running yet, instead of failing
    :param idleTimeout: with a consumed preamble: seconds without a byte in either direction after
        which a connection is cut; None: it may rest as long as its client is there
    :param serviceUser: the user that the service runs as, where it is neither root nor ourselves
        nor ``netshare``
    """

    def __init__(
        self,
        reactor: Any,
        wish: Wish,
        control: Path | str | None = None,
        preamble: PreambleUse = PreambleUse.PASS,
        wait: bool = False,
        serviceUser: str | None = None,
        environ: MutableMapping[str, str] = os.environ,
        idleTimeout: float | None = None,
    ) -> None:
        if idleTimeout is not None and preamble is not PreambleUse.CONSUME:
            raise ValueError(
                "an idle limit is for preamble=consume: a Factory that gets the preamble itself "
                "sees to its connections itself"
            )
        self._idleTimeout = idleTimeout
        self._reactor = reactor
        self._wish = wish
        self._control = control
        self._preamble = preamble
        self._wait = wait
        self._trusted = trusted_users(serviceUser)
        self._environ = environ

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        :returns: the port, once the address is registered; fails with :class:`ServiceNotRunning`,
            :class:`~netshare.worker.link.UntrustedService` or a
            :class:`~netshare.control.commands.RegistrationError`
        """
        factory = protocolFactory
        if self._preamble is PreambleUse.CONSUME:
            factory = ConsumingFactory(factory, self._reactor, idleTimeout=self._idleTimeout)
        inherited = None if self._control else self._environ.pop(LINK_VARIABLE, None)
        control = Path(self._control) if self._control else worker_control_path(self._environ)
        if inherited is not None:
            # The program that made our process is trusted: it could have made it anything. Its
            # successor need not be.
            own = InheritedSession(self._reactor, control, self._trusted)
            port = SharedListeningPort(self._reactor, own, self._wish, factory)
            return ensureDeferred(port.startInherited(own, int(inherited)))
        session = _SESSIONS.find(self._reactor, control, self._trusted, self._wish)
        port = SharedListeningPort(self._reactor, session, self._wish, factory)
        return ensureDeferred(port.start(self._wait))
