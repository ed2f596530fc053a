"""
Between the arguments and results of an operation and its messages.
(DataContractSerializerOperationFormatter and StreamFormatter)
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, get_args

from netshare.transport.calls.declaredfault import DeclaredFault
from netshare.transport.calls.headers import HeaderFormatter
from netshare.transport.contracts.decorators import ANY_ACTION
from netshare.transport.contracts.description import (
    MessageDescription,
    OperationDescription,
)
from netshare.transport.contracts.exceptiondetail import read_detail
from netshare.transport.contracts.faulterror import FaultError
from netshare.transport.contracts.streams import Stream
from netshare.transport.datacontracts import (
    DeserializationFailed,
    is_primitive,
    serializer_for,
)
from netshare.transport.datacontracts.generated import GeneratedReader
from netshare.transport.datacontracts.scalars import XSD
from netshare.transport.datacontracts.unknown import UnknownNames
from netshare.transport.encoders.templates import OperationBody
from netshare.transport.soap import Message, ReceivedBody, SoapFault, StreamBody
from netshare.transport.xml import END, XSI, Element, Start, XmlCursor, XmlException
from netshare.transport.xmlserializer import XmlSerializer

__all__ = ["MessageFormatter", "OperationFormatter", "formatter_for"]

#: What XmlSerializer's messages declare in their bodies.
_XML_DECLARATIONS: Final = (("xsi", XSI), ("xsd", XSD))


class MessageFormatter:
    """
    One message of an operation.

    :param description: what it consists of
    :param known: types that may stand where the contract says less
    :param primitive: whether the operation has nothing but primitive types
    :param operation: the operation's name, for errors
    """

    def __init__(
        self,
        description: MessageDescription,
        known: Sequence[Any],
        primitive: bool,
        operation: str,
    ) -> None:
        self.description = description
        self._operation = operation
        self._unknown = UnknownNames(f"a message of {operation} has no part")
        self._parts = [
            (part, _serializer(part.hint, known, primitive, description))
            for part in description.parts
        ]
        self._writers = [(s, part.name, part.namespace, part.member) for part, s in self._parts]
        #: As XmlSerializer's messages have them, in the body's start tag.
        self._declarations = () if description.xml_namespace is None else _XML_DECLARATIONS
        self._byName = {(part.name, part.namespace): (part, s) for part, s in self._parts}
        #: Reads usual bodies with no events; None: what XmlSerializer reads.
        self._reader = (
            GeneratedReader(
                {n: (part.member, s.contract, s.known) for n, (part, s) in self._byName.items()}
            )
            if description.xml_namespace is None and description.wrapper is not None
            else None
        )
        #: By name: the member, and what reads its text.
        self._leaves: dict[tuple[str, str], tuple[str, Any]] = {
            (part.name, part.namespace): (part.member, serializer.read_leaf)
            for part, serializer in self._parts
            if serializer.read_leaf is not None
        }
        self._headers = HeaderFormatter(
            [(h, _serializer(h.hint, known, False, description)) for h in description.headers],
            operation,
        )
        #: The headers that are members of the message contract: (namespace, name).
        self.understood = frozenset((head.namespace, head.name) for head in description.headers)

    def write(self, values: Mapping[str, Any], streamed: bool) -> Message:
        """
        Make the message.

        :param values: by member
        :param streamed: whether the content of the stream, if there is one, goes out apart; if
            not it stands among the values as bytes
        :raises UnencodableValue: a value is not what the contract says
        """
        description = self.description
        message = Message(description.action)
        self._headers.write(message, values)
        stream = description.stream
        if streamed and stream is not None:
            path = () if description.wrapper is None else (description.wrapper,)
            message.body_content = StreamBody((*path, (stream.name, stream.namespace)))
        elif self._parts or description.wrapper is not None:
            message.body_content = OperationBody(
                description.wrapper, self._writers, values, self._operation, self._declarations
            )
        return message

    def fill(self, message: Message, content: bytes) -> None:
        """
        Make a message whose body was to be streamed a whole one.

        :param content: of the stream
        """
        stream = self.description.stream
        assert stream is not None
        values = {stream.member: content}
        message.body_content = OperationBody(self.description.wrapper, self._writers, values)

    def read(self, message: Message, stream: Stream | None = None) -> dict[str, Any]:
        """
        Read a message.

        :param stream: the content of the stream, where it arrives apart
        :returns: every member's value; those that the message lacks are what WCF makes of that
        :raises DeserializationFailed: it is not what the contract says
        :raises BodyUnreadable: its body is bad XML
        """
        values = self._headers.read(message)
        if stream is not None and self.description.stream is not None:
            values[self.description.stream.member] = stream
            return values
        for part, serializer in self._parts:
            values[part.member] = serializer.default
        if self._readGenerated(message, values):
            return values
        message.load()
        if self._readLeaves(message, values):
            return values
        try:
            cursor = message.body()
            if cursor is not None:
                self._readBody(cursor, values)
        except XmlException as error:
            raise DeserializationFailed("", str(error)) from error
        return values

    def _readGenerated(self, message: Message, values: dict[str, Any]) -> bool:
        """
        Read a body of which no more was read yet than how it begins, with no events.

        :returns: whether it was a usual one; all others, and all errors, are the cursor's matter
        """
        body, wrapper, reader = message.body_content, self.description.wrapper, self._reader
        if (
            reader is None
            or wrapper is None
            or type(body) is not ReceivedBody
            or body.unread is None
        ):
            return False
        return reader.wanted and reader.read(body.unread.scan(wrapper), values)

    def _readLeaves(self, message: Message, values: dict[str, Any]) -> bool:
        """
        Read a body that has nothing but simple values in its wrapper, as most have, with no cursor.

        :returns: whether it was one; all others, and all errors, are the cursor's matter
        """
        body = message.body_content
        if type(body) is not ReceivedBody or body.index < 0:
            return False
        events, index = body.events, body.index
        first = events[index]
        if type(first) is not Start or first.name[1:] != self.description.wrapper:
            return False
        leaves = self._leaves
        try:
            for event in islice(events, index + 1, None):
                if type(event) is not Element:
                    return event is END
                (_, local, namespace), attributes, children = event
                leaf = leaves.get((local, namespace))
                if leaf is None or attributes:
                    return False
                member, read = leaf
                values[member] = read(children[0] if children else "")
        except XmlException:
            pass
        return False

    def _readBody(self, cursor: XmlCursor, values: dict[str, Any]) -> None:
        wrapper = self.description.wrapper
        if wrapper is None:
            self._readPart(cursor, values)
        else:
            name = cursor.name
            if (name.local, name.namespace) != wrapper:
                raise DeserializationFailed(
                    "",
                    f"the body has the element {name.local!r} of the namespace "
                    f"{name.namespace!r}, and not {wrapper[0]!r} of {wrapper[1]!r}",
                )
            cursor.enter()
            if cursor.next(strict=True) is None:
                cursor.leave()
                return
            self._readPart(cursor, values)
        while cursor.next(strict=True) is not None:
            self._readPart(cursor, values)

    def _readPart(self, cursor: XmlCursor, values: dict[str, Any]) -> None:
        name = cursor.name
        known = self._byName.get((name.local, name.namespace))
        if known is None:  # it may be of a newer version of the contract
            self._unknown.tell(name)
        else:
            part, serializer = known
            values[part.member] = serializer.read(cursor)


class OperationFormatter:
    """
    The messages of an operation.
    """

    def __init__(self, operation: OperationDescription) -> None:
        self.operation = operation
        reply = operation.reply
        both = (operation.request,) if reply is None else (operation.request, reply)
        primitive = all(
            message.xml_namespace is None and is_primitive(part.hint) and not message.headers
            for message in both
            for part in message.parts
            if not part.is_stream
        )
        known = operation.known_types
        self.request = MessageFormatter(operation.request, known, primitive, operation.name)
        self.reply = (
            None if reply is None else MessageFormatter(reply, known, primitive, operation.name)
        )
        self._faults = [DeclaredFault(declared, known) for declared in operation.faults]
        self._names = tuple(operation.parameters.parameters)

    # ---- the client

    def request_of(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Message, Any]:
        """
        :returns: the request, and what is streamed in it; None: nothing is
        :raises TypeError: these are not the operation's arguments
        :raises UnencodableValue: or of other types
        """
        operation = self.operation
        names = self._names
        if len(args) == len(names) and not kwargs:
            values = dict(zip(names, args, strict=True))
        else:
            try:
                bound = operation.parameters.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{operation.method}: {error}") from None
            bound.apply_defaults()
            values = dict(bound.arguments)
        description = operation.request
        if description.untyped:
            return self._untyped(values), None
        if description.type is not None:
            values = self._explode(description, values)
        if description.stream is None:
            return self.request.write(values, False), None
        source = values[description.stream.member]
        return self.request.write(values, True), b"" if source is None else source

    def _untyped(self, values: dict[str, Any]) -> Message:
        (message,) = values.values()
        if not isinstance(message, Message):
            raise TypeError(
                f"{self.operation.method}: a Message is needed, not {type(message).__name__}"
            )
        # The addressing headers are this call's, and the message may be sent again.
        request = copy.copy(message)
        request.headers = list(message.headers)
        if request.action is None:
            action = self.operation.request.action
            if action == ANY_ACTION:
                raise ValueError(
                    f"{self.operation.method}: the Message needs an action, such as "
                    'Message("urn:…", body); the operation takes any'
                )
            request.action = action
        return request

    def result(self, values: dict[str, Any]) -> Any:
        """What a client's call returns, from the values of the reply."""
        reply = self.operation.reply
        assert reply is not None
        if reply.type is not None:
            return reply.type(**values)
        parts = reply.parts
        if len(parts) == 1:
            return values[parts[0].member]
        return tuple(values[part.member] for part in parts) if parts else None

    def error(self, message: Message) -> FaultError[Any]:
        """What a client's call raises for a fault."""
        fault = SoapFault.from_message(message)
        detail = fault.detail_cursor()
        if detail is not None:
            name = detail.name.local, detail.name.namespace
            takers = [one for one in self._faults if (one.name, one.namespace) == name]
            # The action decides among several; Mono's services write it wrong.
            takers.sort(key=lambda one: one.description.action != message.action)
            if takers:
                value = takers[0].serializer.read(detail)
                return FaultError.from_fault(fault, message.action, value)
            return FaultError.from_fault(fault, message.action, read_detail(detail))
        return FaultError.from_fault(fault, message.action)

    # ---- the service

    def call_arguments(self, values: dict[str, Any]) -> list[Any]:
        """What the service's method is called with, from the values of the request."""
        request = self.operation.request
        if request.type is not None:
            return [request.type(**values)]
        return [*map(values.__getitem__, self._names)]

    def results(self, result: Any) -> dict[str, Any]:
        """
        The values of the reply, from what the service's method returned.

        :raises TypeError: it does not return what the contract says
        """
        reply = self.operation.reply
        assert reply is not None
        if reply.type is not None:
            return self._explode(reply, {"": result})
        parts = reply.parts
        if len(parts) == 1:
            return {parts[0].member: result}
        if not parts:
            return {}
        if not isinstance(result, tuple) or len(result) != len(parts):
            raise TypeError(
                f"{self.operation.method} has to return a tuple of {len(parts)}, "
                f"not {type(result).__name__}"
            )
        return {part.member: value for part, value in zip(parts, result, strict=True)}

    def fault(self, error: FaultError[Any]) -> tuple[SoapFault, str | None]:
        """
        :returns: the fault to answer, and its action; None: WCF's own
        """
        fault = SoapFault(error.code, error.reason)
        action = error.action
        if error.detail is not None:
            for declared in self._faults:
                if declared.takes(error.detail):
                    fault.detail = functools.partial(declared.write, error.detail)
                    return fault, action or declared.description.action
        elif error.fault is not None:
            fault.detail = error.fault.detail_element()
        return fault, action

    def _explode(self, message: MessageDescription, given: dict[str, Any]) -> dict[str, Any]:
        (whole,) = given.values()
        if not isinstance(whole, message.type):
            raise TypeError(
                f"{self.operation.method}: a {message.type.__name__} is needed, "
                f"not {type(whole).__name__}"
            )
        members = [part.member for part in message.parts]
        members += [head.member for head in message.headers]
        return {member: getattr(whole, member) for member in members}


@functools.cache
def formatter_for(operation: OperationDescription) -> OperationFormatter:
    """:returns: the formatter of an operation, made once."""
    return OperationFormatter(operation)


def _serializer(
    hint: Any, known: Sequence[Any], primitive: bool, description: MessageDescription
) -> Any:
    if hint is Stream or Stream in get_args(hint):
        return serializer_for(bytes, known, primitive=primitive)
    if description.xml_namespace is not None:
        return XmlSerializer(hint, description.xml_namespace, known)
    return serializer_for(hint, known, primitive=primitive)
