"""
The AMP vocabulary of the control socket, both directions.

A worker says :class:`Register`, :class:`Unregister`, :class:`ValidateUriRoute` and
:class:`Return`; the service says :class:`Duplicate` and :class:`RoutesChanged`; the ``netshare``
command asks :class:`ListRegistrations`, :class:`WhoServes` and :class:`Stats`. Names and
statuses are those of the original's contract, ``IConnectionRegister``, as far as it has them.
``docs/protocol.rst`` spells every command out byte by byte for other languages.

Every command declares its errors, and a responder raises nothing else: an undeclared exception
would cost the whole link (see :func:`declared`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.protocols import amp
from twisted.python.failure import Failure

from netshare.control.boxes import Box, BoxReader

#: The version of this vocabulary. A service takes every worker of the same version.
PROTOCOL_VERSION = 1

#: How many bytes one :class:`LargeBytes` may carry.
MAX_LARGE_BYTES = 4 * 1024 * 1024

#: How many descriptors may lie on a link before a command comes that claims them.
MAX_UNCLAIMED = 512

#: How many bytes one box may have: a LargeBytes and all that can come with it.
MAX_BOX = MAX_LARGE_BYTES + 1024 * 1024

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
    """Somebody else has registered this address."""


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


_LARGE_BYTES, _DESCRIPTOR = LargeBytes(), amp.Descriptor()


class Register(amp.Command):
    """
    Worker to service: from now on, connections to this address are mine.

    ``hostNameComparisonMode`` is StrongWildcard, Exact or WeakWildcard; without it the host of
    the address tells. ``unique`` asks for an address of one's own below the given one
    (ListenUriMode.Unique), or below ``Temporary_Listen_Addresses`` when none is given. Workers
    that all say ``shared``, and run as the same user, serve one address together.
    ``maxOutstanding`` is how many connections the service may have under way to this worker.
    ``lane`` asks for a fast lane, ``records`` or ``batches`` (:mod:`netshare.control.parcels`);
    the first answer on the link then has its descriptor, and :class:`Duplicate` is not used.
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


class Duplicate(amp.Command):
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

    @classmethod
    def makeArguments(cls, objects: dict[str, Any], proto: Any) -> Box:
        """
        The same box that AMP makes of the declaration above, in a tenth of the time.
        """
        box: Box = Box()
        for name in ("via", "baseAddress", "peer", "local"):
            box[name.encode("ascii")] = objects[name].encode("utf-8")
        _LARGE_BYTES.toBox(b"readData", box, objects, proto)
        box[b"socket"] = _DESCRIPTOR.toStringProto(objects["socket"], proto)
        return box

    @classmethod
    def parseArguments(cls, box: amp.Box, protocol: Any) -> dict[str, Any]:
        """
        The reverse, likewise.
        """
        objects: dict[str, Any] = {}
        for name in ("via", "baseAddress", "peer", "local"):
            objects[name] = box[name.encode("ascii")].decode("utf-8")
        _LARGE_BYTES.fromBox(b"readData", box.copy(), objects, protocol)
        objects["socket"] = _DESCRIPTOR.fromStringProto(box[b"socket"], protocol)
        return objects


class RoutesChanged(amp.Command):
    """
    Service to worker: somebody registered an address that may take some of yours.

    From now on, give every socket that came in for ``baseAddress`` back at its next preamble.
    """

    arguments: ClassVar = [(b"baseAddress", amp.Unicode())]
    response: ClassVar = []
    requiresAnswer = False


class Return(amp.Command):
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


#: Told how a question was answered.
Answered = Callable[[Exception | None], None]

Responder = TypeVar("Responder", bound=Callable[..., Any])


def declared(
    command: type[amp.Command], otherwise: type[Exception]
) -> Callable[[Responder], Responder]:
    """
    Make a method a command's responder, and every exception that the command does not declare
    into ``otherwise``, after logging it: AMP would answer it by closing the link.
    """

    def decorate(responder: Responder) -> Responder:
        @wraps(responder)
        def respond(self: ControlProtocol, **arguments: Any) -> Any:
            def undeclared(failure: Failure) -> Failure:
                if failure.check(*command.errors):
                    return failure
                self.log.failure("{command} failed", failure, command=command.__name__)
                return Failure(otherwise(f"{command.__name__} failed; the log says why"))

            try:
                answer = responder(self, **arguments)
            except Exception:
                return defer.fail(undeclared(Failure()))
            if isinstance(answer, dict):
                return answer  # as nearly always: no Deferred for it
            return maybeDeferred(lambda: answer).addErrback(undeclared)

        command.responder(respond)
        return respond  # type: ignore[return-value]

    return decorate


