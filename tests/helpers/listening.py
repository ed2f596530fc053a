"""Which ports a service listens on."""

from __future__ import annotations

from netshare.service.front.ports import Ports


def port_numbers(ports: Ports) -> set[int]:
    """The numbers of all ports that are open, as ``netshare stats`` shows them."""
    return {int(address.rpartition(":")[2]) for address in ports.describe()}
