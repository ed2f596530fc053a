"""
Where the control socket is, for the service, for workers and for the command.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

#: The control socket of the machine's own service.
SYSTEM_CONTROL = Path("/run/netshare/control")

#: The environment variable that names another one.
CONTROL_VARIABLE = "NETSHARE_CONTROL"

#: The environment variable that names the descriptor of a worker's own, inherited link.
LINK_VARIABLE = "NETSHARE_LINK"


class NoControlSocket(Exception):
    """
    Nothing says where the control socket is to be.
    """


def service_control_path(environ: Mapping[str, str] = os.environ) -> Path:
    """
    Where a service makes its control socket when it is not told.

    :raises NoControlSocket: an ordinary user without a runtime directory
    """
    named = environ.get(CONTROL_VARIABLE)
    if named:
        return Path(named)
    given_by_systemd = environ.get("RUNTIME_DIRECTORY")
    if given_by_systemd:
        return Path(given_by_systemd.split(":")[0]) / "control"
    if os.geteuid() == 0:
        return SYSTEM_CONTROL
    mine = _users_own(environ)
    if mine is None:
        raise NoControlSocket(
            f"XDG_RUNTIME_DIR is not set: say where the control socket is to be, with --control "
            f"or {CONTROL_VARIABLE}"
        )
    return mine


def worker_control_path(environ: Mapping[str, str] = os.environ) -> Path:
    """
    Where a worker, or the command, looks for the service: where it is told, else the user's own
    service if there is one, else the machine's.
    """
    named = environ.get(CONTROL_VARIABLE)
    if named:
        return Path(named)
    mine = _users_own(environ)
    if mine is not None and mine.exists():
        return mine
    return SYSTEM_CONTROL


def _users_own(environ: Mapping[str, str]) -> Path | None:
    runtime = environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "netshare" / "control" if runtime else None
