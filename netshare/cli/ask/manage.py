"""
``netshare start``, ``stop``, ``recycle`` and ``drain``: what is done to workers.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from twisted.protocols import amp

from netshare.cli.ask.client import ServiceClient, add_service_options
from netshare.cli.exits import Exit
from netshare.cli.terminal import clean
from netshare.control.management import DrainWorkers, Recycle, Start, Stop
from netshare.reactors import IReactor

_COMMANDS: dict[str, type[amp.Command]] = {
    "start": Start,
    "stop": Stop,
    "recycle": Recycle,
    "drain": DrainWorkers,
}

_WHAT = """\
start, stop and recycle are for workers that the service starts itself. start also brings
back one that is out of service; stop ends its processes at once, drain when they have no
connection left; recycle starts a new process first, and drains the old one when the new
one serves. drain is for workers that have registered by themselves, too.
"""

_CODES = """\

Root and the service's own user may ask for it, those for whom the address is reserved,
and for drain the user of the worker.

exit code:
  0  done; without --wait: begun
  1  there is no such worker
  2  ADDRESS is no address
  3  the service cannot be asked, or you may not ask for this
  9  it has failed: the old process serves on, or none does; netshare list shows why
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the four commands."""
    add_service_options(parser)
    parser.add_argument("address", metavar="ADDRESS", help="as netshare list shows it")
    parser.add_argument("--wait", action="store_true", help="until it is done")
    if parser.prog.endswith(" drain"):
        parser.add_argument(
            "--pid", type=int, help="the process that is meant, where several serve the address"
        )
        parser.add_argument(
            "--deadline",
            type=int,
            metavar="SECONDS",
            help="how long a worker that has registered by itself may take (default: 90)",
        )
    parser.epilog = _WHAT + _CODES


async def run(reactor: IReactor, options: argparse.Namespace) -> int:
    """
    Ask for it, and show how the workers are then.
    """
    service = await ServiceClient.connect(reactor, options.control, options.service_user)
    more = {
        name: value
        for name in ("pid", "deadline")
        if (value := getattr(options, name, None)) is not None
    }
    try:
        described = await service.manage(
            _COMMANDS[options.command], options.address, options.wait, **more
        )
    finally:
        service.close()
    print(json.dumps(described) if options.json else line(described))
    return Exit.OK


def line(described: Mapping[str, Any]) -> str:
    """For people."""
    words = [clean(described.get("address", "?"))]
    if "worker" in described:
        words.append(f"is {clean(described['worker'])}")
    if "trouble" in described:
        words.append(f"({clean(described['trouble'])})")
    return " ".join(words)
