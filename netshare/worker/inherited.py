"""
The session of a process that a service has started.
"""

from __future__ import annotations

import os
import signal

from twisted.python.failure import Failure

from netshare.control import commands
from netshare.worker.link import UntrustedService, WorkerLink
from netshare.worker.session import Registrant, WorkerSession

#: Seconds that such a process tries to find the successor of its service.
COME_BACK_WITHIN = 5.0


class InheritedSession(WorkerSession):
    """
    That of a process which a service has started. The first link comes with the process. When that
    ends, another process may go on as the service, which knows this one by its number. Where there
    is none, or it does not want this process, it ends.
    """

    _comeBackUntil = 0.0

    def lost(self, link: WorkerLink) -> None:
        if self.link is link:
            self._comeBackUntil = self.reactor.seconds() + COME_BACK_WITHIN
        super().lost(link)

    def _unreachable(self, failure: Failure) -> None:
        if failure.check(UntrustedService) or self.reactor.seconds() >= self._comeBackUntil:
            self.leaveProcess(failure.getErrorMessage())
        else:
            super()._unreachable(failure)

    def _refused(self, one: Registrant, link: WorkerLink, failure: Failure) -> None:
        if self._comeBackUntil and failure.check(commands.RegistrationError):
            self.leaveProcess(failure.getErrorMessage())
        else:
            super()._refused(one, link, failure)

    def leaveProcess(self, reason: str) -> None:
        """End this process in order."""
        self.log.info(
            "the sharing service is gone, and this worker with it: {reason}", reason=reason
        )
        os.kill(os.getpid(), signal.SIGTERM)
