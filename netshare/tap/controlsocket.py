"""
The path of a control socket that the service makes itself.
"""

from __future__ import annotations

import socket
from pathlib import Path

from netshare.sockets.credentials import Peer


class ServiceRuns(Exception):
    """
    A service listens there; the message says which.
    """


def remove_stale(control: Path) -> None:
    """
    Remove what a killed service left: a socket on which nothing listens, and its lock.

    Twisted removes them by itself unless another process has got the killed one's number.

    :raises ServiceRuns: a service runs there
    """
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(control))
            peer = Peer.of(asking)
            raise ServiceRuns(
                f"a service runs there already, process {peer.pid} of user {peer.user}. Stop it "
                "first, or name another control socket"
            )
        except ConnectionRefusedError:
            if control.is_socket():
                unlink(control)
        except OSError:
            pass  # nothing there, or nothing that we could judge: listening will tell


def unlink(control: Path) -> None:
    """Remove a control socket and its lock."""
    control.unlink(missing_ok=True)
    control.with_name(control.name + ".lock").unlink(missing_ok=True)
