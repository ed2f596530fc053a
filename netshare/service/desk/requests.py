"""
What a worker asks for when it registers: each argument read and checked, or refused with a
sentence that says what to write instead.
"""

from __future__ import annotations

import uuid

from netshare.addresses import (
    MAX_ADDRESS_SIZE,
    NET_TCP,
    AddressError,
    BaseAddress,
    HostNameComparisonMode,
    parse_base_address,
)
from netshare.control.commands import (
    PROTOCOL_VERSION,
    InvalidArgument,
    PathTooLong,
    ProtocolUnsupported,
    VersionUnsupported,
)
from netshare.control.lanes import LaneForm

#: How many segments the path of an address may have: each costs the tree a node, whose memory is a
#: hundred times that of the text.
MAX_SEGMENTS = 64

#: How many characters the name of a generation may have.
LONGEST_GENERATION = 64

#: Below this address are those that a worker leaves to the service.
_TEMPORARY = f"{NET_TCP}://+/Temporary_Listen_Addresses"


def check_version(version: int) -> None:
    """
    :raises VersionUnsupported: the worker speaks another version than this service
    """
    if version != PROTOCOL_VERSION:
        raise VersionUnsupported(
            f"this service speaks version {PROTOCOL_VERSION}, the worker {version}"
        )


def requested_limit(wanted: int | None, most: int) -> int:
    """
    How many connections may be under way to a worker.

    :param wanted: what the worker says; None leaves it to the service
    :param most: what the service allows
    :raises InvalidArgument: it wants none at all
    """
    if wanted is None:
        return most
    if wanted < 1:
        raise InvalidArgument(f"maxOutstanding is {wanted}; it has to be at least 1")
    return min(wanted, most)


def requested_lane(form: str | None) -> LaneForm | None:
    """
    :returns: the form of the fast lane that the worker asks for, or None: it wants no fast lane
    :raises InvalidArgument: there is no such form
    """
    if form is None:
        return None
    try:
        return LaneForm(form)
    except ValueError:
        names = " or ".join(known.value for known in LaneForm)
        raise InvalidArgument(f"lane is {form!r}; it can be {names}") from None


def requested_generation(text: str | None) -> str:
    """
    What the worker calls itself, for people to see.

    :raises InvalidArgument: it is longer than a line of a table
    """
    if text is not None and len(text) > LONGEST_GENERATION:
        raise InvalidArgument(
            f"generation has {len(text)} characters; {LONGEST_GENERATION} are possible"
        )
    return text or ""


def requested_address(text: str | None, mode_name: str | None, unique: bool) -> BaseAddress:
    """
    The address that a worker asks for.

    :param text: as the worker wrote it; None only when it is to be unique
    :param mode_name: WCF's name of a host name comparison mode; None: the host of the address tells
    :param unique: make up an address below the given one
    :raises PathTooLong: no client could ask for it
    :raises ProtocolUnsupported: it is not net.tcp
    :raises InvalidArgument: it is no base address
    """
    mode = _mode(mode_name)
    if unique:
        # The original keeps made-up addresses apart by mode, so that + and * of different
        # programs never shadow each other; a fresh name does the same.
        text = f"{(text or _TEMPORARY).rstrip('/')}/{uuid.uuid4()}"
    elif text is None:
        raise InvalidArgument("an address is needed unless it is to be unique")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ADDRESS_SIZE:
        raise PathTooLong(f"the address has more than {MAX_ADDRESS_SIZE} bytes")
    if not text.lower().startswith(f"{NET_TCP}:"):
        raise ProtocolUnsupported(f"{text}: only net.tcp can be shared")
    try:
        address = parse_base_address(text, mode)
    except AddressError as error:
        raise InvalidArgument(f"{text}: {error}") from None
    if len(address.segments) > MAX_SEGMENTS:
        raise PathTooLong(
            f"the path has {len(address.segments)} segments; {MAX_SEGMENTS} are possible"
        )
    return address


def _mode(name: str | None) -> HostNameComparisonMode | None:
    if not name:
        return None
    try:
        return HostNameComparisonMode(name)
    except ValueError:
        names = ", ".join(mode.value for mode in HostNameComparisonMode)
        raise InvalidArgument(f"{name!r} is none of {names}") from None
