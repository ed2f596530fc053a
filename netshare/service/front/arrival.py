"""
A connection whose via is known, between the front and the route that takes it.
"""

from __future__ import annotations

import socket
from collections import Counter

from zope.interface import implementer

from netshare.endpoints.refusal import RefusalFactory, RefusalProtocol
from netshare.framing.faults import Fault
from netshare.interfaces import IArrival, IOutcomeRecorder
from netshare.logger import Logger
from netshare.outcomes import Outcome
from netshare.printable import printable
from netshare.reactors import IReactor
from netshare.service.connectionlog import ConnectionLog
from netshare.service.front.turn import Turn
from netshare.service.quotas import Admission
from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.held import HeldSocket
from netshare.timing import Timer

#: Lines in the log about connections that nothing served, in a second; the others are summed up in
#: one. Strangers choose how many there are, and each costs more than refusing does.
MOST_LINES = 100

#: The fault that a client is told with an outcome. What is not here is closed without a word.
FAULTS = {
    Outcome.UNSUPPORTED_VERSION: Fault.UNSUPPORTED_VERSION,
    Outcome.UNSUPPORTED_MODE: Fault.UNSUPPORTED_MODE,
    Outcome.VIA_TOO_LONG: Fault.VIA_TOO_LONG,
    Outcome.ENDPOINT_NOT_FOUND: Fault.ENDPOINT_NOT_FOUND,
    Outcome.ENDPOINT_UNAVAILABLE: Fault.ENDPOINT_UNAVAILABLE,
    Outcome.SERVICE_ACTIVATION_FAILED: Fault.SERVICE_ACTIVATION_FAILED,
    Outcome.SERVER_TOO_BUSY: Fault.SERVER_TOO_BUSY,
    Outcome.CONNECTION_DISPATCH_FAILED: Fault.CONNECTION_DISPATCH_FAILED,
}


