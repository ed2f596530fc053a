"""
The address that ``probe`` and ``call`` ask for, and where they connect.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from netshare.addresses import NET_TCP, AddressError, parse_via
from netshare.framing.records import MAX_VIA_SIZE


@dataclass(frozen=True, slots=True)
class Target:
    """
    What to ask for, and where to connect.
    """

    #: The address as it travels: escaped, as ``Uri.AbsoluteUri`` is.
    via: str
    host: str
    port: int

    @classmethod
    def of(cls, uri: str, host: str | None = None, port: int | None = None) -> Target:
        """
        :param host: where to connect instead of the address's own host; ``port`` likewise
        :raises AddressError: no client can ask for it; the message says why
        """
        try:
            uri.encode("utf-8")
        except UnicodeEncodeError:
            raise AddressError("it is not UTF-8") from None
        via = parse_via(uri)
        if via.scheme != NET_TCP:
            raise AddressError(f"its scheme is {via.scheme}; only net.tcp is spoken here")
        named = via.host.rpartition("@")[2]
        if named in ("+", "*"):
            raise AddressError(
                f"{named} stands for any host where an address is registered, but a client has to "
                f"name one: net.tcp://localhost:{via.port}/…, for example"
            )
        scheme, authority, rest = uri.partition("://")
        end = min((at for at in map(rest.find, "/\\?#") if at >= 0), default=len(rest))
        path = quote(rest[end:].partition("#")[0] or "/", safe="/\\?%:@!$&'()*+,;=~-._")
        text = f"{scheme}{authority}{rest[:end]}{path}"
        size = len(text.encode("utf-8"))
        if size > MAX_VIA_SIZE:
            raise AddressError(f"it has {size} bytes; no service reads more than {MAX_VIA_SIZE}")
        return cls(text, (host or named).strip("[]"), port or via.port)
