"""
From a request to its operation and its instance, and back with the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from netshare.transport.calls.callers import Caller
from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.instances import InstanceContext, Instances, Stay, Throttles
from netshare.transport.calls.invoker import Answer, Invoker, Refused
from netshare.transport.contracts.behavior import ServiceBehavior
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.endpoint import ServiceEndpoint
from netshare.transport.contracts.streams import Stream
from netshare.transport.soap.faults import (
    action_not_supported,
    destination_unreachable,
    session_terminated,
)
from netshare.transport.soap.message import Message

__all__ = ["Dispatcher", "Session", "address_reply"]


@dataclass(slots=True)
class Session:
    """
    What a channel remembers between its calls.
    """

    via: str
    peer: Any
    security: Any
    channel: Any
    #: None: the channel is no session, it carries one call.
    identifier: str | None
    #: Chosen by the first message, for all of the session.
    endpoint: ServiceEndpoint | None = None
    #: Where instances live as long as sessions.
    instance: InstanceContext | None = None
    #: Of all the session's calls, where they do not overlap.
    lock: Any = None
    #: Makes the callback object for a call's context.
    callback: Any = None
    terminated: bool = False


class Dispatcher:
    """
    Serves the requests of one listen URI.

    :param endpoints: those that listen there
    :param instances: of the service
    :param throttles: of the host
    :param caller: how methods are called
    """

    def __init__(
        self,
        endpoints: Sequence[ServiceEndpoint],
        instances: Instances,
        behavior: ServiceBehavior,
        throttles: Throttles,
        caller: Caller,
    ) -> None:
        self.endpoints = endpoints
        self.instances = instances
        self.behavior = behavior
        self.throttles = throttles
        self.invoker = Invoker(
            caller,
            behavior.include_exception_detail_in_faults,
            behavior.validate_must_understand,
        )

    def operation(self, session: Session, message: Message) -> OperationDescription:
        """
        The operation that a request is for; the session's endpoint is chosen with the first.

        :raises Refused: there is none
        """
        if session.terminated:
            raise Refused(session_terminated("The session was ended by an earlier call."), True)
        first = session.endpoint is None
        if session.endpoint is None:
            session.endpoint = self._endpoint(session, message)
        endpoint = session.endpoint
        to = message.to or session.via
        if not endpoint.matches(to):
            raise Refused(destination_unreachable(to, message.version))
        operation = endpoint.operation_for(message.action)
        needless = first and session.identifier is not None
        if operation is None or (needless and not operation.is_initiating):
            if first:
                session.endpoint = None
            fault = action_not_supported(message.action or "", message.version, not first)
            raise Refused(fault, not first)
        return operation

    def _endpoint(self, session: Session, message: Message) -> ServiceEndpoint:
        to = message.to or session.via
        addressed = [one for one in self.endpoints if one.matches(to)]
        if not addressed:
            raise Refused(destination_unreachable(to, message.version))
        for one in addressed:
            if one.operation_for(message.action) is not None:
                return one
        return addressed[0]

    async def dispatch(
        self, session: Session, message: Message, stream: Stream | None = None
    ) -> Answer:
        """
        Serve a request.

        :param stream: what the request streams
        :returns: the answer; every error has become one
        """
        operation: OperationDescription | None = None
        try:
            operation = self.operation(session, message)
            calls = self.throttles.calls
            waiting = calls.take()
            if waiting is not None:
                await waiting
            try:
                answer = await self._serve(session, operation, message, stream)
            finally:
                calls.give()
        except Exception as error:
            answer = self.invoker.answer_to(error, operation, message)
        if operation is not None and operation.is_terminating:
            session.terminated = answer.terminates = True
        if answer.message is not None:
            address_reply(answer.message, message, session)
        return answer

    async def _serve(
        self,
        session: Session,
        operation: OperationDescription,
        message: Message,
        stream: Stream | None,
    ) -> Answer:
        assert session.endpoint is not None
        context = OperationContext(
            message,
            session.via,
            session.peer,
            session.identifier,
            security=session.security,
            endpoint=session.endpoint,
            channel=session.channel,
        )
        instance, own, waiting = self._instance(session)
        if waiting is not None:
            await waiting
        stay = Stay(instance)
        waiting = stay.enter()
        if waiting is not None:
            await waiting
        try:
            if session.callback is not None:
                context.callback = session.callback(stay)
            method = getattr(instance.instance, operation.method)
            streamed = session.endpoint.binding.streamed
            return await self.invoker.call(operation, method, context, stream, streamed)
        finally:
            stay.end()
            if own:
                instance.dispose()
                self.throttles.instances.give()

    def _instance(self, session: Session) -> tuple[InstanceContext, bool, Deferred[None] | None]:
        """The instance for a call, whether it ends with the call, and what to wait for first."""
        instances, slots = self.instances, self.throttles.instances
        if instances.single:
            return instances.context(None), False, None
        if instances.per_session(session.identifier is not None):
            if session.instance is not None:
                return session.instance, False, None
            session.instance = instances.context(session.lock)
            return session.instance, False, slots.take()
        return instances.context(session.lock), True, slots.take()

    def session_over(self, session: Session) -> None:
        """The session's channel is closed."""
        instance, session.instance = session.instance, None
        if instance is not None:
            instance.dispose()
            self.throttles.instances.give()


def address_reply(reply: Message, request: Message, session: Session) -> None:
    """Give a reply the headers by which it finds back."""
    reply.version = request.version
    reply.relates_to = request.message_id
    reply.message_id = reply.reply_to = None
    # A channel that is a session has no other receiver; in a streamed reply WCF says nothing.
    anonymous = reply.version.addressing.anonymous or None
    reply.to = anonymous if session.identifier is not None else None
