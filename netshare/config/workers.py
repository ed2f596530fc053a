"""
One worker that the service starts, as a table of the file or as an option.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from netshare.config.duration import parse_duration
from netshare.config.errors import ConfigurationError
from netshare.config.file import strings
from netshare.config.isolation import ISOLATION, UNITS, isolation_from_table
from netshare.config.rows import read_address, with_values
from netshare.endpoints.preamble import PreambleUse
from netshare.service.activation.failures import FAILURE_WINDOW, MOST_FAILURES
from netshare.service.activation.limits import (
    DRAIN_FOR,
    START_WITHIN,
    UNRESPONSIVE_FOR,
    Limits,
    OnDemand,
    RecycleAfter,
)
from netshare.service.activation.pool import SURPLUS_AFTER
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.units import INSTANCE

#: Whole numbers that an option can say, too.
_NUMBERS = ("processes", "maxProcesses", "maxFailures")

#: What is started: one of them.
_WHAT = ("factory", "command", "unit")

_UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.\\@-]*(%i[A-Za-z0-9:_.\\-]*)?\.service")

#: What a worker that is a unit has from there.
_OF_THE_UNIT = frozenset((*ISOLATION, "preamble", "connectionIdleTimeout"))

#: What takes another process beside the one that serves.
_MORE_THAN_ONE = frozenset(
    (
        *("processes", "maxProcesses"),
        *("recycleAge", "recycleConnections", "recycleMemory", "recycleFiles"),
    )
)


def worker_from_table(table: Mapping[str, Any]) -> WorkerSpec:
    """
    A table ``[[worker]]``.

    :raises ConfigurationError: it makes no sense
    """
    address = read_address(table["address"], "[[worker]]")
    where = f"[[worker]] {address}"
    if sum(key in table for key in _WHAT) != 1:
        raise ConfigurationError(f"{where}: either factory, command or unit has to be given")
    command = table.get("command")
    if isinstance(command, str):
        try:
            command = shlex.split(command)
        except ValueError as error:
            raise ConfigurationError(f"{where}: command: {error}", key="command") from None
    if command is not None and not strings(command, f"{where}: command", "command"):
        raise ConfigurationError(f"{where}: command is empty", key="command")
    return WorkerSpec(
        name=str(table.get("name", address)),
        address=address,
        target=table.get("factory"),
        command=tuple(command) if command is not None else None,
        unit=_unit(table, where),
        preamble=_preamble(table.get("preamble", "pass"), where),
        connectionIdleTimeout=_idle_limit(table, where),
        processes=_count(table, "processes", where, 1, 1),
        maxProcesses=_most(table, where),
        surplusTimeout=_time_or_none(table, "surplusTimeout", where, SURPLUS_AFTER),
        onDemand=_on_demand(table, where),
        isolation=isolation_from_table(table, where),
        limits=_limits(table, where),
        recycleAfter=_recycle_after(table, where),
        maxFailures=_count(table, "maxFailures", where, 0, MOST_FAILURES),
        failureWindow=_time(table, "failureWindow", where, FAILURE_WINDOW),
    )


def worker_from_text(text: str) -> WorkerSpec:
    """
    What stands behind ``--worker``.

    :raises ConfigurationError: it makes no sense
    """
    address, equals, what = text.partition("=")
    if not equals or not what:
        raise ConfigurationError(
            f"--worker {text}: write ADDRESS=MODULE:FACTORY, or ADDRESS=!COMMAND LINE"
        )
    if what.startswith("!"):
        return worker_from_table({"address": address, "command": what[1:]})
    times = ("connectionIdleTimeout", "surplusTimeout", "idleTimeout")
    names = ("preamble", "name", "start", *_NUMBERS, *times)
    target, values = with_values(what, names, f"--worker {text}")
    for name in _NUMBERS:
        if name in values:
            values[name] = int(values[name]) if values[name].isdigit() else values[name]
    return worker_from_table({"address": address, "factory": target, **values})


def _unit(table: Mapping[str, Any], where: str) -> str | None:
    unit = table.get("unit")
    if unit is None:
        return None
    if not isinstance(unit, str) or not _UNIT.fullmatch(unit):
        raise ConfigurationError(
            f"{where}: unit is the name of a service unit, such as 'orders@%i.service'", key="unit"
        )
    for key in table:
        if key in _OF_THE_UNIT:
            raise ConfigurationError(f"{where}: {key} is for the unit to say", key=key)
        if INSTANCE not in unit and key in _MORE_THAN_ONE:
            raise ConfigurationError(
                f"{where}: {key} takes a second process beside the first: name a template, such as "
                "'orders@%i.service'",
                key=key,
            )
    return unit


def _preamble(text: object, where: str) -> PreambleUse:
    try:
        return PreambleUse(text)
    except ValueError:
        raise ConfigurationError(
            f"{where}: preamble is 'pass' or 'consume'", key="preamble"
        ) from None


def _idle_limit(table: Mapping[str, Any], where: str) -> float | None:
    key = "connectionIdleTimeout"
    if key in table and table.get("preamble") != PreambleUse.CONSUME.value:
        raise ConfigurationError(f"{where}: {key} is for preamble = 'consume'", key=key)
    return _time_or_none(table, key, where, None)


def _on_demand(table: Mapping[str, Any], where: str) -> OnDemand | None:
    start = table.get("start", "at-once")
    if start not in ("at-once", "on-demand"):
        raise ConfigurationError(f"{where}: start is 'at-once' or 'on-demand'", key="start")
    if start == "on-demand":
        return OnDemand(_time_or_none(table, "idleTimeout", where, None))
    if "idleTimeout" in table:
        raise ConfigurationError(
            f"{where}: idleTimeout is for start = 'on-demand'", key="idleTimeout"
        )
    return None


def _limits(table: Mapping[str, Any], where: str) -> Limits:
    return Limits(
        start=_time_or_none(table, "startupTimeout", where, START_WITHIN),
        drain=_time(table, "drainTimeout", where, DRAIN_FOR),
        unresponsive=_time_or_none(table, "unresponsiveTimeout", where, UNRESPONSIVE_FOR),
    )


def _recycle_after(table: Mapping[str, Any], where: str) -> RecycleAfter:
    connections = _count(table, "recycleConnections", where, 0, 0)
    return RecycleAfter(
        age=_time_or_none(table, "recycleAge", where, None),
        connections=connections or None,
        memory=_memory(table, "recycleMemory", where),
        files=tuple(
            strings(table.get("recycleFiles", []), f"{where}: recycleFiles", "recycleFiles")
        ),
    )


def _count(table: Mapping[str, Any], key: str, where: str, least: int, otherwise: int) -> int:
    value = table.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(f"{where}: {key} is a whole number of at least {least}", key=key)
    return value


def _most(table: Mapping[str, Any], where: str) -> int | None:
    if "maxProcesses" not in table:
        return None
    return _count(table, "maxProcesses", where, _count(table, "processes", where, 1, 1), 1)


def _time_or_none(
    table: Mapping[str, Any], key: str, where: str, otherwise: float | None
) -> float | None:
    if key not in table:
        return otherwise
    try:
        seconds = parse_duration(table[key])
    except ValueError as error:
        raise ConfigurationError(f"{where}: {key}: {error}", key=key) from None
    if seconds == 0:
        raise ConfigurationError(f"{where}: {key} has to be more than 0", key=key)
    return seconds


def _time(table: Mapping[str, Any], key: str, where: str, otherwise: float) -> float:
    seconds = _time_or_none(table, key, where, otherwise)
    if seconds is None:
        raise ConfigurationError(f"{where}: {key} cannot be Infinite", key=key)
    return seconds


def _memory(table: Mapping[str, Any], key: str, where: str) -> int | None:
    if key not in table:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,14})([KMG]?)", str(table[key]))
    if match is None:
        raise ConfigurationError(
            f"{where}: {key} is a number of bytes, or of K, M or G, such as '500M'", key=key
        )
    return int(match[1]) * UNITS[match[2]]
