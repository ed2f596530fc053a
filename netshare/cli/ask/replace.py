"""
``netshare take-over``: have the service's process exchanged for a new one.
"""

from __future__ import annotations

import argparse
import json

from netshare.cli.ask.client import ServiceClient, add_service_options
from netshare.cli.exits import Exit
from netshare.reactors import IReactor


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of ``netshare take-over``."""
    add_service_options(parser)
    parser.epilog = """\
The service starts another process with its own command line, which reads the configuration
anew and takes over all that the first one has: a new release, or options that a reload
leaves. No client and no worker notices. Root and the service's own user may ask for it.

exit code:
  0  done
  3  the service cannot be asked, or you may not ask for this
  9  the new process could not take over; the old one serves on
"""


async def run(reactor: IReactor, options: argparse.Namespace) -> int:
    """
    Ask for it, and show the new process.
    """
    service = await ServiceClient.connect(reactor, options.control, options.service_user)
    try:
        pid = await service.replace()
    finally:
        service.close()
    print(json.dumps({"pid": pid}) if options.json else f"process {pid} is the service now")
    return Exit.OK
