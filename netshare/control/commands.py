"""
The AMP vocabulary of the control socket, both directions.

A worker says :class:`Register`, :class:`Unregister`, :class:`ValidateUriRoute`, :class:`Return`
and :class:`Drained`; the service says :class:`Duplicate`, :class:`RoutesChanged`,
:class:`Ping`, :class:`Drain` and :class:`ServiceEnds`; the ``netshare`` command asks
:class:`ListRegistrations`, :class:`WhoServes` and :class:`Stats`. Names and statuses are those of
the original's contract, ``IConnectionRegister``, as far as it has them.
``docs/protocol.rst`` spells every command out byte by byte for other languages.

Every command declares its errors, and a responder raises nothing else: an undeclared exception
would cost the whole link (see :func:`netshare.control.protocol.declared`).
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.protocols import amp

from netshare.control.boxes import QuickCommand

#: The version of this vocabulary. A service takes every worker of the same version.
PROTOCOL_VERSION = 1

#: How many bytes one :class:`LargeBytes` may carry.
MAX_LARGE_BYTES = 4 * 1024 * 1024

_CHUNK = 0xFFFF


class RegistrationError(Exception):
    """
    The service refuses a registration; the subclasses are the statuses of the original
    (ListenerExceptionStatus), the message says what to do.
    """


class PathTooLong(RegistrationError):
    """The address has more than 2048 bytes."""


class RegistrationQuotaExceeded(RegistrationError):
    """The service, or this user, has as many registrations as are allowed."""


class ProtocolUnsupported(RegistrationError):
    """The address is not net.tcp."""


class ConflictingRegistration(RegistrationError):
    """Another worker has registered this address."""


class FailedToListen(RegistrationError):
    """The port of the address cannot be opened."""


class VersionUnsupported(RegistrationError):
    """Service and worker speak different versions of this vocabulary."""


class InvalidArgument(RegistrationError):
    """The address, or another argument, does not make sense."""


class AccessDenied(RegistrationError):
    """This user may not register, or not this address."""


class Busy(Exception):
    """The worker takes no more connections now; another worker may."""


class Gone(Exception):
    """The client had left before the worker could adopt the socket."""


class NotMine(Exception):
    """The worker does not serve this address (any more)."""


class WorkerFault(Exception):
    """Something unforeseen went wrong in the worker; its log says what."""


class ServiceFault(Exception):
    """Something unforeseen went wrong in the service; its log says what."""


class NotReturnable(Exception):
    """The service does not take this socket back, and why."""


REGISTRATION_ERRORS: dict[type[Exception], bytes] = {
    error: error.__name__.encode("ascii")
    for error in (
        PathTooLong,
        RegistrationQuotaExceeded,
        ProtocolUnsupported,
        ConflictingRegistration,
        FailedToListen,
        VersionUnsupported,
        InvalidArgument,
        AccessDenied,
        ServiceFault,
    )
}


class LargeBytes(amp.Argument):
    """
    Bytes of more than the 65,535 that one AMP value holds.

    The value is cut into pieces of 65,535 bytes under the keys ``name``, ``name.1``, ``name.2``
    and so on; the first piece that is shorter, or whose successor is missing, is the last.
    """

    def toBox(self, name: bytes, strings: Any, objects: Any, proto: Any) -> None:
        value = self.retrieve(objects, name.decode("ascii"), proto)
        if value is None:
            return
        if len(value) > MAX_LARGE_BYTES:
            raise amp.TooLong(False, True, value, name)
        strings[name] = bytes(value[:_CHUNK])
        for number, at in enumerate(range(_CHUNK, len(value), _CHUNK), 1):
            strings[b"%s.%d" % (name, number)] = bytes(value[at : at + _CHUNK])

    def fromBox(self, name: bytes, strings: Any, objects: Any, proto: Any) -> None:
        piece = self.retrieve(strings, name, proto)
        if piece is None:
            objects[name.decode("ascii")] = None
            return
        pieces = [piece]
        while len(piece) == _CHUNK and len(pieces) <= MAX_LARGE_BYTES // _CHUNK:
            piece = strings.pop(b"%s.%d" % (name, len(pieces)), None)
            if piece is None:
                break
            pieces.append(piece)
        objects[name.decode("ascii")] = b"".join(pieces)


class Register(amp.Command):
    """
    Worker to service: from now on, connections to this address are mine.

    ``hostNameComparisonMode`` is StrongWildcard, Exact or WeakWildcard; without it the host of
    the address tells. ``unique`` asks for an address of one's own below the given one
    (ListenUriMode.Unique), or below ``Temporary_Listen_Addresses`` when none is given. Workers
    that all say ``shared``, and run as the same user, serve one address together.
    ``maxOutstanding`` is how many connections the service may have under way to this worker.
    ``lane`` asks for a fast lane, ``records`` or ``batches`` (:mod:`netshare.control.lanes`);
    the first answer on the link then has its descriptor, and :class:`Duplicate` is not used.
    ``drains`` says that the worker knows :class:`Drain`, ``pings`` that it knows :class:`Ping`;
    ``generation`` is for people to see.
    """

    arguments: ClassVar = [
        (b"version", amp.Integer()),
        (b"baseAddress", amp.Unicode(optional=True)),
        (b"hostNameComparisonMode", amp.Unicode(optional=True)),
        (b"pid", amp.Integer(optional=True)),
        (b"unique", amp.Boolean(optional=True)),
        (b"shared", amp.Boolean(optional=True)),
        (b"maxOutstanding", amp.Integer(optional=True)),
        (b"lane", amp.Unicode(optional=True)),
        (b"drains", amp.Boolean(optional=True)),
        (b"pings", amp.Boolean(optional=True)),
        (b"generation", amp.Unicode(optional=True)),
    ]
    response: ClassVar = [
        (b"baseAddress", amp.Unicode()),
        (b"lane", amp.Descriptor(optional=True)),
    ]
    errors: ClassVar = REGISTRATION_ERRORS


class Unregister(amp.Command):
    """
    Worker to service: no more connections for this address, as :class:`Register` answered it.
    """

    arguments: ClassVar = [(b"baseAddress", amp.Unicode())]
    response: ClassVar = []
    errors: ClassVar = {
        InvalidArgument: b"InvalidArgument",
        ServiceFault: b"ServiceFault",
    }


class ValidateUriRoute(amp.Command):
    """
    Worker to service: would a new connection that asks for ``uri`` come to one of my addresses?

    For workers that keep reused sockets but cannot :class:`Return` them.
    """

    arguments: ClassVar = [(b"uri", amp.Unicode())]
    response: ClassVar = [(b"valid", amp.Boolean())]
    errors: ClassVar = {ServiceFault: b"ServiceFault"}


class Duplicate(QuickCommand):
    """
    Service to worker: here is a connection, with every byte read from it so far.

    ``baseAddress`` is the registration it belongs to. The worker answers when it has adopted
    the socket; the service closes its own copy then. The descriptor is the last argument: what
    can go wrong with the others goes wrong before it is queued.
    """

    arguments: ClassVar = [
        (b"via", amp.Unicode()),
        (b"baseAddress", amp.Unicode()),
        (b"peer", amp.Unicode()),
        (b"local", amp.Unicode()),
        (b"readData", LargeBytes()),
        (b"socket", amp.Descriptor()),
    ]
    response: ClassVar = []
    errors: ClassVar = {
        Busy: b"Busy",
        Gone: b"Gone",
        NotMine: b"NotMine",
        WorkerFault: b"WorkerFault",
    }


class RoutesChanged(amp.Command):
    """
    Service to worker: an address was registered that may take some of yours.

    From now on, give every socket that came in for ``baseAddress`` back at its next preamble.
    """

    arguments: ClassVar = [(b"baseAddress", amp.Unicode())]
    response: ClassVar = []
    requiresAnswer = False


class Ping(amp.Command):
    """
    Service to worker: what have you got?

    ``connections`` is how many connections that came over this link are open, and ``returning`` how
    many :class:`Return` are not answered. Answered in the worker's reactor: one that is in a long
    call does not answer.
    """

    arguments: ClassVar = []
    response: ClassVar = [(b"connections", amp.Integer()), (b"returning", amp.Integer())]
    errors: ClassVar = {WorkerFault: b"WorkerFault"}


class Drain(amp.Command):
    """
    Service to worker: no more connections come for this address; let those that you have end.

    Everything that was sent before is in the lane, or was sent as :class:`Duplicate`. The worker
    answers, gives back what is in the lane, gives every pooled socket back at its next preamble,
    and keeps the link. When it has no connection any more and every :class:`Return` is answered,
    or after ``deadline`` seconds, it says :class:`Drained`.
    """

    arguments: ClassVar = [(b"baseAddress", amp.Unicode()), (b"deadline", amp.Integer())]
    response: ClassVar = []
    errors: ClassVar = {NotMine: b"NotMine", WorkerFault: b"WorkerFault"}


class ServiceEnds(amp.Command):
    """
    Service to worker: the link ends in a moment; give nothing back over it any more.

    The worker answers at once. What it gave back before is in the link before its answer, and is
    routed; what comes later it keeps for the service that comes next. A worker that does not know
    the command says so, which does as well.
    """

    arguments: ClassVar = []
    response: ClassVar = []
    errors: ClassVar = {WorkerFault: b"WorkerFault"}


class Drained(amp.Command):
    """
    Worker to service: what :class:`Drain` asked for is done.

    ``connections`` is how many are left, which the worker gives up: usually 0.
    """

    arguments: ClassVar = [(b"baseAddress", amp.Unicode()), (b"connections", amp.Integer())]
    response: ClassVar = []
    errors: ClassVar = {
        InvalidArgument: b"InvalidArgument",
        ServiceFault: b"ServiceFault",
    }


class Return(QuickCommand):
    """
    Worker to service: this connection's next preamble is not mine, or I cannot tell.

    ``readData`` is every byte of that preamble read so far. The service routes the connection
    as if it had just been accepted.
    """

    arguments: ClassVar = [
        (b"peer", amp.Unicode(optional=True)),
        (b"readData", LargeBytes()),
        (b"socket", amp.Descriptor()),
    ]
    response: ClassVar = []
    errors: ClassVar = {
        NotReturnable: b"NotReturnable",
        ServiceFault: b"ServiceFault",
    }


class ListRegistrations(amp.Command):
    """
    Command line to service: a page of registrations, as JSON, from a position on.

    ``next`` is the position of the following page, or -1 behind the last.
    """

    arguments: ClassVar = [(b"start", amp.Integer())]
    response: ClassVar = [(b"json", LargeBytes()), (b"next", amp.Integer())]
    errors: ClassVar = {ServiceFault: b"ServiceFault"}


class WhoServes(amp.Command):
    """
    Command line to service: which registration a via reaches and why, as JSON.
    """

    arguments: ClassVar = [(b"uri", amp.Unicode())]
    response: ClassVar = [(b"json", LargeBytes())]
    errors: ClassVar = {
        InvalidArgument: b"InvalidArgument",
        ServiceFault: b"ServiceFault",
    }


class Stats(amp.Command):
    """
    Command line to service: counters, settings in effect, open ports, as JSON.
    """

    arguments: ClassVar = []
    response: ClassVar = [(b"json", LargeBytes())]
    errors: ClassVar = {ServiceFault: b"ServiceFault"}


class TakeOverRefused(Exception):
    """The service cannot be taken over now, and why."""


class TakeOver(amp.Command):
    """
    A new service to the one that runs: give me all that you have, I go on.

    ``format`` is the form of links in what is given that the new service knows, ``workers`` says
    that it goes on with workers that this service has started. ``channel`` is a SEQPACKET socket on
    which everything comes (:mod:`netshare.service.takeover`). For root and the service's own user.
    """

    arguments: ClassVar = [
        (b"format", amp.Integer()),
        (b"workers", amp.Boolean(optional=True)),
    ]
    response: ClassVar = [(b"channel", amp.Descriptor())]
    errors: ClassVar = {
        AccessDenied: b"AccessDenied",
        TakeOverRefused: b"TakeOverRefused",
        ServiceFault: b"ServiceFault",
    }
