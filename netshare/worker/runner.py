"""
The ``netshare:`` endpoint of programs that ``twist`` and ``twistd`` run.

Their services start listening before the reactor runs, and can only log an error that comes
later: the program would go on and serve nothing. Registering takes a conversation, so every error
of ours comes later; for these callers it ends the process, as a taken TCP port does. Any other
caller gets the error from its Deferred.
"""

from __future__ import annotations

import atexit
import os
import sys

from twisted.application.internet import StreamServerEndpointService
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from netshare.control.commands import RegistrationError
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import UntrustedService
from netshare.worker.port import ServiceNotRunning

#: Why listening fails for reasons that people have to see to.
_REASONS = (ServiceNotRunning, RegistrationError, UntrustedService, ConnectionClosed)

_log = Logger()


class StringEndpoint(SharedPortServerEndpoint):
    """
    Made of an endpoint string.
    """

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See :meth:`~netshare.worker.endpoint.SharedPortServerEndpoint.listen`."""
        listening = super().listen(protocolFactory)
        # Nothing else tells us who waits, or whether an error would be dealt with.
        caller = sys._getframe(1).f_locals.get("self")
        if isinstance(caller, StreamServerEndpointService):
            listening.addErrback(self._failed)
        return listening

    def _failed(self, failure: Failure) -> Failure:
        if not failure.check(*_REASONS):
            return failure
        address = self._wish.address or "an address"
        end_process(self._reactor, f"{address} is not listened on: {failure.getErrorMessage()}")
        return Failure(CancelledError())  # the one error that the service does not log


def end_process(reactor: IReactor, reason: str) -> None:
    """
    Stop the reactor, and make 1 the status with which the process ends.

    :param reason: a sentence, for the log and for standard error
    """
    _log.critical("{reason}", reason=reason)
    if sys.__stderr__ is not None:
        print(f"netshare: {reason}", file=sys.__stderr__)
    # The runner removes its files and ends with 0; a reactor has no status to give it.
    atexit.register(_exit)
    reactor.callWhenRunning(reactor.stop)


def _exit() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1)
