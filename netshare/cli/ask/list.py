"""
``netshare list``: every registration.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from netshare.addresses import AddressError, HostNameComparisonMode, parse_base_address
from netshare.cli.ask.client import ServiceClient, add_service_options
from netshare.cli.exits import Exit
from netshare.cli.terminal import Column, age, clean, plural, room, shorten, table
from netshare.reactors import IReactor

Row = dict[str, Any]

_MODES = list(HostNameComparisonMode)
_MODE_WORDS = {
    HostNameComparisonMode.STRONG_WILDCARD.value: "strong",
    HostNameComparisonMode.EXACT.value: "exact",
    HostNameComparisonMode.WEAK_WILDCARD.value: "weak",
}
_KINDS = {"local": "the service itself", "fault": "refused by the service"}

# A command line in less than this says nothing; it then gets a line of its own.
_COMMAND_ROOM = 30
_INDENT = "    "


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of ``netshare list``."""
    add_service_options(parser)
    parser.add_argument(
        "--wide", action="store_true", help="shorten nothing to the width of the terminal"
    )
    parser.epilog = """\
Rows stand in the order in which the service compares them: by port, strong
wildcards (+) before exact hosts before weak wildcards (*), then by path.

GIVEN counts connections handed to that process, BUSY those under way to it now,
WAITING those that wait for any process of the address; the last two columns appear
only when there are some. A PID in parentheses is the process's own, in a container
or another PID namespace. STATE is ready, busy (has as many connections under way
as allowed), stuck (has not answered for one in time), draining (is given none any
more, and has so many seconds for those it has), expected (no process is up, but one
is about to come) or down (no process is up). Where the service starts the workers and
none is up, it is how they are: idle (the next connection starts them), starting,
restarting, stopped or out-of-service, which "netshare start" ends.
"""


async def run(reactor: IReactor, options: argparse.Namespace) -> int:
    """
    Show the list.
    """
    service = await ServiceClient.connect(reactor, options.control, options.service_user)
    try:
        rows = [row async for page in service.pages() for row in page]
    finally:
        service.close()
    rows.sort(key=_order)
    if options.json:
        print(as_json(rows))
    elif rows:
        limit = None if options.wide else room()
        print("\n".join(lines(rows, reactor.seconds(), limit)))
        if room() is not None:
            print(f"\n{summary(rows)} at {service.path}.")
    else:
        print(
            f"No address is registered with the service at {service.path}.\n"
            "A worker registers one by listening; with Twisted, on the endpoint\n"
            r"    netshare:net.tcp\://+\:808/example"
        )
    return Exit.OK


def as_json(rows: Sequence[Row]) -> str:
    """One array, a registration on each line."""
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]" if rows else "[]"


def summary(rows: Sequence[Row]) -> str:
    """How many of what."""
    addresses = plural(
        len({(row.get("address"), row.get("hostNameComparisonMode")) for row in rows}),
        "address",
        "addresses",
    )
    processes = len({(row["pid"], row.get("claimedPid")) for row in rows if "pid" in row})
    return f"{addresses}, {plural(processes, 'worker process', 'worker processes')}"


def lines(rows: Sequence[Row], now: float, limit: int | None) -> list[str]:
    """
    The table, in one line for each registration if the command lines find room there, else
    in two.

    :param now: seconds since the epoch
    :param limit: the terminal's width; None: as wide as it gets
    """
    columns = [
        Column("ADDRESS", least=24, middle=True),
        Column("HOST"),
        Column("STATE"),
        Column("PID", right=True),
        Column("USER", least=6),
        Column("AGE", right=True),
        Column("GIVEN", right=True),
    ]
    cells = [
        [
            clean(row.get("address", "?")),
            _MODE_WORDS.get(str(row.get("hostNameComparisonMode")), "?"),
            state(row),
            pid(row),
            clean(row.get("user", "-")),
            age(row.get("since"), now),
            _number(row.get("given")),
        ]
        for row in rows
    ]
    for title, key in (("BUSY", "outstanding"), ("WAITING", "waiting")):
        if any(row.get(key) for row in rows):
            columns.append(Column(title, right=True))
            for cell, row in zip(cells, rows, strict=True):
                cell.append(_number(row.get(key)))
    commands = [served_by(row) for row in rows]
    if limit is not None:
        longest = max(len("COMMAND"), *map(len, commands))
        width = max(map(len, table(columns, cells)))
        if width + 2 + min(longest, _COMMAND_ROOM) > limit:
            first, *others = table(columns, cells, limit)
            doubled = [
                (line, _INDENT + shorten(command, limit - len(_INDENT)))
                for line, command in zip(others, commands, strict=True)
            ]
            return [first, *(line for pair in doubled for line in pair)]
    columns.append(Column("COMMAND", least=_COMMAND_ROOM))
    for cell, command in zip(cells, commands, strict=True):
        cell.append(command)
    return table(columns, cells, limit)


def state(row: Row) -> str:
    """
    A row's state; of one that is draining with how long it may still take.
    """
    word, seconds = clean(row.get("state", "?")), row.get("secondsLeft")
    if "pid" not in row and row.get("worker"):
        return clean(row["worker"])
    return f"{word} {seconds} s" if isinstance(seconds, int) else word


def pid(row: Row) -> str:
    """
    The number of a row's process. A process of another PID namespace, such as a container's, has
    one of its own there; the service's namespace may have none for it, which is 0.
    """
    number, claimed = row.get("pid", "-"), row.get("claimedPid")
    if claimed is None:
        return clean(number)
    return clean(f"({claimed})" if number == 0 else f"{number} ({claimed})")


def served_by(row: Row) -> str:
    """
    Who is behind a row: the worker's command line, or what it is instead of a worker.
    """
    kind = str(row.get("kind"))
    if kind == "worker":
        if "pid" not in row:
            trouble = row.get("trouble") or "none is up"
            return clean(f"(a worker that the service starts; {trouble})")
        command = row.get("commandLine") or "(its command line is hidden, or it is gone)"
        return clean(f"{command}  ({row['trouble']})" if row.get("trouble") else command)
    if row.get("to"):
        return clean(f"({kind} to {row['to']})")
    return clean(f"({_KINDS.get(kind, kind)})")


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"


def _order(row: Row) -> tuple[Any, ...]:
    text = str(row.get("address"))
    try:
        mode = HostNameComparisonMode(row.get("hostNameComparisonMode"))
        address = parse_base_address(text, mode)
    except (AddressError, ValueError):
        return (65536, 0, text, (), 0)  # of another version than this command
    return (
        address.port,
        _MODES.index(mode),
        address.host,
        address.segments,
        row.get("pid", 0),
    )
