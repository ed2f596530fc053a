"""
The configuration: command line options and an optional TOML file, with the same names.

A scalar on the command line replaces the file's; so does a list of listeners, interfaces, ports
or accounts. Workers, relays and reservations of both add up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from netshare.config.duration import parse_duration
from netshare.config.endpoints import is_inherited, listening_port
from netshare.config.errors import ConfigurationError, Problems
from netshare.config.file import TABLES, FileValues, strings
from netshare.config.rows import read_address, with_values
from netshare.config.values import Configuration, ListenSpec, RelaySpec
from netshare.config.workers import worker_from_table, worker_from_text
from netshare.service.activation.spec import WorkerSpec
from netshare.service.desk.accounts import Accounts, Members, Reservation
from netshare.service.front.ports import DEFAULT_ALLOWED, AllowedPorts
from netshare.service.quotas import Quotas
from netshare.service.routing.relay import CONNECT_TIMEOUT

T = TypeVar("T")
_Spec = TypeVar("_Spec", WorkerSpec, RelaySpec)

#: Says where a key of a table, or of the whole file, stands.
_Place = Callable[[str], str]


def configure(options: Mapping[str, Any], file: Mapping[str, Any]) -> Configuration:
    """
    Make a configuration of what the command line and the file say.

    :param options: by option name; absent, None and empty lists say nothing
    :param file: what :func:`~netshare.config.load_file` returned
    :raises ConfigurationError: values do not make sense; it has a sentence for each
    """
    return _Reading(options, file).configuration()


class _Reading:
    """One go through everything that is said, noting what is wrong."""

    def __init__(self, options: Mapping[str, Any], file: Mapping[str, Any]) -> None:
        self.given = {name: one for name, one in options.items() if one not in (None, [], ())}
        self.file = file
        self.problems = Problems()
        self.origins: dict[str, str] = {}
        scalars = {name: file[name] for name in file if name not in TABLES}
        self.merged = {**scalars, **self.given}

    def configuration(self) -> Configuration:
        """:raises ConfigurationError: values do not make sense"""
        listen = self._listeners()
        allowed = self._value("allow-port", _allowed_ports, DEFAULT_ALLOWED)
        no_alias: dict[int, int] = {}
        alias = self._value("alias", _aliases, no_alias)
        workers = list(self._specs("worker", worker_from_table, worker_from_text))
        relays = list(self._specs("relay", _relay_from_table, _relay_from_text))
        self._check_addresses([*workers, *relays], listen, allowed)
        accounts = self._accounts()
        quotas = self._quotas()
        paths = {name: self._value(name, _path, None) for name in ("control", "connectionLog")}
        interface = self._list("interface")
        self.problems.check()
        return Configuration(
            listen=listen,
            interface=interface,
            allowPort=allowed,
            alias=alias,
            accounts=accounts,
            workers=tuple(workers),
            relays=tuple(relays),
            quotas=quotas,
            origins=self.origins,
            **paths,
        )

    def _place(self, key: str) -> str:
        """Where a scalar or a list stands; options name themselves."""
        if key in self.given or not isinstance(self.file, FileValues):
            return ""
        return self.file.places.of(key)

    def _value(self, name: str, read: Callable[[Any], T], otherwise: T) -> T:
        if name not in self.merged:
            return otherwise
        shown = f"--{name}" if name in self.given else name
        self.origins[name] = self._place(name)
        value = otherwise
        with self.problems.noting(lambda key: self._place(name)):
            try:
                value = read(self.merged[name])
            except ValueError as error:
                raise ConfigurationError(f"{shown}: {error}") from None
        return value

    def _list(self, name: str) -> tuple[str, ...]:
        nothing: list[str] = []
        texts = tuple(self._value(name, lambda value: strings(value, name, name), nothing))
        for text in texts:
            self.origins[f"{name} {text}"] = self._place(name)
        return texts

    def _listeners(self) -> tuple[ListenSpec, ...]:
        specs = []
        for text in self._list("listen"):
            with self.problems.noting(lambda key: self._place("listen")):
                spec = _listener(text)
                self.origins[f"listen {spec.endpoint}"] = self._place("listen")
                specs.append(spec)
        return tuple(specs)

    def _specs(
        self,
        table: str,
        from_table: Callable[[Mapping[str, Any]], _Spec],
        from_text: Callable[[str], _Spec],
    ) -> Iterator[_Spec]:
        for number, row in enumerate(self.file.get(table, [])):
            place = self._table_place(table, number)
            with self.problems.noting(place):
                spec = from_table(row)
                self.origins[f"{table} {spec.address}"] = place("")
                yield spec
        for text in self.given.get(table, []):
            with self.problems.noting(lambda key: ""):
                spec = from_text(text)
                self.origins[f"{table} {spec.address}"] = f"--{table}"
                yield spec

    def _table_place(self, table: str, number: int) -> _Place:
        if not isinstance(self.file, FileValues):
            return lambda key: ""
        places = self.file.places
        return lambda key: places.of(key, table, number)

    def _check_addresses(
        self,
        specs: list[WorkerSpec | RelaySpec],
        listen: tuple[ListenSpec, ...],
        allowed: AllowedPorts,
    ) -> None:
        named = {listening_port(one.endpoint) for one in listen}
        inherited = any(
            is_inherited(one.endpoint) for one in listen
        )  # nothing says which ports those have
        seen = set()
        for spec in specs:
            kind = "worker" if isinstance(spec, WorkerSpec) else "relay"
            where = self.origins[f"{kind} {spec.address}"]
            with self.problems.noting(lambda key: where):  # noqa: B023
                if spec.address.key in seen:
                    raise ConfigurationError(f"{spec.address} is given to two workers or relays")
                seen.add(spec.address.key)
                number = spec.address.port
                if number not in allowed and number not in named and not inherited:
                    raise ConfigurationError(
                        f"{spec.address}: port {number} is not in allow-port ({allowed}), and no "
                        "listen opens it"
                    )

    def _quotas(self) -> Quotas:
        parsed: dict[str, Any] = {}
        for quota in fields(Quotas):
            if quota.name in self.merged:
                read = _whole if quota.type == "int" else _seconds
                least = quota.metadata.get("least", 1 if quota.type == "int" else None)
                finite = quota.type != "float | None"
                parsed[quota.name] = self._value(
                    quota.name, partial(read, least=least, finite=finite), None
                )
        return Quotas() if self.problems.found else Quotas(**parsed)

    def _accounts(self) -> Accounts:
        nothing: Members | None = None
        users = self._value(
            "allow-user", lambda names: Members.named(strings(names, "allow-user"), ()), nothing
        )
        groups = self._value(
            "allow-group", lambda names: Members.named((), strings(names, "allow-group")), nothing
        )
        allowed = Accounts.default().allowed
        if users is not None or groups is not None:
            allowed = Members(
                users.users if users else frozenset(), groups.groups if groups else frozenset()
            )
        kept = []
        for number, row in enumerate(self.file.get("reservation", [])):
            with self.problems.noting(self._table_place("reservation", number)):
                kept.append(_reservation(row))
        return Accounts(allowed, tuple(kept))


def _allowed_ports(texts: object) -> AllowedPorts:
    return AllowedPorts.parse(strings(texts, "allow-port", "allow-port"))


def _aliases(texts: object) -> dict[int, int]:
    aliases: dict[int, int] = {}
    for text in strings(texts, "alias", "alias"):
        ports = [int(port) for port in text.split("=") if port.isascii() and port.isdigit()]
        if len(ports) != 2 or text.count("=") != 1 or not all(0 < port < 65536 for port in ports):
            raise ValueError(f"{text!r} is not PUBLIC=REGISTERED, such as 31808=8808")
        if ports[0] in aliases:
            raise ValueError(f"port {ports[0]} has two aliases")
        aliases[ports[0]] = ports[1]
    return aliases


def _path(value: object) -> Path | None:
    if not isinstance(value, str | os.PathLike):
        raise ConfigurationError(f"{value!r} is no path; write it in quotation marks")
    return Path(value) if value else None


def _whole(value: Any, least: int, finite: bool) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int) or int(value) < least:
        raise ValueError(f"{value!r} is not a whole number of at least {least}")
    return int(value)


def _seconds(value: Any, least: None, finite: bool) -> float | None:
    seconds = parse_duration(value)
    if seconds is None and finite:
        raise ValueError("Infinite is not possible here")
    return seconds


def _reservation(row: Mapping[str, Any]) -> Reservation:
    address = read_address(row["address"], "[[reservation]]")
    where = f"[[reservation]] {address}"
    users = strings(row.get("users", []), f"{where}: users", "users")
    groups = strings(row.get("groups", []), f"{where}: groups", "groups")
    try:
        return Reservation(address, Members.named(users, groups))
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _listener(text: str) -> ListenSpec:
    endpoint, comma, option = text.rpartition(",")
    if not comma or "=" not in option or option.partition("=")[0] != "returned":
        return ListenSpec(text)
    if option != "returned=close":
        raise ConfigurationError(f"listen {text}: returned is 'close', or is left out")
    return ListenSpec(endpoint, True)


def _relay_from_table(table: Mapping[str, Any]) -> RelaySpec:
    address = read_address(table["address"], "[[relay]]")
    where = f"[[relay]] {address}"
    to = table.get("to", ())
    if isinstance(to, str):
        to = to.split("|")
    to = [text.strip() for text in strings(to, f"{where}: to", "to")]
    if not all(to) or not to:
        raise ConfigurationError(
            f"{where}: to is missing, such as to = 'tcp:127.0.0.1:9000'", key="to"
        )
    proxy = table.get("proxy", "no")
    if proxy not in ("no", "v2"):
        raise ConfigurationError(f"{where}: proxy is 'no' or 'v2'", key="proxy")
    times = {}
    for name, default in (("connectTimeout", CONNECT_TIMEOUT), ("idleTimeout", "Infinite")):
        try:
            times[name] = parse_duration(table.get(name, default))
        except ValueError as error:
            raise ConfigurationError(f"{where}: {name}: {error}", key=name) from None
        if times[name] == 0:
            raise ConfigurationError(f"{where}: {name} has to be more than 0", key=name)
    connect = times["connectTimeout"]
    if connect is None:
        raise ConfigurationError(
            f"{where}: connectTimeout cannot be Infinite", key="connectTimeout"
        )
    return RelaySpec(address, tuple(to), proxy == "v2", connect, times["idleTimeout"])


def _relay_from_text(text: str) -> RelaySpec:
    address, equals, what = text.partition("=")
    if not equals or not what:
        raise ConfigurationError(f"--relay {text}: write ADDRESS=tcp:HOST:PORT[|tcp:HOST:PORT]")
    to, values = with_values(what, ("proxy", "connectTimeout", "idleTimeout"), f"--relay {text}")
    return _relay_from_table({"address": address, "to": to, **values})
