"""
Base addresses and vias, brought to the one form in which they are compared.

Two texts mean the same address when .NET's ``Uri`` and WCF's prefix table say so: the default
port of net.tcp is 808, host and path ignore case, ``\\``, ``%5C`` and ``%2F`` are slashes, dot
segments are resolved, empty segments do not count, and an escaped character is the character
(.NET Framework sends a via escaped, Mono sends raw UTF-8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote_to_bytes

#: The port of an address that names none, by scheme. (System.Uri)
DEFAULT_PORTS = {"net.tcp": 808, "http": 80, "https": 443}

#: The only scheme that a worker may register.
NET_TCP = "net.tcp"

#: The longest address, in bytes of UTF-8: a longer one could never be asked for.
MAX_ADDRESS_SIZE = 2048


class AddressError(ValueError):
    """
    A text is not an address; the message says why, in words for the person who wrote it.
    """


class HostNameComparisonMode(Enum):
    """
    Which host names a base address answers to. The values are WCF's names; lookups try the
    members in this order.
    """

    #: Any host, before everybody else: written ``net.tcp://+/path``.
    STRONG_WILDCARD = "StrongWildcard"
    #: The host as written, without asking DNS.
    EXACT = "Exact"
    #: Any host that no other address took: written ``net.tcp://*/path``.
    WEAK_WILDCARD = "WeakWildcard"


_WILDCARD_HOSTS = {
    "+": HostNameComparisonMode.STRONG_WILDCARD,
    "*": HostNameComparisonMode.WEAK_WILDCARD,
}
_MODE_HOSTS = {mode: host for host, mode in _WILDCARD_HOSTS.items()}


#: Characters of what is remembered: thousands of longer ones are read again, and do not fill the
#: memory.
_LONGEST_KNOWN = 512


@dataclass(frozen=True, slots=True)
class Via:
    """
    Where a client wants to go, in comparable form.
    """

    scheme: str
    #: Lower case; an IPv6 literal in brackets and canonical; ``user@host`` where a user is named.
    host: str
    port: int
    #: Unescaped and case-folded, none of them empty.
    segments: tuple[str, ...]


#: What makes two registrations the same one: port, mode, host, segments.
AddressKey = tuple[int, HostNameComparisonMode, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class BaseAddress:
    """
    What a worker registers: every via below it is its own, but for what lies below a deeper one.

    ``str()`` gives the form that reads back as the same address.
    """

    #: Lower case, or ``+`` or ``*``.
    host: str
    port: int
    segments: tuple[str, ...]
    mode: HostNameComparisonMode
    #: The path as it was written (slashes tidied), for people and for the worker.
    path: str

    def __str__(self) -> str:
        port = "" if self.port == DEFAULT_PORTS[NET_TCP] else f":{self.port}"
        return f"{NET_TCP}://{self.host}{port}{self.path}"

    @property
    def key(self) -> AddressKey:
        """What makes two registrations the same one."""
        return self.port, self.mode, self.host, self.segments


_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://"
    r"(?P<authority>[^/\\?#]*)"
    r"(?P<path>[^?#]*)"
    r"(?P<rest>.*)",
    re.DOTALL,
)
_AUTHORITY = re.compile(
    r"(?:(?P<user>[^@]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[^\]]*)?\]|[^:\[\]@]+)"
    r"(?::(?P<port>[0-9]*))?"
)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_UNUSUAL = re.compile(r"[%\\]|/\.|^\.")
_STRUCTURAL_ESCAPE = re.compile(r"%(2F|5C|2E)", re.IGNORECASE)
_STRUCTURAL = {"2F": "/", "5C": "/", "2E": "."}
# .NET's invariant casing leaves these two alone, although Unicode would turn them into ASCII.
_UNCASED = {"\u0131", "\u017f"}


def parse_via(text: str) -> Via:
    """
    Read the address that a client asks for.

    :raises AddressError: it is not an absolute URI with a host
    """
    return _known_via(text) if len(text) <= _LONGEST_KNOWN else _read_via(text)


def _read_via(text: str) -> Via:
    scheme, user, host, port, path, _ = _split(text)
    return Via(scheme, f"{user}@{host}" if user else host, port, _segments(path))


_known_via = lru_cache(maxsize=4096)(_read_via)


def parse_base_address(text: str, mode: HostNameComparisonMode | None = None) -> BaseAddress:
    """
    Read the address that a worker registers.

    :param text: ``net.tcp://host[:port][/path]``; ``+`` and ``*`` as host are the wildcards
    :param mode: how hosts are compared; without it the host tells: ``+`` strong wildcard,
        ``*`` weak wildcard, anything else exact. With a wildcard mode the host is ignored.
    :raises AddressError: it is no such address
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ADDRESS_SIZE:
        raise AddressError(f"no client can ask for it: it is longer than {MAX_ADDRESS_SIZE} bytes")
    scheme, user, host, port, path, rest = _split(text)
    if scheme != NET_TCP:
        raise AddressError(f"its scheme is {scheme}, only net.tcp can be shared")
    if user is not None:
        raise AddressError("it names a user; a base address is host, port and path only")
    if rest:
        raise AddressError("it has a query or a fragment; a base address has neither")
    named = _WILDCARD_HOSTS.get(host)
    if mode is None:
        mode = named or HostNameComparisonMode.EXACT
    elif mode is HostNameComparisonMode.EXACT and named is not None:
        raise AddressError(f"its host is {host}, which cannot be compared exactly")
    host = _MODE_HOSTS.get(mode, host)
    segments = _segments(path)
    slashed = path.replace("\\", "/")
    tidy = "/" + "/".join(part for part in slashed.split("/") if part)
    if _segments(tidy) != segments:
        tidy = slashed  # the empty segment before a '..' counts: /a//../b is /a/b
    return BaseAddress(host, port, segments, mode, tidy)


