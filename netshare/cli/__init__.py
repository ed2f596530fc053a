"""
The ``netshare`` command.

Each command is a module with two functions::

    def configure(parser: argparse.ArgumentParser) -> None: ...
    async def run(reactor: IReactor, options: argparse.Namespace) -> int: ...

and a line in :data:`COMMANDS`; a command that needs no reactor has ``def run(options)``. Only the
module of the command that is called gets imported, so that ``netshare --help`` need not wait for
Twisted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any, NamedTuple

from netshare.cli.exits import CommandFailed, Exit
from netshare.cli.terminal import wrap


class Command(NamedTuple):
    """A command, as ``netshare --help`` shows it."""

    module: str
    help: str


#: Every command by its name, in the order of the help.
COMMANDS: dict[str, Command] = {
    "list": Command("netshare.cli.ask.list", "show every registered address and who serves it"),
    "who": Command("netshare.cli.ask.who", "say which registration an address reaches, and why"),
    "probe": Command(
        "netshare.cli.probe.command", "try an address as a client would, here or elsewhere"
    ),
    "stats": Command("netshare.cli.ask.stats", "show the service's counters and settings"),
    "reload": Command("netshare.cli.ask.reload", "have the service read its configuration again"),
    "take-over": Command(
        "netshare.cli.ask.replace", "exchange the service's process for a new one"
    ),
    "start": Command("netshare.cli.ask.manage", "start the workers of an address"),
    "stop": Command("netshare.cli.ask.manage", "end the workers of an address"),
    "recycle": Command(
        "netshare.cli.ask.manage", "exchange the processes of an address for new ones"
    ),
    "drain": Command(
        "netshare.cli.ask.manage", "let the connections of workers end, and then the workers"
    ),
    "call": Command(
        "netshare.cli.call.command", "send a request to a service, and print the reply"
    ),
    "decode": Command("netshare.cli.decode.command", "make what was on the wire readable"),
}

_EPILOG = """\
netshare COMMAND --help tells more of each. The service itself is started with
"twistd netshare"; list, who, stats, reload, take-over, start, stop, recycle and drain ask the one
on this machine, probe and call connect as any client does and need none here; decode reads files.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run a command.

    :param arguments: the command line without the program's name; None takes it from ``sys``
    :returns: the exit code, one of :class:`netshare.cli.exits.Exit`
    :raises SystemExit: from argparse, for ``--help``, ``--version`` and usage errors
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its number rather than a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = _parser(given)
    options = _parsed(parser, given)
    if options.command is None:
        parser.print_help()
        return Exit.USAGE
    try:
        run = import_module(COMMANDS[options.command].module).run
        if iscoroutinefunction(run):
            return _run_in_reactor(run, options)
        return _ending(lambda: run(options))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _parsed(parser: argparse.ArgumentParser, given: Sequence[str]) -> argparse.Namespace:
    """
    Parse the command line. A command that takes any number of arguments says in its default
    ``more`` under which name, and then they may also stand behind options, which argparse itself
    does not allow.
    """
    options, rest = parser.parse_known_args(given)
    more: str = getattr(options, "more", "")
    if rest and (not more or any(text.startswith("-") and text != "-" for text in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        getattr(options, more).extend(rest)
    return options


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netshare",
        description="Net.TCP port sharing: see what a sharing service does, and try addresses.",
        epilog=_EPILOG,
        # With more, the longest name would have a line for itself.
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, indent_increment=1),
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show netshare's version, and Twisted's"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in given:
            import_module(command.module).configure(sub)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        import twisted
        from netshare import __version__

        print(f"netshare {__version__.public()} (Twisted {twisted.__version__})")
        parser.exit()


def _run_in_reactor(
    run: Callable[[Any, argparse.Namespace], Coroutine[Any, Any, int]],
    options: argparse.Namespace,
) -> int:
    """
    Run a command in the global reactor, and turn however it ends into an exit code.
    """
    from twisted.internet.defer import ensureDeferred
    from twisted.internet.task import react
    from twisted.python.failure import Failure

    outcome: int | Failure = Exit.INTERRUPTED  # unless the command comes to an end by itself

    async def running(reactor: Any) -> None:  # IReactor; its module imports Twisted
        nonlocal outcome
        try:
            outcome = await run(reactor, options)
        except (CommandFailed, BrokenPipeError):
            outcome = Failure()

    def result() -> int:
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    try:
        react(lambda reactor: ensureDeferred(running(reactor)))
    except SystemExit as ended:
        if ended.code:  # an unforeseen error, which react has logged
            return int(ended.code)
    return _ending(result)


def _ending(run: Callable[[], int]) -> int:
    """
    Say what a command that fails has to say.
    """
    try:
        code = run()
        sys.stdout.flush()
    except CommandFailed as failed:
        width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
        print("\n".join(wrap(f"netshare: {failed}", width, 4)), file=sys.stderr)
        return failed.code
    except BrokenPipeError:
        # The reader, head perhaps, has seen enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    return code
