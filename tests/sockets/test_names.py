"""netshare.sockets.names: addresses as text, there and back."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from netshare.sockets.names import address_from_text, address_text, socket_address_text

ADDRESSES = [
    (IPv4Address("TCP", "192.0.2.1", 5000), "192.0.2.1:5000"),
    (IPv6Address("TCP", "2001:db8::1", 5000), "[2001:db8::1]:5000"),
]


@pytest.mark.parametrize(("address", "text"), ADDRESSES)
def test_addresses_as_text(address: Any, text: str) -> None:
    """An address becomes text, and the text the address."""
    assert address_text(address) == text
    assert address_from_text(text) == address
    assert socket_address_text((address.host, address.port)) == text


def test_mapped_addresses() -> None:
    """An IPv4 client of an IPv6 listener is shown with its IPv4 address."""
    assert address_text(IPv6Address("TCP", "::ffff:192.0.2.1", 9)) == "192.0.2.1:9"
    assert socket_address_text(("::ffff:192.0.2.1", 9, 0, 0)) == "192.0.2.1:9"


def test_other_addresses() -> None:
    """Anything else is shown somehow, and never fails."""
    assert "path" in address_text(UNIXAddress(b"path"))
    assert address_text(None) == "None"


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", ":x", "[::1]", "1.2.3.4:\u00b2"])
def test_texts_that_are_no_addresses(text: str) -> None:
    """A text without host and port is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011
        address_from_text(text)
