"""
What the exit codes of the ``netshare`` command mean: the same for every command.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """
    The codes by name. ``docs/command.rst`` has the table for people.
    """

    #: Done; the address is served; the address is reachable.
    OK = 0
    #: Nothing serves the address (``who``); EndpointNotFound (``probe``, ``call``); no such worker
    #: (``start``, ``stop``, ``recycle``, ``drain``).
    NO_ENDPOINT = 1
    #: ``decode``: something is malformed, or refused by .NET.
    MALFORMED = 1
    #: The command line does not make sense.
    USAGE = 2
    #: The sharing service cannot be asked: not running, not permitted, no answer.
    NO_SERVICE = 3
    #: ``probe``, ``call``: refused with another fault.
    REFUSED = 4
    #: ``probe``, ``call``: no connection comes about.
    UNREACHABLE = 5
    #: ``probe``, ``call``: the far end speaks another protocol.
    NOT_NET_TCP = 6
    #: ``probe``, ``call``: the far end accepts the connection, but says nothing or closes it.
    NO_ANSWER = 7
    #: ``call``: the service answers with a SOAP fault.
    FAULT = 8
    #: ``reload``: something is wrong with the configuration; nothing has changed.
    #: ``take-over``, ``start``, ``stop``, ``recycle``, ``drain``: it was tried and has failed.
    FAILED = 9
    #: ``call``: the upgrade to a secure stream fails: one side does not believe the other.
    NOT_SECURE = 10
    #: ``probe``: reachable, but the service's certificate has expired, or is not valid yet.
    NOT_VALID_NOW = 11
    #: Ctrl-C or SIGTERM, as shells count it.
    INTERRUPTED = 130
    #: The reader of the output went away, as shells count it.
    BROKEN_PIPE = 141


class CommandFailed(Exception):
    """
    A command ends here. The message says what happened, where, and what to do.

    :ivar code: the exit code
    """

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code
