"""
What listening behind a shared port gives: an address and a port like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IAddress
from zope.interface import implementer


@implementer(IAddress)
@dataclass(frozen=True, slots=True)
class SharedPortAddress:
    """
    What ``getHost()`` of a port behind a shared port returns.
    """

    #: The base address, as it is registered.
    uri: str