class Ending:
    """
    How connections end: counts the outcome, writes the log line, sends the fault.

    One for a whole shared port.
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactor,
        admission: Admission,
        recorder: IOutcomeRecorder,
        connectionLog: ConnectionLog | None = None,
    ) -> None:
        self.reactor = reactor
        #: What is accepted together is decided in one of these.
        self.turn = Turn(reactor)
        self.admission = admission
        self.recorder = recorder
        #: Where served connections are logged instead, if anywhere.
        self.connectionLog = connectionLog
        self._refusing: set[RefusalProtocol] = set()
        #: The second for which lines are counted, how many it has, and what has none.
        self._second, self._lines = 0.0, 0
        self._unlogged: Counter[Outcome] = Counter()
        self._telling = Timer(reactor, self._tellUnlogged)

    def record(
        self,
        outcome: Outcome,
        via: str,
        peer: str,
        local: str,
        detail: str,
        summedUp: bool = False,
    ) -> None:
        """
        Count a connection's one outcome and log it.

        :param summedUp: the caller logs many in one line; only the connection log has each
        """
        self.recorder.connectionDecided(outcome)
        if self.connectionLog is not None:
            self.connectionLog.write(outcome, via, peer, local, detail)
            if outcome.served:
                return
        if summedUp or not (outcome.served or self._mayLog(outcome)):
            return
        if outcome is Outcome.EMPTY:
            log = self.log.debug
        elif outcome.served or outcome is Outcome.SENT_BACK:
            log = self.log.info
        else:
            log = self.log.warn
        log(
            "{outcome}: {via} from {peer} at {local}: {detail}",
            outcome=outcome.value,
            # Clients and balancers choose these; hardly ever is there anything to escape.
            via=via if via.isprintable() else printable(via),
            peer=peer if peer.isprintable() else printable(peer),
            local=local,
            detail=detail if detail.isprintable() else printable(detail),
        )

    def _mayLog(self, outcome: Outcome) -> bool:
        """Whether one more line may be written in this second; if not, it is counted."""
        now = self.reactor.seconds()
        if not 0 <= now - self._second < 1:
            self._second, self._lines = now, 0
        self._lines += 1
        if self._lines <= MOST_LINES:
            return True
        if not self._unlogged:
            self._telling.start(1.0)
        self._unlogged[outcome] += 1
        return False

    def _tellUnlogged(self) -> None:
        counts = ", ".join(f"{count} {one.value}" for one, count in self._unlogged.items())
        self._unlogged.clear()
        self.log.warn("connections without a line of their own: {counts}", counts=counts)

    def refuse(self, held: HeldSocket, fault: Fault | None) -> None:
        """
        Send a fault on a connection that has no owner, and close it; without one just close.
        """
        limit = self.admission.quotas.maxPendingConnections
        if fault is None or len(self._refusing) >= limit:
            # Under attack: the fault still goes out, but is not waited for to be read.
            self.lastWords(held, fault)
            return

        def done() -> None:
            self._refusing.discard(protocol)
            self.admission.release()

        protocol = RefusalProtocol(self.reactor, fault, self.admission.quotas.closeTimeout, done)
        self._refusing.add(protocol)
        try:
            adopt(self.reactor, held, RefusalFactory(protocol))
        except ClientGone:
            protocol.connectionLost()

    def lastWords(self, held: HeldSocket, fault: Fault | None) -> None:
        """
        Send a fault, if there is one and room for it, and close at once.
        """
        if fault is not None:
            view = held.view()
            try:
                view.send(fault.record, socket.MSG_DONTWAIT)
            except OSError:
                pass  # the client is gone, or reads nothing: it is being closed anyway
            finally:
                view.detach()
        held.close()
        self.admission.release()

    def stop(self) -> None:
        """
        Cut off the clients that are still being refused.
        """
        if self.connectionLog is not None:
            self.connectionLog.close()
            self.connectionLog = None
        if self._unlogged:
            self._telling.stop()
            self._tellUnlogged()
        for protocol in list(self._refusing):
            protocol.transport.abortConnection()

    @property
    def refusing(self) -> int:
        """How many clients have been sent a fault and have not read it yet."""
        return len(self._refusing)


@implementer(IArrival)
class Arrival:
    """
    See :class:`~netshare.interfaces.IArrival`.
    """

    __slots__ = (
        "_decided",
        "_ending",
        "held",
        "local",
        "named",
        "patience",
        "peer",
        "readData",
        "via",
    )

    def __init__(
        self,
        ending: Ending,
        held: HeldSocket,
        via: str,
        readData: bytes,
        peer: str,
        local: str,
    ) -> None:
        self._ending = ending
        self.held = held
        self.via = via
        self.readData = readData
        self.peer = peer
        self.local = local
        #: Whether a balancer told us the client's address, since the socket does not know it.
        self.named = False
        #: Seconds that it may still wait for a worker, where it has begun to elsewhere.
        self.patience: float | None = None
        self._decided = False

    def take(self, outcome: Outcome, detail: str = "", keeps: int = 0) -> None:
        """
        See :meth:`IArrival.take <netshare.interfaces.IArrival.take>`.

        :param keeps: how many descriptors this process goes on holding for the connection; the
            taker says :meth:`Admission.release` for them later
        """
        self._decide(outcome, detail)
        if not self.held.closed:
            self.held.close()
        if keeps == 0:
            self._ending.admission.release()
        elif keeps > 1:
            self._ending.admission.hold(keeps - 1)

    def refuse(self, outcome: Outcome, detail: str) -> None:
        """
        See :meth:`IArrival.refuse <netshare.interfaces.IArrival.refuse>`.
        """
        self._decide(outcome, detail)
        self._ending.refuse(self.held, FAULTS.get(outcome))

    def regain(self, held: HeldSocket) -> None:
        """See :meth:`IArrival.regain <netshare.interfaces.IArrival.regain>`."""
        self.held = held

    def leave(self) -> None:
        """See :meth:`IArrival.leave <netshare.interfaces.IArrival.leave>`."""
        self._decided = True
        self.held.close()
        self._ending.admission.release()

    def abandon(self, detail: str) -> None:
        """
        The route that rendered it has failed: refuse it, unless it is decided already.
        """
        if self._decided:
            return
        if self.held.closed:
            self.take(Outcome.CONNECTION_DISPATCH_FAILED, detail)
        else:
            self.refuse(Outcome.CONNECTION_DISPATCH_FAILED, detail)

    def _decide(self, outcome: Outcome, detail: str) -> None:
        if self._decided:
            raise AssertionError(f"a second outcome for one connection: {outcome}")
        self._decided = True
        self._ending.record(outcome, self.via, self.peer, self.local, detail)

    def __repr__(self) -> str:
        return f"<Arrival {self.via} from {self.peer}>"