def _split(text: str) -> tuple[str, str | None, str, int, str, str]:
    match = _URI.fullmatch(text)
    if match is None:
        raise AddressError("it is not an absolute URI such as net.tcp://host/path")
    scheme, authority, path, rest = match.groups()
    scheme = scheme.lower()
    authority_of = _known_authority if len(authority) <= _LONGEST_KNOWN else _authority
    return scheme, *authority_of(scheme, authority), path, rest


def _authority(scheme: str, text: str) -> tuple[str | None, str, int]:
    """User, host and port; a machine is asked for by few names."""
    match = _AUTHORITY.fullmatch(text)
    if match is None or _CONTROL.search(text):
        raise AddressError(f"{text!r} is not a host with an optional port")
    host = match["host"].lower()
    if host.startswith("["):
        host = _ipv6(host)
    digits = match["port"]
    port = int(digits.lstrip("0")[:6] or "0") if digits else DEFAULT_PORTS.get(scheme, 0)
    if digits and not 0 < port < 65536:
        raise AddressError(f"{digits} is not a port number (1 to 65535)")
    return match["user"], host, port


_known_authority = lru_cache(maxsize=4096)(_authority)


def _ipv6(host: str) -> str:
    literal = host[1:-1].split("%")[0]  # a scope id says nothing to the far end
    try:
        return f"[{IPv6Address(literal)}]"
    except AddressValueError:
        raise AddressError(f"{host} is not an IPv6 address") from None


def _segments(path: str) -> tuple[str, ...]:
    if path.isascii() and not _UNUSUAL.search(path):
        return tuple([part for part in path.lower().split("/") if part])
    if "%" in path:
        path = _STRUCTURAL_ESCAPE.sub(lambda escape: _STRUCTURAL[escape[1].upper()], path)
    segments: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        if part == "..":
            if segments:
                segments.pop()  # an empty one, too, as .NET does
        elif part != ".":
            segments.append(_fold(_unescape(part) if "%" in part else part))
    return tuple(segment for segment in segments if segment)


def _unescape(part: str) -> str:
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return part  # not UTF-8 when unescaped: then only the same escapes are the same


def _fold(part: str) -> str:
    if part.isascii():
        return part.lower()
    # Ordinal, character by character, as .NET's OrdinalIgnoreCase: 'ß' does not become 'ss', and
    # since that compares upper case, the Kelvin sign is no 'k'.
    return "".join(c.lower() if c.isascii() else _upper(c) for c in part)


def _upper(c: str) -> str:
    upper = c.upper()
    return c if c in _UNCASED or len(upper) != 1 else upper
