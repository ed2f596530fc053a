"""The address of a port behind a shared port."""

from twisted.internet.interfaces import IAddress
from zope.interface.verify import verifyObject

from netshare.endpoints.address import SharedPortAddress


def test_it_is_an_address() -> None:
    """It is one of Twisted's addresses, and compared by its URI."""
    address = SharedPortAddress("net.tcp://+:8808/orders")
    assert verifyObject(IAddress, address)
    assert address == SharedPortAddress("net.tcp://+:8808/orders")
    assert address != SharedPortAddress("net.tcp://+:8808/other")
    assert len({address, SharedPortAddress("net.tcp://+:8808/orders")}) == 1
