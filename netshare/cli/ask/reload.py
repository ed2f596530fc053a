"""
``netshare reload``: have the service read its configuration again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence

from netshare.cli.ask.client import ServiceClient, add_service_options
from netshare.cli.exits import Exit
from netshare.cli.terminal import clean
from netshare.reactors import IReactor

_WORDS = {
    "added": "added    ",
    "removed": "removed  ",
    "changed": "changed  ",
    "restart": "after a restart only: ",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of ``netshare reload``."""
    add_service_options(parser)
    parser.epilog = """\
The service reads its file again, with the options that it was started with, and makes
the difference: all of it, or nothing if anything is wrong. Root and the service's own
user may ask for it; SIGHUP does the same without an answer.

exit code:
  0  done
  3  the service cannot be asked, or you may not ask for this
  9  something is wrong with the configuration; nothing has changed
"""


async def run(reactor: IReactor, options: argparse.Namespace) -> int:
    """
    Ask for it, and show the difference.
    """
    service = await ServiceClient.connect(reactor, options.control, options.service_user)
    try:
        difference = await service.reload()
    finally:
        service.close()
    print(json.dumps(difference, indent=2) if options.json else "\n".join(lines(difference)))
    return Exit.OK


def lines(difference: Mapping[str, Sequence[str]]) -> list[str]:
    """The difference for people."""
    said = [
        f"{words}{clean(one)}" for key, words in _WORDS.items() for one in difference.get(key, ())
    ]
    return said or ["nothing is different"]
