"""
The TOML file: its keys, and where in it they stand.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from netshare.config.errors import ConfigurationError, Problems
from netshare.config.values import QUOTA_NAMES

LISTS = ("listen", "interface", "allow-port", "alias", "allow-user", "allow-group")
TABLES: dict[str, tuple[str, ...]] = {
    "worker": (
        "name",
        "address",
        "factory",
        "command",
        "unit",
        "preamble",
        "connectionIdleTimeout",
        "processes",
        "maxProcesses",
        "surplusTimeout",
        "start",
        "idleTimeout",
        "user",
        "group",
        "groups",
        "umask",
        "directory",
        "environment",
        "passEnvironment",
        "resourceLimits",
        "noNewPrivileges",
        "startupTimeout",
        "unresponsiveTimeout",
        "drainTimeout",
        "maxFailures",
        "failureWindow",
        "recycleAge",
        "recycleConnections",
        "recycleMemory",
        "recycleFiles",
    ),
    "relay": ("address", "to", "proxy", "connectTimeout", "idleTimeout"),
    "reservation": ("address", "users", "groups"),
}
KEYS = (*LISTS, "control", "connectionLog", *QUOTA_NAMES, *TABLES)

_TABLE = re.compile(r"\s*\[\[\s*([\w-]+)\s*\]\]")
_KEY = re.compile(r"\s*\"?([\w-]+)\"?\s*=")
_SUBTABLE = re.compile(r"\s*\[\s*[\w-]+\s*\.\s*([\w-]+)\s*\]")


class Places:
    """
    Where the keys of a file stand, for people: a table's key on its line, or else the table.

    :param path: the file
    :param text: what is in it, which is TOML
    """

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        #: By table, its number, and key.
        self._lines: dict[tuple[str, int, str], int] = {}
        table, tables, quoted = "", Counter[str](), False
        for number, line in enumerate(text.splitlines(), 1):
            inside = quoted
            quoted ^= (line.count('"""') + line.count("'''")) % 2 == 1
            if inside:
                continue
            if found := _TABLE.match(line):
                table = found[1]
                self._lines[table, tables[table], ""] = number
                tables[table] += 1
            elif found := _SUBTABLE.match(line) or _KEY.match(line):
                self._lines.setdefault((table, max(tables[table] - 1, 0), found[1]), number)

    def of(self, key: str, table: str = "", number: int = 0) -> str:
        """:returns: such as ``/etc/netshare.toml:12``."""
        line = self._lines.get((table, number, key)) or self._lines.get((table, number, ""))
        return f"{self._path}:{line}" if line else self._path


class FileValues(dict[str, Any]):
    """
    What a file says, by key.

    :ivar places: where
    """

    def __init__(self, values: Mapping[str, Any], places: Places) -> None:
        super().__init__(values)
        self.places = places


def load_file(path: str | Path) -> FileValues:
    """
    Read a TOML file and check its keys.

    :raises ConfigurationError: it cannot be read, or a key is not known
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ConfigurationError(f"{path}{f':{line[1]}' if line else ''}: {error}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    places = Places(str(path), text)
    problems = Problems()
    _check_keys(values, places, problems)
    for table, keys in TABLES.items():
        rows = values.get(table, [])
        with problems.noting(lambda key: places.of(key)):
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ConfigurationError(
                    f"{table} is written [[{table}]], once for each", key=table
                )
            for number, row in enumerate(rows):
                _check_row(row, table, number, keys, places, problems)
    problems.check()
    return FileValues(values, places)


def _check_keys(values: Mapping[str, Any], places: Places, problems: Problems) -> None:
    for name in values:
        with problems.noting(lambda key: places.of(key)):
            check_known([name], KEYS)
    for name in LISTS:
        if name in values:
            with problems.noting(lambda key: places.of(key)):
                strings(values[name], name, name)


def _check_row(
    row: Mapping[str, Any],
    table: str,
    number: int,
    keys: tuple[str, ...],
    places: Places,
    problems: Problems,
) -> None:
    for name in row:
        with problems.noting(lambda key: places.of(key, table, number)):
            check_known([name], keys, f"[[{table}]]: ")
    if "address" not in row:
        with problems.noting(lambda key: places.of(key, table, number)):
            raise ConfigurationError(f"[[{table}]] needs an address")


def check_known(names: Iterable[str], keys: tuple[str, ...], where: str = "") -> None:
    """
    :raises ConfigurationError: a name is none of the keys
    """
    for name in names:
        if name not in keys:
            near = difflib.get_close_matches(name, keys, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(keys)}"
            raise ConfigurationError(f"{where}{name} is not known; {hint}", key=name)


def strings(value: object, where: str, key: str = "") -> list[str]:
    """
    :returns: a list of texts; numbers are taken for texts where a port may be meant
    :raises ConfigurationError: it is something else
    """
    if not isinstance(value, list | tuple):
        raise ConfigurationError(f"{where} is a list, such as [{_example(key)}]", key=key)
    for one in value:
        if not isinstance(one, str) and not (key == "allow-port" and type(one) is int):
            raise ConfigurationError(
                f"{where}: {one!r} is no text; write it such as [{_example(key)}]", key=key
            )
    return [str(one) for one in value]


def _example(key: str) -> str:
    return {
        "listen": "'tcp:808'",
        "interface": "'192.0.2.1'",
        "allow-port": "'9000-9999'",
        "alias": "'31808=8808'",
        "command": "'/usr/bin/program', '--option'",
        "groups": "'adm'",
        "passEnvironment": "'DB_HOST'",
        "recycleFiles": "'orders.py'",
        "to": "'tcp:127.0.0.1:9000'",
    }.get(key, "'netshare'")
