"""
What tables of workers and of relays have in common.
"""

from __future__ import annotations

from typing import Any

from netshare.addresses import AddressError, BaseAddress, parse_base_address
from netshare.config.errors import ConfigurationError
from netshare.config.file import check_known


def with_values(text: str, keys: tuple[str, ...], where: str) -> tuple[str, dict[str, Any]]:
    """
    A text and the values behind it: ``text,name=value,name=value``.

    :param keys: the names that are possible
    :param where: what it stands in, for people
    :raises ConfigurationError: it is not of that form
    """
    first, *others = text.split(",")
    values = {}
    for other in others:
        key, equals, value = other.partition("=")
        if not equals:
            raise ConfigurationError(f"{where}: {other!r} is not of the form name=value")
        values[key] = value
    check_known(values, keys, f"{where}: ")
    return first, values


def read_address(text: object, where: str) -> BaseAddress:
    """
    :param where: what it stands in, for people
    :raises ConfigurationError: it is no address
    """
    try:
        return parse_base_address(str(text))
    except AddressError as error:
        raise ConfigurationError(f"{where} {text}: {error}", key="address") from None
