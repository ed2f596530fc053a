"""
The sharing service: many addresses on one TCP port, told apart by the via that a client asks for.

:class:`SharedPort` is all of it; ``twistd netshare`` and programs of your own are written on it.
What it consists of, in the order in which a connection meets it (each package knows only those
before it):

- :mod:`netshare.service.front`: ports, accepting, reading the preamble, refusing
- :mod:`netshare.service.routing`: the tree of addresses, and routes that need no worker
- :mod:`netshare.service.workers`: giving connections to worker processes
- :mod:`netshare.service.desk`: the control socket: who registers what
- :mod:`netshare.service.activation`: worker processes that the service starts itself

Below all of them are the words for how a connection ends (:mod:`.outcomes`), the limits
(:mod:`.quotas`) and the log of connections (:mod:`.connectionlog`).
"""

from netshare.outcomes import Outcome
from netshare.service.activation.isolation import Isolation, ResourceLimit
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.supervision import Supervisor
from netshare.service.desk.accounts import Accounts, Members, Reservation
from netshare.service.front.ports import AllowedPorts, PortNotAllowed, PortUnavailable
from netshare.service.quotas import Quotas
from netshare.service.recorders import OutcomeCounts
from netshare.service.routing.relay import RelayRoute
from netshare.service.routing.routes import FaultRoute, LocalRoute
from netshare.service.routing.tree import AddressResource, AddressTaken
from netshare.service.shared import SharedPort

__all__ = [
    "Accounts",
    "AddressResource",
    "AddressTaken",
    "AllowedPorts",
    "FaultRoute",
    "Isolation",
    "LocalRoute",
    "Members",
    "Outcome",
    "OutcomeCounts",
    "PortNotAllowed",
    "PortUnavailable",
    "Quotas",
    "RelayRoute",
    "Reservation",
    "ResourceLimit",
    "SharedPort",
    "Supervisor",
    "WorkerSpec",
]
