"""
What a supervised worker is.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field

from netshare.addresses import BaseAddress
from netshare.endpoints.preamble import PreambleUse
from netshare.service.activation.failures import FAILURE_WINDOW, MOST_FAILURES
from netshare.service.activation.isolation import Isolation
from netshare.service.activation.limits import Limits, OnDemand, RecycleAfter
from netshare.service.activation.pool import SURPLUS_AFTER, PoolLimits


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """
    One worker: the address it serves, and how to start it.

    Either ``target``, ``command`` or ``unit`` is given.
    """

    #: What log lines call it.
    name: str
    address: BaseAddress
    #: ``package.module:factory``, run by :mod:`netshare.worker.child`.
    target: str | None = None
    #: Any program that registers the address over the link it inherits.
    command: tuple[str, ...] | None = None
    #: A unit of systemd whose program registers the address over the control socket; ``%i`` stands
    #: for the number of the process.
    unit: str | None = None
    #: Whether the target sees the framing preamble.
    preamble: PreambleUse = PreambleUse.PASS
    #: Seconds without a byte after which a connection of such a target is cut; None: any time.
    connectionIdleTimeout: float | None = None
    #: How many processes serve the address together, at least.
    processes: int = 1
    #: How many they may become while connections wait; None: no more.
    maxProcesses: int | None = None
    #: Seconds without a waiting connection after which one of those that were added goes; None:
    #: none goes.
    surplusTimeout: float | None = SURPLUS_AFTER
    #: Whether they are started by the first connection; None: with the service.
    onDemand: OnDemand | None = None
    #: As whom, where and with what each of them runs.
    isolation: Isolation = field(default_factory=Isolation)
    #: How long each step of a process's life may take.
    limits: Limits = field(default_factory=Limits)
    #: When a process is replaced though nothing is wrong with it.
    recycleAfter: RecycleAfter = field(default_factory=RecycleAfter)
    #: So many failures in so many seconds put the address out of service; 0: never.
    maxFailures: int = MOST_FAILURES
    failureWindow: float = FAILURE_WINDOW

    @property
    def pool(self) -> PoolLimits:
        """The bounds of the number of processes."""
        most = max(self.processes, self.maxProcesses or 0)
        return PoolLimits(self.processes, most, self.surplusTimeout)

    @property
    def fingerprint(self) -> str:
        """
        Tells this from another spec, in any process.
        """
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def arguments(self) -> tuple[str, ...]:
        """
        The command line to start.
        """
        if self.command is not None:
            return self.command
        assert self.target is not None
        options = [f"--preamble={self.preamble.value}"]
        if self.connectionIdleTimeout is not None:
            options.append(f"--connection-idle-timeout={self.connectionIdleTimeout}")
        if self.pool.most > 1:
            options.append("--shared")
        return (
            sys.executable,
            "-m",
            "netshare.worker.child",
            *options,
            str(self.address),
            self.target,
        )
