"""
``netshare probe URI``: try an address as a client would.
"""

from __future__ import annotations

import argparse
import json
import sys

from netshare.addresses import AddressError
from netshare.cli.arguments import port_number, seconds
from netshare.cli.exits import CommandFailed, Exit
from netshare.cli.probe.attempts import Result, Verdict, judge
from netshare.cli.probe.client import Prober
from netshare.cli.probe.replies import Kind
from netshare.cli.probe.report import as_json, conclusion, details, exit_code, row
from netshare.cli.target import Target
from netshare.cli.terminal import clean, room, wrap
from netshare.reactors import IReactor

#: Seconds for connecting and for each answer, unless told otherwise.
TIMEOUT = 5.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of ``netshare probe``."""
    parser.add_argument("uri", metavar="URI", help="the address, such as net.tcp://host:808/path")
    parser.add_argument("--host", help="connect to this host; the address asked for stays")
    parser.add_argument("--port", type=port_number, help="connect to this port, likewise")
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help="how long to wait for a connection, and for each answer (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")
    parser.epilog = """\
Connects up to eight times, one after the other, each time with another encoding,
mode or upgrade, ends each connection at once, and sends no message. Of TLS it shows
the certificate, of Windows authentication the mechanisms. If the address does not
exist, the first connection is the only one.

exit code:
  0  reachable
  1  no worker serves the path (EndpointNotFound)
  2  the command line does not make sense
  4  refused with another fault
  5  no connection: refused, timed out, no such host
  6  the far end speaks another protocol
  7  the far end says nothing, or closes
  11 reachable, but its certificate has expired, or is not valid yet
"""


async def run(reactor: IReactor, options: argparse.Namespace) -> int:
    """
    Probe, and say what came of it.
    """
    try:
        target = Target.of(options.uri, options.host, options.port)
    except AddressError as error:
        raise CommandFailed(Exit.USAGE, f"{clean(options.uri)}: {error}") from None
    prober = Prober(reactor, target, options.timeout)
    report = _Progress(target, quiet=options.json)
    results = await prober.run(report)
    verdict, _ = judge(results)
    identity = await prober.identify() if verdict is Verdict.NO_ANSWER else None
    if options.json:
        print(json.dumps(as_json(target, results, identity), indent=2))
    else:
        if report.shown:
            print()
        for sentence in conclusion(target, results, identity):
            print("\n".join(wrap(sentence, room(), 4 if sentence.startswith(" ") else 0)))
    return Exit.NOT_NET_TCP if identity is not None else exit_code(results)


class _Progress:
    """
    Writes each result as it comes: a probe of a silent server takes its time.
    """

    def __init__(self, target: Target, quiet: bool) -> None:
        self._target = target
        self._quiet = quiet
        self.shown = False

    def __call__(self, result: Result) -> None:
        if self._quiet or (result.reply.kind is Kind.UNCONNECTED and not self.shown):
            return  # the conclusion says it all
        if not self.shown:
            print(f"{clean(self._target.via)} at {result.peer}:")
            self.shown = True
        print(row(result, room()))
        for line in details(result, room()):
            print(line)
        sys.stdout.flush()
