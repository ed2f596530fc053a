"""
From a request to its operation and its instance, and back with the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from netshare.transport.calls.authorization import Authorization
from netshare.transport.calls.callers import Caller
from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.instances import InstanceContext, Instances, Throttles
from netshare.transport.calls.interfaces import ITracedCall, ITracing
from netshare.transport.calls.invoker import Answer, Invoker, Refused, unreadable
from netshare.transport.calls.session import SessionState
from netshare.transport.calls.slots import Turn
from netshare.transport.contracts.behavior import ServiceBehavior
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.endpoint import ServiceEndpoint
from netshare.transport.contracts.streams import Stream
from netshare.transport.soap import (
    Message,
    action_missing,
    action_not_supported,
    destination_unreachable,
    session_terminated,
)

__all__ = ["Dispatcher"]


class Dispatcher:
    """
    Serves the requests of one listen URI.

    :param endpoints: those that listen there
    :param instances: of the service
    :param throttles: of the host
    :param caller: how methods are called
    :param authorization: who may call what; None: everybody that gets here
    :param tracing: follows each request; None: nothing does
    """

    def __init__(
        self,
        endpoints: Sequence[ServiceEndpoint],
        instances: Instances,
        behavior: ServiceBehavior,
        throttles: Throttles,
        caller: Caller,
        authorization: Authorization | None = None,
        tracing: ITracing | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.tracing = tracing
        self.instances = instances
        self.behavior = behavior
        self.throttles = throttles
        self.authorization = authorization
        self.invoker = Invoker(
            caller,
            behavior.include_exception_detail_in_faults,
            behavior.validate_must_understand,
        )

    def operation(self, session: SessionState, message: Message) -> OperationDescription:
        """
        The operation that a request is for; the session's endpoint is chosen with the first.

        :raises Refused: there is none
        """
        if session.terminated:
            raise Refused(session_terminated("The session was ended by an earlier call."), True)
        first = session.endpoint is None
        endpoint = session.endpoint or self._endpoint(session, message)
        to = message.to or session.via
        if not endpoint.matches(to):
            raise Refused(destination_unreachable(to, message.version))
        operation = endpoint.contract.operation_for(message.action)
        if operation is None and message.action is None:
            raise Refused(action_missing(message.version), not first)
        begins = first and session.identifier is not None
        if operation is None or (begins and not operation.is_initiating):
            fault = action_not_supported(message.action or "", message.version, not first)
            raise Refused(fault, not first)
        if first:
            session.endpoint = endpoint
            if session.callbacks is not None:
                session.callback = session.callbacks.for_endpoint(endpoint)
        return operation

    def _endpoint(self, session: SessionState, message: Message) -> ServiceEndpoint:
        to = message.to or session.via
        addressed = [one for one in self.endpoints if one.matches(to)]
        if not addressed:
            raise Refused(destination_unreachable(to, message.version))
        for one in addressed:
            if one.contract.operation_for(message.action) is not None:
                return one
        return addressed[0]

    def refuse(self, session: SessionState, message: Message, error: Exception) -> Answer:
        """
        Answer a request whose body cannot be read.

        :param message: its headers
        :param error: why
        """
        operation: OperationDescription | None = None
        traced = self._traced(session, message)
        try:
            operation = self._operation(session, message, traced)
            raise Refused(unreadable(error))
        except Refused as refused:
            answer = self.invoker.answer_to(refused, operation, message)
        answer.traced = traced
        return self._ended(session, operation, answer)

    async def dispatch(
        self, session: SessionState, message: Message, stream: Stream | None = None
    ) -> Answer:
        """
        Serve a request.

        :param stream: what the request streams
        :returns: the answer; every error has become one
        """
        operation: OperationDescription | None = None
        calls = self.throttles.calls
        traced = self._traced(session, message)
        try:
            operation = self._operation(session, message, traced)
            waiting = calls.take()
            if waiting is not None:
                await waiting
            try:
                answer = await self._serve(session, operation, message, stream, traced)
            finally:
                calls.give()
        except Exception as error:
            answer = self.invoker.answer_to(error, operation, message)
        answer.traced = traced
        return self._ended(session, operation, answer)

    def _ended(
        self, session: SessionState, operation: OperationDescription | None, answer: Answer
    ) -> Answer:
        """An operation that ends the session ends it, whatever the answer is."""
        if operation is not None and operation.is_terminating:
            session.terminated = answer.terminates = True
        return answer

    def _traced(self, session: SessionState, message: Message) -> ITracedCall | None:
        if self.tracing is None:
            return None
        return self.tracing.request_received(message, session.via, session.peer)

    def _operation(
        self, session: SessionState, message: Message, traced: ITracedCall | None
    ) -> OperationDescription:
        operation = self.operation(session, message)
        if traced is not None:
            assert session.endpoint is not None
            traced.found(operation, session.endpoint.contract.name)
        return operation

    async def _serve(
        self,
        session: SessionState,
        operation: OperationDescription,
        message: Message,
        stream: Stream | None,
        traced: ITracedCall | None,
    ) -> Answer:
        """Serve a request whose operation is known, in its turn, with its instance."""
        if self.authorization is not None:
            asking = OperationContext(
                message,
                session.via,
                session.peer,
                session.identifier,
                security=session.security,
                endpoint=session.endpoint,
                channel=session.channel,
            )
            await self.authorization.ask(asking, operation.method)
        instance, own, free = session.instance, False, None
        if instance is None:
            instance, own, free = self._new_instance(session)
        turn = Turn(instance.lock)
        waiting = turn.take()
        try:
            if waiting is not None:
                await waiting
            if free is not None:
                await free
            context = OperationContext(
                message,
                session.via,
                session.peer,
                session.identifier,
                callback=session.callback,
                security=session.security,
                endpoint=session.endpoint,
                channel=session.channel,
                turn=turn,
                traced=traced,
            )
            method = getattr(instance.instance, operation.method)
            streamed = session.identifier is None
            return await self.invoker.call(operation, method, context, stream, streamed)
        finally:
            turn.end()
            if own:
                self._dispose(instance)

    def _new_instance(
        self, session: SessionState
    ) -> tuple[InstanceContext, bool, Deferred[None] | None]:
        """The instance for a call, whether it ends with the call, and what to wait for first."""
        instances = self.instances
        if instances.single is not None:
            session.instance = instances.single
            return instances.single, False, None
        made = instances.context(session.lock)
        lasts = instances.per_session(session.identifier is not None)
        if lasts:
            session.instance = made
        return made, not lasts, self.throttles.instances.take()

    def _dispose(self, instance: InstanceContext) -> None:
        if instance is not self.instances.single:
            instance.dispose()
            self.throttles.instances.give()

    def session_over(self, session: SessionState) -> None:
        """The session's channel is closed."""
        instance, session.instance = session.instance, None
        if instance is not None:
            self._dispose(instance)
