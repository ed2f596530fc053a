"""
What the ``netshare`` command can have done to workers, and to the service itself.
"""

from __future__ import annotations

from typing import ClassVar

from twisted.protocols import amp

from netshare.control.commands import (
    AccessDenied,
    InvalidArgument,
    LargeBytes,
    ServiceFault,
    TakeOverRefused,
)


class NoSuchWorker(Exception):
    """No worker of this address can have that done, and why."""


class NotDone(Exception):
    """It was tried and has failed, and what has become of it instead."""


class _OfAnAddress(amp.Command):
    """
    For root, the service's own user, and those for whom the address is reserved. The answer comes
    at once, or, with ``wait``, when it is done; it is how the workers of the address are then.
    """

    arguments: ClassVar = [(b"baseAddress", amp.Unicode()), (b"wait", amp.Boolean(optional=True))]
    response: ClassVar = [(b"json", LargeBytes())]
    errors: ClassVar = {
        AccessDenied: b"AccessDenied",
        InvalidArgument: b"InvalidArgument",
        NoSuchWorker: b"NoSuchWorker",
        NotDone: b"NotDone",
        ServiceFault: b"ServiceFault",
    }


class Start(_OfAnAddress):
    """
    Command line to service: start the workers of an address, also when they are out of service.
    """

    commandName = b"Start"


class Stop(_OfAnAddress):
    """
    Command line to service: end the workers of an address until they are started again.
    """

    commandName = b"Stop"


class Recycle(_OfAnAddress):
    """
    Command line to service: have new processes take the place of those of an address.
    """

    commandName = b"Recycle"


class DrainWorkers(_OfAnAddress):
    """
    Command line to service: give the workers of an address no more connections, and let those that
    they have come to an end. Workers that the service has started are stopped then.

    ``pid`` is the one of several that is meant; ``deadline`` how many seconds workers that have
    registered by themselves have. For the user of such a worker, too.
    """

    commandName = b"DrainWorkers"
    arguments: ClassVar = [
        *_OfAnAddress.arguments,
        (b"pid", amp.Integer(optional=True)),
        (b"deadline", amp.Integer(optional=True)),
    ]


class Replace(amp.Command):
    """
    Command line to service: start another service with your own command line, which takes over from
    you. Answered when it has, or when it has ended. For root and the service's own user.
    """

    arguments: ClassVar = []
    response: ClassVar = [(b"pid", amp.Integer())]
    errors: ClassVar = {
        AccessDenied: b"AccessDenied",
        TakeOverRefused: b"TakeOverRefused",
        ServiceFault: b"ServiceFault",
    }


class ReloadFailed(Exception):
    """The configuration cannot be had; nothing has changed."""


class Reload(amp.Command):
    """
    Command line to service: read the configuration again, and make the difference, all of it or
    nothing. For root and the service's own user.
    """

    arguments: ClassVar = []
    response: ClassVar = [(b"json", LargeBytes())]
    errors: ClassVar = {
        AccessDenied: b"AccessDenied",
        ReloadFailed: b"ReloadFailed",
        ServiceFault: b"ServiceFault",
    }
