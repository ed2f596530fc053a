"""
The configuration: command line options and an optional TOML file, with the same names.

A scalar on the command line replaces the file's; so does a list of listeners, interfaces, ports
or accounts. Workers, relays and reservations of both add up.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from netshare.addresses import AddressError, BaseAddress, parse_base_address
from netshare.endpoints.preamble import PreambleUse
from netshare.service.activation.spec import WorkerSpec
from netshare.service.desk.accounts import DEFAULT_GROUP, Accounts, Members, Reservation
from netshare.service.front.ports import DEFAULT_ALLOWED, AllowedPorts
from netshare.service.quotas import Quotas
from netshare.service.routing.relay import CONNECT_TIMEOUT


class ConfigurationError(Exception):
    """
    The configuration does not make sense; the message says where and what to write instead.
    """


@dataclass(frozen=True, slots=True)
class RelaySpec:
    """
    An address whose connections go to an unmodified server, or to one of several.
    """

    address: BaseAddress
    #: Twisted client endpoint strings, such as ``tcp:127.0.0.1:9000``; at least one.
    to: tuple[str, ...]
    #: Tell the server the client's address by a PROXY protocol version 2 header.
    proxy: bool = False
    #: Seconds that each server may take to accept.
    connectTimeout: float = CONNECT_TIMEOUT
    #: Seconds without a byte from either side until a connection is cut; None: any time.
    idleTimeout: float | None = None


@dataclass(frozen=True, slots=True)
class ListenSpec:
    """
    Something to listen on from the start.
    """

    #: A Twisted server endpoint string, such as ``tcp:808``.
    endpoint: str
    #: Close what comes back instead of routing it: a front has chosen this service.
    closeReturned: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """
    Everything ``twistd netshare`` can be told.
    """

    #: What to listen on from the start.
    listen: tuple[ListenSpec, ...] = ()
    #: Addresses of the interfaces on which ports are opened; none of them means all.
    interface: tuple[str, ...] = ()
    #: The ports that registrations may open.
    allowPort: AllowedPorts = DEFAULT_ALLOWED
    #: The control socket; None: see :func:`netshare.control.paths.service_control_path`.
    control: Path | None = None
    #: A file for one JSON line a connection; None: connections are in Twisted's log.
    connectionLog: Path | None = None
    accounts: Accounts = field(default_factory=Accounts.default)
    workers: tuple[WorkerSpec, ...] = ()
    relays: tuple[RelaySpec, ...] = ()
    quotas: Quotas = field(default_factory=Quotas)


#: The names of the quotas, which are options and keys of the file alike.
QUOTA_NAMES = tuple(quota.name for quota in fields(Quotas))

_LISTS = ("listen", "interface", "allow-port", "allow-user", "allow-group")
_TABLES = ("worker", "relay", "reservation")
_KEYS = (*_LISTS, "control", "connectionLog", *QUOTA_NAMES, *_TABLES)
_WORKER_KEYS = (
    "name",
    "address",
    "factory",
    "command",
    "preamble",
    "processes",
    "directory",
    "environment",
    "user",
)
_RELAY_KEYS = ("address", "to", "proxy", "connectTimeout", "idleTimeout")
_RESERVATION_KEYS = ("address", "users", "groups")


def load_file(path: str | Path) -> dict[str, Any]:
    """
    Read a TOML file and check its keys.

    :raises ConfigurationError: it cannot be read, or a key is not known
    """
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    _known(values, _KEYS, str(path))
    for name in _LISTS:
        if name in values:
            _strings(values[name], f"{path}: {name}")
    for name, keys in zip(_TABLES, (_WORKER_KEYS, _RELAY_KEYS, _RESERVATION_KEYS), strict=True):
        tables = values.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise ConfigurationError(f"{path}: {name} is written [[{name}]], once for each")
        for number, table in enumerate(tables, 1):
            _known(table, keys, f"{path}: [[{name}]] number {number}")
            if "address" not in table:
                raise ConfigurationError(f"{path}: [[{name}]] number {number} needs an address")
    return values


def configure(options: Mapping[str, Any], file: Mapping[str, Any]) -> Configuration:
    """
    Make a configuration of what the command line and the file say.

    :param options: by option name; absent, None and empty lists say nothing
    :param file: what :func:`load_file` returned
    :raises ConfigurationError: a value does not make sense
    """
    given = {name: value for name, value in options.items() if value not in (None, [], ())}
    merged = {**{name: file[name] for name in file if name not in _TABLES}, **given}
    workers = [_worker_from_table(table) for table in file.get("worker", [])]
    workers += [_worker_from_text(text) for text in given.get("worker", [])]
    relays = [_relay_from_table(table) for table in file.get("relay", [])]
    relays += [_relay_from_text(text) for text in given.get("relay", [])]
    control, connections = merged.get("control"), merged.get("connectionLog")
    try:
        allowed = (
            AllowedPorts.parse([str(port) for port in merged["allow-port"]])
            if "allow-port" in merged
            else DEFAULT_ALLOWED
        )
    except ValueError as error:
        raise ConfigurationError(f"allow-port: {error}") from None
    seen = set()
    for address in [*(w.address for w in workers), *(r.address for r in relays)]:
        if address.key in seen:
            raise ConfigurationError(f"{address} is given to two workers or relays")
        seen.add(address.key)
    return Configuration(
        listen=tuple(_listener(text) for text in merged.get("listen", ())),
        interface=tuple(merged.get("interface", ())),
        allowPort=allowed,
        control=Path(control) if control else None,
        connectionLog=Path(connections) if connections else None,
        accounts=_accounts(merged, file.get("reservation", [])),
        workers=tuple(workers),
        relays=tuple(relays),
        quotas=_quotas(merged),
    )


def parse_duration(value: str | int | float) -> float | None:
    """
    Seconds: a number of them, ``hh:mm:ss`` as WCF's configuration writes it, or ``Infinite``.

    :returns: the seconds, or None for Infinite
    :raises ValueError: it is none of these, or negative
    """
    if isinstance(value, str):
        if value.lower() == "infinite":
            return None
        match = re.fullmatch(r"(?:(\d+)\.)?(\d+):([0-5]?\d):([0-5]?\d(?:\.\d+)?)", value)
        if match is not None:
            days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a time")
    try:
        seconds = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a time: write seconds, or hh:mm:ss") from None
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{value!r} is not a time: it has to be 0 or more, or Infinite")
    return seconds


def _quotas(values: Mapping[str, Any]) -> Quotas:
    parsed: dict[str, Any] = {}
    for quota in fields(Quotas):
        if quota.name not in values:
            continue
        value = values[quota.name]
        try:
            if quota.type == "int":
                least = quota.metadata.get("least", 1)
                if isinstance(value, bool | float) or int(value) < least:
                    raise ValueError(f"{value!r} is not a whole number of at least {least}")
                parsed[quota.name] = int(value)
            else:
                seconds = parse_duration(value)
                if seconds is None and quota.type != "float | None":
                    raise ValueError("Infinite is not possible here")
                parsed[quota.name] = seconds
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"{quota.name}: {error}") from None
    return Quotas(**parsed)


def _accounts(values: Mapping[str, Any], reservations: list[dict[str, Any]]) -> Accounts:
    try:
        if "allow-user" in values or "allow-group" in values:
            allowed = Members.named(values.get("allow-user", ()), values.get("allow-group", ()))
        else:
            allowed = Accounts.default().allowed
    except ValueError as error:
        raise ConfigurationError(f"allow-user, allow-group: {error}") from None
    kept = []
    for table in reservations:
        address = _address(table["address"], "[[reservation]]")
        users = _strings(table.get("users", []), f"[[reservation]] {address}: users")
        groups = _strings(table.get("groups", []), f"[[reservation]] {address}: groups")
        try:
            kept.append(Reservation(address, Members.named(users, groups)))
        except ValueError as error:
            raise ConfigurationError(f"[[reservation]] {address}: {error}") from None
    return Accounts(allowed, tuple(kept))


def _worker_from_table(table: Mapping[str, Any]) -> WorkerSpec:
    address = _address(table["address"], "[[worker]]")
    where = f"[[worker]] {address}"
    if ("factory" in table) == ("command" in table):
        raise ConfigurationError(f"{where}: either factory or command has to be given")
    command = table.get("command")
    if isinstance(command, str):
        command = shlex.split(command)
    if command is not None and not _strings(command, f"{where}: command"):
        raise ConfigurationError(f"{where}: command is empty")
    processes = table.get("processes", 1)
    if isinstance(processes, bool) or not isinstance(processes, int) or processes < 1:
        raise ConfigurationError(f"{where}: processes is a whole number of at least 1")
    user = table.get("user")
    if user is not None and os.geteuid() != 0:
        raise ConfigurationError(f"{where}: only root can start workers as another user")
    environment = table.get("environment", {})
    if not isinstance(environment, dict):
        raise ConfigurationError(f"{where}: environment is a table of names and texts")
    return WorkerSpec(
        name=str(table.get("name", address)),
        address=address,
        target=table.get("factory"),
        command=tuple(command) if command is not None else None,
        preamble=_preamble(table.get("preamble", "pass"), where),
        processes=processes,
        directory=table.get("directory"),
        environment={str(name): str(value) for name, value in environment.items()},
        user=user,
    )


def _worker_from_text(text: str) -> WorkerSpec:
    address, equals, what = text.partition("=")
    if not equals or not what:
        raise ConfigurationError(
            f"--worker {text}: write ADDRESS=MODULE:FACTORY, or ADDRESS=!COMMAND LINE"
        )
    if what.startswith("!"):
        return _worker_from_table({"address": address, "command": what[1:]})
    target, values = _with_values(what, ("preamble", "processes", "name"), f"--worker {text}")
    if "processes" in values:
        values["processes"] = int(values["processes"]) if values["processes"].isdigit() else 0
    return _worker_from_table({"address": address, "factory": target, **values})


def _listener(text: str) -> ListenSpec:
    endpoint, comma, option = text.rpartition(",")
    if not comma or "=" not in option or option.partition("=")[0] != "returned":
        return ListenSpec(text)
    if option != "returned=close":
        raise ConfigurationError(f"--listen {text}: returned is 'close', or is left out")
    return ListenSpec(endpoint, True)


def _relay_from_table(table: Mapping[str, Any]) -> RelaySpec:
    address = _address(table["address"], "[[relay]]")
    where = f"[[relay]] {address}"
    to = table.get("to", ())
    if isinstance(to, str):
        to = to.split("|")
    to = [text.strip() for text in _strings(to, f"{where}: to")]
    if not all(to) or not to:
        raise ConfigurationError(f"{where}: to is missing, such as to = 'tcp:127.0.0.1:9000'")
    proxy = table.get("proxy", "no")
    if proxy not in ("no", "v2"):
        raise ConfigurationError(f"{where}: proxy is 'no' or 'v2'")
    times = {}
    for name, default in (("connectTimeout", CONNECT_TIMEOUT), ("idleTimeout", "Infinite")):
        try:
            times[name] = parse_duration(table.get(name, default))
        except ValueError as error:
            raise ConfigurationError(f"{where}: {name}: {error}") from None
        if times[name] == 0:
            raise ConfigurationError(f"{where}: {name} has to be more than 0")
    connect = times["connectTimeout"]
    if connect is None:
        raise ConfigurationError(f"{where}: connectTimeout cannot be Infinite")
    return RelaySpec(address, tuple(to), proxy == "v2", connect, times["idleTimeout"])


def _relay_from_text(text: str) -> RelaySpec:
    address, equals, what = text.partition("=")
    if not equals or not what:
        raise ConfigurationError(f"--relay {text}: write ADDRESS=tcp:HOST:PORT[|tcp:HOST:PORT]")
    to, values = _with_values(what, ("proxy", "connectTimeout", "idleTimeout"), f"--relay {text}")
    return _relay_from_table({"address": address, "to": to, **values})


def _with_values(text: str, keys: tuple[str, ...], where: str) -> tuple[str, dict[str, Any]]:
    first, *others = text.split(",")
    values = {}
    for other in others:
        key, equals, value = other.partition("=")
        if not equals:
            raise ConfigurationError(f"{where}: {other!r} is not of the form name=value")
        values[key] = value
    _known(values, keys, where)
    return first, values


def _preamble(text: object, where: str) -> PreambleUse:
    try:
        return PreambleUse(text)
    except ValueError:
        raise ConfigurationError(f"{where}: preamble is 'pass' or 'consume'") from None


def _address(text: object, where: str) -> BaseAddress:
    try:
        return parse_base_address(str(text))
    except AddressError as error:
        raise ConfigurationError(f"{where} {text}: {error}") from None


def _strings(value: object, where: str) -> list[str]:
    if not isinstance(value, list | tuple):
        raise ConfigurationError(f"{where} is a list, such as ['{DEFAULT_GROUP}']")
    return [str(one) for one in value]


def _known(values: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for name in values:
        if name not in keys:
            near = difflib.get_close_matches(name, keys, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(keys)}"
            raise ConfigurationError(f"{where}: {name} is not known; {hint}")
