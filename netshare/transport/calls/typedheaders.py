"""
Headers with typed values that no message contract declares. (``MessageHeader.CreateHeader``,
``MessageHeaders.GetHeader<T>``)
"""

from __future__ import annotations

from typing import Any

from netshare.transport.datacontracts import serializer_for
from netshare.transport.soap import MessageHeader

__all__ = ["header_value", "typed_header"]


def typed_header(
    name: str,
    namespace: str,
    value: Any,
    hint: Any = None,
    *,
    must_understand: bool = False,
    actor: str = "",
) -> MessageHeader:
    """
    Make a header whose content is a value, as a data contract has it.

    :param name: its local name
    :param namespace: its namespace
    :param value: what it says
    :param hint: the value's type, as a contract would declare it; None: the value's class
    :param must_understand: whether a receiver that does not know it has to refuse the message
    :param actor: whom it is for; empty for the last receiver
    :raises UnencodableValue: when it is sent: the value is not of the type
    """
    serializer = serializer_for(type(value) if hint is None else hint)

    def write(writer: Any) -> None:
        serializer.write_content(writer, value)

    return MessageHeader(name, namespace, must_understand=must_understand, actor=actor, write=write)


def header_value(header: MessageHeader, hint: Any) -> Any:
    """
    :param header: a header that was received
    :param hint: the type of its value, as a contract would declare it
    :returns: the value
    :raises DeserializationFailed: it is not of the type
    """
    return serializer_for(hint).read(header.cursor())
