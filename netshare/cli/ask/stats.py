"""
``netshare stats``: what the service has done, is doing, and is allowed to do.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from typing import Any

from twisted.internet.task import deferLater

from netshare.cli.ask.client import ServiceClient, add_service_options
from netshare.cli.exits import Exit
from netshare.cli.terminal import Column, age, clean, local_time, plural, room, table, wrap
from netshare.outcomes import Outcome
from netshare.reactors import IReactor

Stats = dict[str, Any]

#: Seconds between two looks, unless told otherwise.
WATCH_INTERVAL = 2.0

_MEANING = {
    Outcome.HANDED_OVER: "a worker has it",
    Outcome.LOCAL: "served by the service itself",
    Outcome.RELAYED: "relayed to another server",
    Outcome.SENT_BACK: "closed: its front has to choose",
    Outcome.UNSUPPORTED_VERSION: "refused: another framing version",
    Outcome.UNSUPPORTED_MODE: "refused: no mode of the framing",
    Outcome.VIA_TOO_LONG: "refused: the address is too long",
    Outcome.ENDPOINT_NOT_FOUND: "refused: the address is not registered",
    Outcome.ENDPOINT_UNAVAILABLE: "refused: no worker is up for it",
    Outcome.SERVICE_ACTIVATION_FAILED: "refused: its worker cannot be started",
    Outcome.SERVER_TOO_BUSY: "refused: a limit is reached",
    Outcome.CONNECTION_DISPATCH_FAILED: "refused: the worker failed to take it",
    Outcome.MALFORMED: "closed: it is not net.tcp",
    Outcome.NO_PROXY_HEADER: "closed: no PROXY header came first",
    Outcome.BAD_VIA: "closed: the address is no URI",
    Outcome.NOT_PASSABLE: "closed: it cannot be given away",
    Outcome.RECEIVE_TIMEOUT: "closed: the preamble took too long",
    Outcome.DISPATCH_TIMEOUT: "closed: the worker took too long",
    Outcome.WORKER_LOST: "closed: the worker went away with it",
    Outcome.SENT_BACK: "closed: a front is to route it anew",
    Outcome.SHUTDOWN: "closed: the service stopped",
    Outcome.EMPTY: "left without a byte: a health check?",
    Outcome.INCOMPLETE: "left in the middle of its preamble",
    Outcome.CLIENT_GONE: "left before a worker could take it",
}
_WORDS = {outcome.value: meaning for outcome, meaning in _MEANING.items()}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of ``netshare stats``."""
    add_service_options(parser)
    parser.add_argument(
        "--watch",
        type=_interval,
        nargs="?",
        const=WATCH_INTERVAL,
        metavar="SECONDS",
        help="look again and again, with rates, until Ctrl-C "
        f"(default: every {WATCH_INTERVAL:g} s); with --json, one line for each look",
    )


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 86400")
    return seconds


async def run(reactor: IReactor, options: argparse.Namespace) -> int:
    """
    Show them, once or until interrupted.
    """
    service = await ServiceClient.connect(reactor, options.control, options.service_user)
    watching = options.watch is not None
    before: Stats | None = None
    then = 0.0
    try:
        while True:
            stats, now = await service.stats(), reactor.seconds()
            if options.json:
                print(json.dumps(stats, indent=None if watching else 2))
            else:
                seen = lines(stats, now, room(), settings=not watching)
                if watching:
                    rates = rate_lines(before, stats, now - then, room())
                    seen = _screen([*seen, *rates, "", _hint(options.watch)])
                print("\n".join(seen))
            if not watching:
                return Exit.OK
            sys.stdout.flush()
            before, then = stats, now
            await deferLater(reactor, options.watch)
    finally:
        service.close()


def _hint(interval: float) -> str:
    return f"every {interval:g} s; Ctrl-C ends it"


def _screen(seen: list[str]) -> list[str]:
    """On a terminal, from its upper left corner on; elsewhere one look after the other."""
    if not sys.stdout.isatty():
        return [*seen, ""]
    # Each line is cleared to its end, then all below: no flicker of a screen cleared first.
    return ["\x1b[H" + "\n".join(f"{line}\x1b[K" for line in seen) + "\x1b[J"]


def lines(stats: Stats, now: float, limit: int | None, settings: bool = True) -> list[str]:
    """
    The state of the service, then its counters, then its settings.

    :param now: seconds since the epoch
    :param limit: the terminal's width; None: as wide as it gets
    :param settings: with the settings; without them and the outcomes, which
        :func:`rate_lines` has too
    """
    listening = ", ".join(map(clean, stats.get("listening", []))) or "no port yet"
    paused = "" if stats.get("accepting", True) else "  ACCEPTING NONE NOW: a limit is reached"
    since = stats.get("since")
    facts = [
        (
            "service",
            f"netshare {clean(stats.get('version'))}, process {stats.get('pid')}, "
            f"up {age(since, now)} (since {local_time(since)})",
        ),
        ("listening", listening + paused),
        (
            "registered",
            f"{plural(stats.get('addresses', 0), 'address', 'addresses')}, "
            f"{plural(stats.get('registrations', 0), 'registration')} of workers",
        ),
        (
            "now",
            f"{stats.get('undecided', 0):,} undecided; {stats.get('descriptors', 0):,} of "
            f"{stats.get('descriptorLimit', 0):,} descriptors; accepting paused "
            f"{plural(stats.get('pauses', 0), 'time')}",
        ),
        (
            "links",
            f"{stats.get('links', 0):,} of workers and commands; "
            f"{stats.get('linksCut', 0):,} cut so far",
        ),
    ]
    said = [f"{name:<12}{text}" for name, text in facts]
    said = [part for line in said for part in wrap(line, limit, 12)]
    if not settings:
        return said
    said += ["", *rate_lines(None, stats, 0.0, limit), "", "SETTINGS IN EFFECT"]
    named = stats.get("settings", {})
    longest = max(map(len, named), default=0)
    said += [f"{clean(name):<{longest}}  {_setting(name, value)}" for name, value in named.items()]
    return said


def rate_lines(before: Stats | None, stats: Stats, elapsed: float, limit: int | None) -> list[str]:
    """
    The counters: what came, and each way in which it left.

    :param before: the look before, for a column of rates; None: without it
    :param elapsed: seconds since then
    """
    columns = [Column("CONNECTIONS"), Column("COUNT", right=True)]
    if before is not None:
        columns.append(Column("PER S", right=True))
    columns.append(Column("", least=20))
    rows = []
    for name, count, meaning in _counters(stats):
        row = [clean(name), f"{count:,}"]
        if before is not None:
            then = {key: value for key, value, _ in _counters(before)}.get(name, 0)
            row.append(f"{(count - then) / elapsed:,.1f}" if elapsed > 0 else "-")
        rows.append([*row, meaning])
    return table(columns, rows, limit)


def _counters(stats: Stats) -> list[tuple[str, int, str]]:
    outcomes: Mapping[str, int] = stats.get("outcomes", {})
    return [
        ("accepted", stats.get("accepted", 0), "came from clients"),
        ("returned", stats.get("returned", 0), "came back from workers"),
        *((f"  {name}", count, _WORDS.get(name, "")) for name, count in outcomes.items()),
    ]


def _setting(name: str, value: object) -> str:
    if value is None:
        return "infinite"
    if isinstance(value, list):
        return clean(", ".join(map(str, value))) or "none"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        unit = " s" if name.endswith("Timeout") else ""
        return f"{value:,}{unit}" if isinstance(value, int) else f"{value:g}{unit}"
    return clean(value)
