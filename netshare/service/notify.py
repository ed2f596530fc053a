"""
What a service tells the manager that started it, such as systemd: that it is ready, what it does,
that it still lives; and descriptors that the manager is to keep.

The messages are those of sd_notify(3), over the socket that ``NOTIFY_SOCKET`` names. Without that
variable nothing is told.
"""

from __future__ import annotations

import array
import os
import select
import socket
import time
from collections.abc import MutableMapping, Sequence

from netshare.logger import Logger

#: Seconds that a message waits for room in the manager's queue; then it is lost.
PATIENCE = 1.0

#: Of descriptors that the manager keeps: how long their name may be.
LONGEST_NAME = 255

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """
    Tells a service manager.

    :param address: of its socket, a path or ``@`` and a name in the abstract namespace; empty:
        there is no manager
    :param watchdog: seconds without :meth:`alive` after which the manager ends the service; 0: it
        does not watch
    """

    log = Logger()

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog = watchdog if address else 0.0
        self._failed = False
        #: What is to be said later; None: everything is said at once.
        self._later: list[tuple[tuple[str, ...], tuple[int, ...]]] | None = None

    @classmethod
    def from_environment(
        cls, environ: MutableMapping[str, str], successor: bool = False
    ) -> Notifier:
        """
        What the environment says, which does not say it any longer: no other process is to speak
        for this one.

        :param environ: the process's environment
        :param successor: this process goes on as one that was watched, so that ``WATCHDOG_PID``
            names that one
        """
        found = {name: environ.pop(name, "") for name in _VARIABLES}
        watched = found["WATCHDOG_PID"] in ("", str(os.getpid())) or successor
        microseconds = found["WATCHDOG_USEC"]
        seconds = int(microseconds) / 1e6 if watched and microseconds.isdecimal() else 0.0
        return cls(found["NOTIFY_SOCKET"], seconds)

    def environment(self) -> dict[str, str]:
        """What another process has to have in its environment to speak to the same manager."""
        if not self._address:
            return {}
        found = {"NOTIFY_SOCKET": self._address.replace("\0", "@")}
        if self.watchdog:
            found["WATCHDOG_USEC"] = str(round(self.watchdog * 1e6))
        return found

    def hold(self) -> None:
        """Say nothing until :meth:`release`: the manager does not listen to this process yet."""
        self._later = []

    def release(self) -> None:
        """Say now what was to be said since :meth:`hold`."""
        held, self._later = self._later or (), None
        for assignments, descriptors in held:
            self._say(*assignments, descriptors=descriptors)

    def __bool__(self) -> bool:
        """Whether there is a manager."""
        return bool(self._address)

    def ready(self, status: str = "") -> bool:
        """
        The service accepts, or has reloaded.

        :returns: whether the manager was told, as all that follow
        """
        return self._say("READY=1", f"STATUS={_line(status)}")

    def status(self, text: str) -> bool:
        """What the service does, in one line."""
        return self._say(f"STATUS={_line(text)}")

    def alive(self) -> bool:
        """The service still turns; to be said at least every :attr:`watchdog` seconds."""
        return self._say("WATCHDOG=1")

    def reloading(self) -> bool:
        """The service reads its configuration again, until :meth:`ready`."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        return self._say("RELOADING=1", f"MONOTONIC_USEC={now}")

    def stopping(self) -> bool:
        """The service stops."""
        return self._say("STOPPING=1")

    def main_process(self, pid: int) -> bool:
        """Another process is the service now; see :meth:`settle`."""
        return self._say(f"MAINPID={pid}")

    def keep(self, name: str, descriptor: int) -> bool:
        """
        The next process of this service is to get a descriptor, whenever this one ends. A manager
        that has no room for it drops it without a word.

        :param name: of printable ASCII characters without a colon, :data:`LONGEST_NAME` at most
        """
        return self._say("FDSTORE=1", f"FDNAME={name}", descriptors=[descriptor])

    def forget(self, name: str) -> bool:
        """The manager is to close all that it keeps by this name."""
        return self._say("FDSTOREREMOVE=1", f"FDNAME={name}")

    def settle(self, seconds: float = PATIENCE) -> bool:
        """
        Wait until the manager has done what it was told.

        :returns: whether it has, in that time
        """
        if self._later is not None:
            return False
        near, far = os.pipe()
        try:
            told = self._say("BARRIER=1", descriptors=[far])
            os.close(far)
            far = -1
            # It closes its copy, the last one, when it comes to this message.
            poll = select.poll()
            poll.register(near, 0)
            return told and bool(poll.poll(seconds * 1000))
        finally:
            os.close(near)
            if far >= 0:
                os.close(far)

    def _say(self, *assignments: str, descriptors: Sequence[int] = ()) -> bool:
        if not self._address:
            return False
        if self._later is not None:
            self._later.append((assignments, tuple(descriptors)))
            return True
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaking:
                speaking.settimeout(PATIENCE)
                speaking.connect(self._address)
                speaking.sendmsg(["\n".join(assignments).encode()], [rights] if descriptors else [])
        except OSError as error:
            if not self._failed:
                self.log.warn(
                    "the service manager cannot be told ({error}): NOTIFY_SOCKET={address}",
                    error=error,
                    address=self._address.replace("\0", "@"),
                )
            self._failed = True
            return False
        self._failed = False
        return True


def _line(text: str) -> str:
    return " ".join(text.split())
