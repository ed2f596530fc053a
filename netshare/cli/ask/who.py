"""
``netshare who URI``: where a client that asks for an address would come out.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from netshare.addresses import MAX_ADDRESS_SIZE
from netshare.cli.ask.client import ServiceClient, add_service_options
from netshare.cli.ask.list import pid, served_by
from netshare.cli.exits import CommandFailed, Exit
from netshare.cli.terminal import age, clean, plural, room, wrap
from netshare.framing.faults import Fault
from netshare.reactors import IReactor

_HANGING = 12


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of ``netshare who``."""
    add_service_options(parser)
    parser.add_argument(
        "uri", metavar="URI", help="the address a client asks for, such as net.tcp://host:808/path"
    )
    parser.epilog = """\
The exit code is 0 if a process would get the client, 1 if it would be refused.
"""


async def run(reactor: IReactor, options: argparse.Namespace) -> int:
    """
    Ask, and say it.
    """
    problem = unaskable(options.uri)
    if problem is not None:
        raise CommandFailed(Exit.USAGE, problem)
    service = await ServiceClient.connect(reactor, options.control, options.service_user)
    try:
        answer = await service.who(options.uri)
    finally:
        service.close()
    if options.json:
        print(json.dumps({**answer, "fault": refusal(answer)}, indent=2))
    else:
        print("\n".join(lines(answer, reactor.seconds(), room())))
    return Exit.OK if refusal(answer) is None else Exit.NO_ENDPOINT


def unaskable(uri: str) -> str | None:
    """Why no client could ask for this, as far as that is seen without the service."""
    try:
        size = len(uri.encode("utf-8"))
    except UnicodeEncodeError:
        return f"{clean(uri)}: it is not UTF-8"
    if size > MAX_ADDRESS_SIZE:
        return f"the address has {size} bytes; no service reads more than {MAX_ADDRESS_SIZE}"
    return None


def refusal(answer: dict[str, Any]) -> str | None:
    """
    The fault that a client would be refused with, or None: it would be served.
    """
    if answer.get("fault"):
        return str(answer["fault"])
    registrations = answer.get("registrations", [])
    if not answer.get("found") or not registrations:
        return Fault.ENDPOINT_NOT_FOUND.value
    if all(row.get("state") == "down" and not _is_idle(row) for row in registrations):
        return Fault.ENDPOINT_UNAVAILABLE.value
    return None


def _is_idle(row: dict[str, Any]) -> bool:
    """Whether the next connection starts its worker."""
    return row.get("worker") == "idle"


def lines(answer: dict[str, Any], now: float, limit: int | None) -> list[str]:
    """
    The answer for people.

    :param now: seconds since the epoch
    :param limit: the terminal's width; None: as wide as it gets
    """
    return [line for said in _sentences(answer, now) for line in wrap(said, limit, _HANGING)]


def _sentences(answer: dict[str, Any], now: float) -> list[str]:
    via, why = clean(answer.get("via")), clean(answer.get("why"))
    registrations = answer.get("registrations", [])
    fault = refusal(answer)
    if not registrations:
        return [
            f"{via} reaches no worker.",
            f"  because   {why}",
            f"  a client  is refused with {fault}",
            '  next      "netshare list" shows what is registered',
        ]
    address = clean(registrations[0].get("address", "a resource of the service's own"))
    said = [f"{via} reaches {address}", f"  because   {why}"]
    for number, row in enumerate(registrations):
        head = f"  {'' if number else 'served by':<10}{_serving(row, now)}"
        said.append(f"{head}: {served_by(row)}" if "pid" in row else head)
    if len(registrations) > 1:
        said.append("            a client gets the process with the fewest connections under way")
    if fault is not None:
        said.append(f"  a client  is refused with {fault} until one is up")
    elif _is_idle(registrations[0]):
        said.append("  a client  starts the worker, and waits for it")
    elif all(row.get("state") == "stuck" for row in registrations):
        said.append(
            "  beware    no process answers in time: look at what it is doing, or restart it"
        )
    return said


def _serving(row: dict[str, Any], now: float) -> str:
    if "pid" not in row:
        return f"{'a ' if row.get('to') else ''}{served_by(row).strip('()')}"
    parts = [
        f"process {pid(row)} of {clean(row.get('user'))}",
        clean(row.get("state")),
        f"registered {age(row.get('since'), now)} ago",
        f"given {plural(row.get('given', 0), 'connection')}",
    ]
    if row.get("outstanding"):
        parts.append(f"{row['outstanding']} under way")
    if row.get("waiting"):
        parts.append(f"{row['waiting']} waiting")
    return ", ".join(parts)
