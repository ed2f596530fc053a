"""
The headers of a message contract: members that travel beside the body.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from netshare.transport.contracts.description import HeaderDescription
from netshare.transport.datacontracts import (
    DeserializationFailed,
    Serializer,
    UnencodableValue,
)
from netshare.transport.soap import Message, MessageHeader
from netshare.transport.xml import XmlWriter

__all__ = ["HeaderFormatter"]


class HeaderFormatter:
    """
    Writes and reads the headers of one message of an operation.

    :param headers: which there are, each with its serializer
    :param operation: the operation's name, for errors
    """

    def __init__(
        self, headers: Sequence[tuple[HeaderDescription, Serializer]], operation: str
    ) -> None:
        self._headers = headers
        self._operation = operation

    def write(self, message: Message, values: Mapping[str, Any]) -> None:
        """
        Give a message its headers.

        :param values: by member
        :raises UnencodableValue: what is to be several headers is no list
        """
        for head, serializer in self._headers:
            value = values[head.member]
            where = (self._operation, head.name)
            if value is None and serializer.omits_null:
                continue
            for one in _items(value, where) if head.array else (value,):
                message.headers.append(
                    MessageHeader(
                        head.name,
                        head.namespace,
                        must_understand=head.must_understand,
                        prefix="h",
                        write=functools.partial(_content, serializer, one, where),
                    )
                )

    def read(self, message: Message) -> dict[str, Any]:
        """
        :returns: by member what the headers of a message are; those that it lacks are defaults
        :raises DeserializationFailed: a header is not what the contract says, or there are several
        """
        values: dict[str, Any] = {}
        for head, serializer in self._headers:
            found = [
                one
                for one in message.headers
                if one.name == head.name and one.namespace == head.namespace
            ]
            if head.array:
                items = [serializer.read(one.cursor()) for one in found]
                values[head.member] = None if head.optional and not items else items
                continue
            if len(found) > 1:
                raise DeserializationFailed(
                    f"there are {len(found)} headers of this name, and one is declared; several "
                    "are a list with header(array=True)",
                    head.name,
                )
            values[head.member] = (
                serializer.read(found[0].cursor()) if found else serializer.default
            )
        return values


def _items(value: Any, where: tuple[str, str]) -> Sequence[Any]:
    """:returns: what is a header each."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise UnencodableValue(f"{type(value).__name__} is no list of headers", *where)
    return value


def _content(serializer: Serializer, value: Any, where: tuple[str, str], writer: XmlWriter) -> None:
    try:
        serializer.write_content(writer, value)
    except UnencodableValue as error:
        for part in reversed(where):
            error.inside(part)
        raise
