"""
AMP as the control socket speaks it: boxes read in one go, questions without a Deferred, and
descriptors that are never lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionLost
from twisted.protocols import amp
from twisted.python.failure import Failure

from netshare.control.boxes import BoxReader
from netshare.control.commands import MAX_LARGE_BYTES
from netshare.control.gathering import Gathered, Gathering, NotCarried, Question
from netshare.logger import Logger
from netshare.reactors import IConnection
from netshare.sockets.privatenames import (
    amp_counts,
    amp_descriptors,
    amp_questions,
    count_amp_descriptor,
    declared_errors,
    lose_amp_connection,
    make_amp_connection,
    set_amp_counts,
)
from netshare.sockets.unixnames import send_now, unsent_bytes, wait_for_room

#: How many descriptors may lie on a link before a command comes that claims them.
MAX_UNCLAIMED = 512

#: How many bytes one box may have: a LargeBytes and all that can come with it.
MAX_BOX = MAX_LARGE_BYTES + 1024 * 1024


#: How many commands of a link may make no sense before it is cut: each is a line in the log.
MOST_MISTAKES = 10

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
            self.answering += 1

            def answered(result: Any) -> Any:
                self.answering -= 1
                self.oneAnswered()
                return result

            return maybeDeferred(lambda: answer).addBoth(answered).addErrback(undeclared)

        command.responder(respond)
        return respond  # type: ignore[return-value]

    return decorate


@dataclass(frozen=True, slots=True)
class Conversation:
    """
    Where a conversation is, for a process that goes on with it.
    """

    #: Descriptors sent and received so far.
    sent: int
    received: int
    #: Questions asked so far, with AMP's own ``callRemote`` and with :meth:`ControlProtocol.ask`.
    remote: int
    asked: int
    #: Tags of questions whose answers are to be ignored: who has asked is gone.
    forgotten: tuple[str, ...]
    #: The numbers of the descriptors that came and were not claimed yet.
    unclaimed: tuple[int, ...]
    #: Read and not dealt with.
    unread: bytes
    #: Written and not sent.
    unsent: bytes


class _Carried:
    """
    What a command needs of a protocol to be given a descriptor that has not been sent.
    """

    __slots__ = ("_protocol", "descriptor")

    def __init__(self, protocol: ControlProtocol) -> None:
        self._protocol = protocol
        self.descriptor: int | None = None

    def _sendFileDescriptor(self, descriptor: int) -> int:
        self.descriptor = descriptor
        return amp_counts(self._protocol)[0] + len(self._protocol._gathered)


class ControlProtocol(amp.AMP):
    """
    AMP on a UNIX socket, without AMP's way of losing descriptors: what arrived but was claimed
    by no command is closed with the link.
    """

    log = Logger()
    transport: IConnection

    def __init__(self) -> None:
        super().__init__()
        set_amp_counts(self, 0, 0, 0)
        self.reader = BoxReader(MAX_BOX)
        self.unclaimed: set[int] = set()
        #: What was asked with :meth:`ask`, by its tag; and how much that was.
        self._asked: dict[bytes, tuple[type[amp.Command], Answered]] = {}
        self._count = 0
        #: When questions with descriptors leave together; None: each leaves at once.
        self.gathering: Gathering | None = None
        self._gathered = Gathered(self._carry, self._refused)
        self._lost = False
        #: Tags of what an earlier process has asked.
        self._forgotten: set[bytes] = set()
        #: How many answers are still to be given.
        self.answering = 0
        self._mistakes = 0

    def conversation(self, unread: bytes) -> tuple[Conversation, list[int]] | None:
        """
        What another process needs to go on.

        :param unread: bytes that were read and not dealt with
        :returns: with the descriptors that were not claimed; None where it cannot go on
            elsewhere now, since answers are still to be given or descriptors to leave
        """
        self._gathered.send()
        unsent = unsent_bytes(self.transport)
        if unsent is None or self.answering:
            return None
        sent, received, remote = amp_counts(self)
        tags = {*self._asked, *amp_questions(self), *self._forgotten}
        forgotten = tuple(sorted(tag.decode("ascii") for tag in tags))
        lying = amp_descriptors(self)
        conversation = Conversation(
            sent, received, remote, self._count, forgotten, tuple(lying), unread, unsent
        )
        return conversation, list(lying.values())

    def goOn(self, conversation: Conversation, unclaimed: Sequence[int]) -> None:
        """
        Go on with a conversation of another process; what it had read is for the caller to feed.

        :param unclaimed: the descriptors that were not claimed, which belong to this object now
        """
        set_amp_counts(self, conversation.sent, conversation.received, conversation.remote)
        self._count = conversation.asked
        self._forgotten = {tag.encode("ascii") for tag in conversation.forgotten}
        amp_descriptors(self).update(zip(conversation.unclaimed, unclaimed, strict=True))
        self.unclaimed.update(unclaimed)
        if conversation.unsent:
            self.transport.write(conversation.unsent)

    def oneAnswered(self) -> None:
        """A question whose answer took a while is about to be answered."""

    def cut(self, reason: str) -> None:
        """
        Close the link at once, and log why.
        """
        self.log.warn("a control link is cut: {reason}", reason=reason)
        self.transport.abortConnection()

    def makeConnection(self, transport: Any) -> None:
        wait_for_room(transport)
        make_amp_connection(self, transport)

    def dataReceived(self, data: bytes) -> None:
        self.readBoxes(self.reader.feed(data))

    def readBoxes(self, boxes: Iterable[amp.AmpBox]) -> None:
        """
        Deal with boxes, one after the other; at what is none the link is closed.
        """
        try:
            for box in boxes:
                self.ampBoxReceived(box)
        except Exception as error:
            # Responders and answers fail inside Deferreds; what comes out here is AMP stumbling
            # over bytes that are no AMP: an empty box, an answer to nothing.
            self.cut(f"what came is not AMP: {error!r}")

    def ask(
        self, command: type[amp.Command], arguments: dict[str, Any], answered: Answered
    ) -> None:
        """
        ``callRemote`` without a Deferred, for a command whose answer is empty.

        :param answered: called once, with None or an exception: one that the command declares,
            another AmpError, or why the link was lost
        :raises TooLong: an argument is longer than AMP allows; nothing was asked
        :raises ConnectionLost: there is no link any more
        :raises NotCarried: there is a descriptor, which could only wait for the other end to read,
            or for the system to carry it; nothing was asked. Where questions leave together,
            ``answered`` is told
        """
        if self._lost:
            raise ConnectionLost
        gathering = self.gathering
        if gathering is None or not gathering.inside:
            self._gathered.send()  # before the descriptor has its number
            gathering = None
        carried = _Carried(self)
        box = command.makeArguments(arguments, carried)
        self._count += 1
        tag = b"q%d" % self._count  # AMP's own are hexadecimal numbers
        box[amp.COMMAND], box[amp.ASK] = command.commandName, tag
        if carried.descriptor is None:
            self.sendBox(box)
            self._asked[tag] = command, answered
            return
        question = Question(tag, box.serialize(), carried.descriptor)
        if gathering is None:
            self._carry([question])
            self._asked[tag] = command, answered
        else:
            self._asked[tag] = command, answered
            self._gathered.add(question, gathering)

    def sendBox(self, box: amp.AmpBox) -> None:
        """As AMP does, behind what was gathered."""
        self._gathered.send()
        super().sendBox(box)

    def _refused(self, question: Question, error: NotCarried) -> None:
        """A question does not leave."""
        if question.tag in self._asked:
            _, answered = self._asked.pop(question.tag)
            self._tell(answered, error)

    def _carry(self, questions: Sequence[Question]) -> int:
        """
        :returns: how many have left; the others were not asked
        :raises NotCarried: that is none, as they would have to wait
        """
        boxes = [question.box for question in questions]
        descriptors = [question.descriptor for question in questions]
        try:
            carried = send_now(self.transport, boxes, descriptors)
        except BlockingIOError as error:
            raise NotCarried(error.strerror) from None
        except OSError as error:
            raise NotCarried(f"the system cannot carry it: {error.strerror}") from None
        if carried is None:
            for descriptor in descriptors:
                self._sendFileDescriptor(descriptor)
            self.transport.write(b"".join(boxes))
            return len(questions)
        for _ in range(carried):
            count_amp_descriptor(self)
        return carried

    def ampBoxReceived(self, box: amp.AmpBox) -> None:
        """
        As AMP does, but for answers to :meth:`ask`.
        """
        failed = amp.ERROR in box
        tag = box.get(amp.ERROR if failed else amp.ANSWER)
        if tag in self._forgotten:
            self._forgotten.discard(tag)
            return
        if tag not in self._asked:
            super().ampBoxReceived(box)
            return
        command, answered = self._asked.pop(tag)
        error = None
        if failed:
            errors = declared_errors(command)
            kind: Any = errors.get(box.get(amp.ERROR_CODE, b""), amp.UnknownRemoteError)
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
        self.unclaimed.add(descriptor)
        if len(self.unclaimed) > MAX_UNCLAIMED:
            self.cut("it sends descriptors and no commands that claim them")
            return
        super().fileDescriptorReceived(descriptor)

    def locateResponder(self, name: bytes) -> Callable[[amp.Box], Deferred[amp.Box]] | None:
        """
        As AMP does, but arguments that cannot be read are the sender's error and not a crash.
        """
        if name == amp.StartTLS.commandName:
            return None  # AMP would answer it for everybody; here is nothing to encrypt
        responder = super().locateResponder(name)
        if responder is None:
            return None

        def read(box: amp.Box) -> Deferred[amp.Box]:
            try:
                return responder(box)  # type: ignore[no-any-return]
            except (KeyError, ValueError, TypeError, amp.AmpError) as error:
                reason = f"the arguments of {name.decode('ascii', 'replace')} cannot be read"
                if amp.ASK in box:  # else it is said where there is no answer
                    self._mistaken(f"{reason}: {error!r}")
                raise amp.RemoteAmpError(b"InvalidArgument", reason) from None

        return read

    def unhandledError(self, failure: Failure) -> None:
        """
        A command that wants no answer was not carried out. AMP would drop the link, with a
        traceback.
        """
        if failure.check(amp.RemoteAmpError):
            self._mistaken(f"a command that wants no answer: {failure.getErrorMessage()}")
        else:
            super().unhandledError(failure)

    def _mistaken(self, reason: str) -> None:
        self.log.warn("{link}: {reason}", link=self, reason=reason)
        self._mistakes += 1
        if self._mistakes == MOST_MISTAKES:
            self.cut("too many of its commands make no sense")

    def claim(self, descriptor: int) -> int:
        """
        Say that a command's descriptor now belongs to the caller.
        """
        self.unclaimed.discard(descriptor)
        return descriptor

    def closeUnclaimed(self) -> None:
        """Close what came and no command has claimed."""
        for descriptor in self.unclaimed:
            os.close(descriptor)
        self.unclaimed.clear()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.closeUnclaimed()
        lose_amp_connection(self, reason)
        self._lost = True
        self._gathered.clear()
        asked, self._asked = self._asked, {}
        error: Any = reason.value
        for _, answered in asked.values():
            self._tell(answered, error)