class ControlProtocol(amp.AMP):
    """
    AMP on a UNIX socket, without AMP's way of losing descriptors: what arrived but was claimed
    by no command is closed with the link.
    """

    log = Logger()
    transport: Any

    def __init__(self) -> None:
        super().__init__()
        self._reader = BoxReader(MAX_BOX)
        self._unclaimed: set[int] = set()
        #: What was asked with :meth:`ask`, by its tag; and how much that was.
        self._asked: dict[bytes, tuple[type[amp.Command], Answered]] = {}
        self._count = 0
        self._lost = False

    def makeConnection(self, transport: Any) -> None:
        # Past AMP's own, which does nothing but log every connection twice.
        amp.BinaryBoxProtocol.makeConnection(self, transport)

    def dataReceived(self, data: bytes) -> None:
        try:
            for box in self._reader.feed(data):
                self.ampBoxReceived(box)
        except Exception as error:
            # Responders and answers fail inside Deferreds; what comes out here is AMP stumbling
            # over bytes that are no AMP: an empty box, an answer to nothing.
            self.log.warn("closing a control link that does not speak AMP: {why!r}", why=error)
            self.transport.abortConnection()

    def ask(
        self, command: type[amp.Command], arguments: dict[str, Any], answered: Answered
    ) -> None:
        """
        ``callRemote`` without a Deferred, for a command whose answer is empty.

        :param answered: called once, with None or an exception: one that the command declares,
            another AmpError, or why the link was lost
        :raises TooLong: an argument is longer than AMP allows; nothing was asked
        :raises ConnectionLost: there is no link any more
        """
        if self._lost:
            raise ConnectionLost
        box = command.makeArguments(arguments, self)
        self._count += 1
        tag = b"q%d" % self._count  # AMP's own are hexadecimal numbers
        box[amp.COMMAND], box[amp.ASK] = command.commandName, tag
        self.sendBox(box)
        self._asked[tag] = command, answered

    def ampBoxReceived(self, box: amp.AmpBox) -> None:
        """
        As AMP does, but for answers to :meth:`ask`.
        """
        failed = amp.ERROR in box
        tag = box.get(amp.ERROR if failed else amp.ANSWER)
        if tag not in self._asked:
            super().ampBoxReceived(box)
            return
        command, answered = self._asked.pop(tag)
        error = None
        if failed:
            declared: dict[bytes, Any] = command.reverseErrors  # type: ignore[attr-defined]
            kind = declared.get(box.get(amp.ERROR_CODE, b""), amp.UnknownRemoteError)
            error = kind(box.get(amp.ERROR_DESCRIPTION, b"").decode("utf-8", "replace"))
        self._tell(answered, error)

    def _tell(self, answered: Answered, error: Exception | None) -> None:
        try:
            answered(error)
        except Exception:
            self.log.failure("dealing with an answer failed")

    def fileDescriptorReceived(self, descriptor: int) -> None:
        # The kernel hands descriptors over inheritable; a process spawned now would keep it.
        os.set_inheritable(descriptor, False)
        self._unclaimed.add(descriptor)
        if len(self._unclaimed) > MAX_UNCLAIMED:
            self.log.warn("closing a control link that sends descriptors and no commands")
            self.transport.abortConnection()
            return
        super().fileDescriptorReceived(descriptor)

    def locateResponder(self, name: bytes) -> Callable[[amp.Box], Deferred[amp.Box]] | None:
        """
        As AMP does, but arguments that cannot be read are the sender's error and not a crash.
        """
        responder = super().locateResponder(name)
        if responder is None:
            return None

        def read(box: amp.Box) -> Deferred[amp.Box]:
            try:
                return responder(box)  # type: ignore[no-any-return]
            except (KeyError, ValueError, TypeError, amp.AmpError) as error:
                reason = f"the arguments of {name.decode('ascii', 'replace')} cannot be read"
                self.log.warn("{reason}: {error!r}", reason=reason, error=error)
                raise amp.RemoteAmpError(b"InvalidArgument", reason) from None

        return read

    def claim(self, descriptor: int) -> int:
        """
        Say that a command's descriptor now belongs to the caller.
        """
        self._unclaimed.discard(descriptor)
        return descriptor

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        for descriptor in self._unclaimed:
            os.close(descriptor)
        self._unclaimed.clear()
        amp.BinaryBoxProtocol.connectionLost(self, reason)
        self._lost = True
        asked, self._asked = self._asked, {}
        error: Any = reason.value
        for _, answered in asked.values():
            self._tell(answered, error)
