"""
What runs in a worker process that the service started for a ``MODULE:FACTORY``.

It listens with the Factory at its address, over the link it inherited, logs as JSON lines on
standard error for the service to pass on, and ends when there is no service any more.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import signal
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import deferLater, react
from twisted.logger import globalLogBeginner, jsonFileLogObserver

from netshare.endpoints.preamble import PreambleUse
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import Wish

log = Logger()

#: Seconds that open connections have to end by themselves when the worker is to end: a little less
#: than the service waits before it kills the process.
DRAIN = 4.0


class NoSuchTarget(Exception):
    """
    ``MODULE:FACTORY`` does not name a Factory.
    """


def load_target(target: str) -> Any:
    """
    Find what ``package.module:name.of.factory`` names.

    :raises NoSuchTarget: it names nothing
    """
    module, colon, name = target.partition(":")
    if not (module and colon and name):
        raise NoSuchTarget(f"{target!r} is not of the form package.module:factory")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            raise NoSuchTarget(
                f"{target}: there is no module {error.name}; is its directory on PYTHONPATH?"
            ) from None
        raise
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise NoSuchTarget(f"{target}: {module} has no {name}") from None
    return found


async def make_factory(reactor: IReactor, target: str) -> IProtocolFactory:
    """
    The Factory that a target names: one, or something that returns one when it is called (with
    the reactor, if it takes an argument), now or later.

    :raises NoSuchTarget: it is neither
    """
    found = load_target(target)
    if not IProtocolFactory.providedBy(found) and callable(found):
        takes_reactor = bool(inspect.signature(found).parameters)
        found = await maybeDeferred(found, *([reactor] if takes_reactor else []))
    if not IProtocolFactory.providedBy(found):
        raise NoSuchTarget(f"{target} is neither a protocol Factory nor returns one: {found!r}")
    return found


async def serve(
    reactor: IReactor,
    address: str,
    target: str,
    preamble: PreambleUse,
    shared: bool,
    idleTimeout: float | None = None,
) -> None:
    """
    Listen at the address with what the target names, until the reactor stops.

    :param idleTimeout: see :class:`~netshare.worker.endpoint.SharedPortServerEndpoint`
    :raises SystemExit: it cannot start; the log says why
    """
    await deferLater(reactor, 0)  # a Factory may be made by something that needs a running reactor
    try:
        factory = await make_factory(reactor, target)
        wish = Wish(address, shared=shared)
        endpoint = SharedPortServerEndpoint(
            reactor, wish, preamble=preamble, wait=True, idleTimeout=idleTimeout
        )
        port = await endpoint.listen(factory)
    except NoSuchTarget as error:
        log.critical("{reason}", reason=str(error))
        raise SystemExit(1) from None
    except Exception:
        log.failure("the worker could not start")
        raise SystemExit(1) from None
    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: ensureDeferred(finish(reactor, port))
    )
    # One is enough: a service manager and the sharing service may both send it.
    reactor.addSystemEventTrigger(
        "before", "shutdown", signal.signal, signal.SIGTERM, signal.SIG_IGN
    )
    await Deferred()


async def finish(reactor: IReactor, port: Any) -> None:
    """
    Take no more connections, and let those that are open end by themselves, for a while.

    :param port: a :class:`~netshare.worker.port.SharedListeningPort`
    """
    await port.stopListening()
    end = reactor.seconds() + DRAIN
    while port.connections and reactor.seconds() < end:
        await deferLater(reactor, 0.05)
    if port.connections:
        log.warn("{count} connections are cut: the worker ends", count=port.connections)


def main(arguments: Sequence[str]) -> None:
    """
    Run a worker until its link, or a signal, ends it.

    :raises SystemExit: always; the status is 0, or 1 when it could not start
    """
    parser = argparse.ArgumentParser(prog="netshare.worker.child", description=__doc__)
    parser.add_argument("--preamble", choices=[use.value for use in PreambleUse], default="pass")
    parser.add_argument("--connection-idle-timeout", type=float)
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("address")
    parser.add_argument("target")
    options = parser.parse_args(arguments)
    # A terminal's Ctrl-C reaches the whole group; the service decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    globalLogBeginner.beginLoggingTo(
        [jsonFileLogObserver(sys.stderr, recordSeparator="")], redirectStandardIO=False
    )
    use = PreambleUse(options.preamble)
    idle = options.connection_idle_timeout
    react(serve, (options.address, options.target, use, options.shared, idle))


if __name__ == "__main__":
    main(sys.argv[1:])
