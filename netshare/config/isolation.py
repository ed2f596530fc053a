"""
As whom, where and with what a worker runs, as keys of its table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from netshare.config.errors import ConfigurationError
from netshare.config.file import strings
from netshare.service.activation.isolation import LIMIT_NAMES, Isolation, ResourceLimit

#: Sizes may end with one of these.
UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}

#: The keys.
ISOLATION = (
    *("user", "group", "groups", "umask", "directory"),
    *("environment", "passEnvironment", "resourceLimits", "noNewPrivileges"),
)

_INFINITE = -1
_SIZE = re.compile(r"([0-9]{1,15})([KMG]?)")
_UMASK = re.compile(r"0?[0-7]{3}")
#: What a service manager says to the service, of descriptors that a worker does not have.
_MANAGERS = re.compile(r"NOTIFY_SOCKET|FDSTORE|(LISTEN|WATCHDOG)_.*")


def isolation_from_table(table: Mapping[str, Any], where: str) -> Isolation:
    """
    :param where: what the table is, for people
    :raises ConfigurationError: it makes no sense
    """
    for key in ("user", "group", "groups"):
        if key in table and os.geteuid() != 0:
            raise ConfigurationError(
                f"{where}: only root can start workers as another {key.rstrip('s')}", key=key
            )
    groups = table.get("groups")
    return Isolation(
        user=_text(table, "user", where),
        group=_text(table, "group", where),
        groups=None if groups is None else tuple(strings(groups, f"{where}: groups", "groups")),
        umask=_umask(table, where),
        directory=_text(table, "directory", where),
        environment=_environment(table, where),
        passEnvironment=_passed(table, where),
        resourceLimits=_resource_limits(table, where),
        noNewPrivileges=_switch(table, "noNewPrivileges", where),
    )


def _text(table: Mapping[str, Any], key: str, where: str) -> str | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value or "\0" in value):
        raise ConfigurationError(f"{where}: {key} is a text, in quotation marks", key=key)
    return value


def _switch(table: Mapping[str, Any], key: str, where: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"{where}: {key} is true or false", key=key)
    return value


def _umask(table: Mapping[str, Any], where: str) -> int | None:
    value = table.get("umask")
    if value is None:
        return None
    if not isinstance(value, str) or not _UMASK.fullmatch(value):
        raise ConfigurationError(
            f"{where}: umask is a text of octal digits, such as '0027'", key="umask"
        )
    return int(value, 8)


def _environment(table: Mapping[str, Any], where: str) -> dict[str, str]:
    environment = table.get("environment", {})
    if not isinstance(environment, dict):
        raise ConfigurationError(
            f"{where}: environment is a table of names and texts", key="environment"
        )
    for name, value in environment.items():
        if not name or "=" in name or "\0" in f"{name}{value}":
            raise ConfigurationError(
                f"{where}: environment: {name!r} cannot be set", key="environment"
            )
    return {str(name): str(value) for name, value in environment.items()}


def _passed(table: Mapping[str, Any], where: str) -> tuple[str, ...]:
    key = "passEnvironment"
    names = strings(table.get(key, []), f"{where}: {key}", key)
    for name in names:
        if _MANAGERS.fullmatch(name):
            raise ConfigurationError(
                f"{where}: {key}: {name} is said to the service, and is not true of a worker",
                key=key,
            )
    return tuple(names)


def _resource_limits(table: Mapping[str, Any], where: str) -> dict[str, ResourceLimit]:
    key = "resourceLimits"
    values = table.get(key, {})
    if not isinstance(values, dict):
        raise ConfigurationError(f"{where}: {key} is a table, such as {{ NOFILE = 4096 }}", key=key)
    limits = {}
    for name, value in values.items():
        if name not in LIMIT_NAMES:
            raise ConfigurationError(
                f"{where}: {key}: {name} is none of {', '.join(LIMIT_NAMES)}", key=key
            )
        soft, colon, hard = str(value).partition(":")
        try:
            limits[name] = ResourceLimit(_amount(soft), _amount(hard if colon else soft))
        except ValueError as error:
            raise ConfigurationError(f"{where}: {key}: {name}: {error}", key=key) from None
        if _more(limits[name].soft, limits[name].hard):
            raise ConfigurationError(
                f"{where}: {key}: {name}: the first limit, {soft}, is above the second, {hard}",
                key=key,
            )
    return limits


def _amount(text: str) -> int:
    """:raises ValueError: it is none"""
    if text == "Infinite":
        return _INFINITE
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no number, of K, M or G perhaps, such as '2G', nor 'Infinite'"
        )
    return int(match[1]) * UNITS[match[2]]


def _more(one: int, other: int) -> bool:
    return other != _INFINITE and (one == _INFINITE or one > other)
