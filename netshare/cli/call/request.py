"""
The message that ``netshare call`` sends, made of its command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from netshare.framing.records import Mode
from netshare.transport.encoders import BINARY, BINARY_SESSION, MessageEncoder, encoder_for
from netshare.transport.soap import Message, MessageHeader, new_message_id
from netshare.transport.xml import Element, Name, NamespaceDeclaration, XmlException, parse

__all__ = ["ENCODINGS", "RequestError", "encoder", "operation_of", "parse_body", "request"]

#: The encodings by the names that the command line has for them: content type, if it is not binary.
ENCODINGS: Final = {
    "binary": "",
    "binary+gzip": "+gzip",
    "binary+deflate": "+deflate",
    "text": "application/soap+xml; charset=utf-8",
    "text-utf16": "application/soap+xml; charset=utf-16LE",
    "text11": "text/xml; charset=utf-8",
    "text11-utf16": "text/xml; charset=utf-16LE",
}
_NAME: Final = re.compile(r"[^\W\d][\w.\-]*\Z")
_CLARK: Final = re.compile(r"(?:\{([^{}]*)\})?(.*)\Z", re.DOTALL)
#: A namespace without a path: WCF's default, http://tempuri.org/, ends with a slash.
_NO_PATH: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/]+\Z")


class RequestError(Exception):
    """The command line makes no message; the text says why."""


def encoder(name: str, mode: Mode, max_message_size: int) -> MessageEncoder:
    """
    :param name: one of :data:`ENCODINGS`
    :param mode: the binary encoding is another in each
    :param max_message_size: bytes that a compressed reply may become
    :returns: an encoder for one session
    """
    content_type = ENCODINGS[name]
    if name.startswith("binary"):
        content_type = (BINARY_SESSION if mode is Mode.DUPLEX else BINARY) + content_type
    return encoder_for(content_type, max_message_size=max_message_size).session()


def operation_of(action: str) -> tuple[str, str]:
    """
    What WCF made an action of, unless it was told otherwise: ``namespace/contract/operation``.

    :returns: the namespace and the operation's name
    :raises RequestError: the action does not look like that
    """
    parts = action.rsplit("/", 2)
    if len(parts) != 3 or not parts[0] or not _NAME.match(parts[2]):
        raise RequestError(
            f"the action {action!r} does not tell the operation and its namespace; give the "
            "body with --body or --body-file"
        )
    namespace = parts[0]
    return namespace + ("/" if _NO_PATH.match(namespace) else ""), parts[2]


def parse_body(text: bytes | str) -> Element | None:
    """
    :param text: XML
    :returns: its element; None for an empty text: an empty body
    :raises RequestError: it is no XML
    """
    if not text.strip():
        return None
    try:
        return parse(text).root
    except XmlException as error:
        raise RequestError(f"the body is not XML: {error}") from None


def wrapped(namespace: str, operation: str, arguments: Iterable[str]) -> Element:
    """
    :param namespace: of the contract
    :param operation: its name
    :param arguments: each ``name=value``, in the order of the operation's parameters
    :returns: the body as WCF wraps it
    :raises RequestError: an argument is none
    """
    children = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not _NAME.match(name):
            raise RequestError(f"{argument!r} is not name=value")
        children.append(Element(Name("", name, namespace), (), (value,) if value else ()))
    declared = (NamespaceDeclaration("", namespace),) if namespace else ()
    return Element(Name("", operation, namespace), declared, tuple(children))


def header(text: str) -> MessageHeader:
    """
    :param text: ``{namespace}name=value``
    :raises RequestError: it is no such text
    """
    match = _CLARK.match(text)
    assert match is not None
    name, equals, value = match[2].partition("=")
    if not equals or not _NAME.match(name):
        raise RequestError(f"the header {text!r} is not {{namespace}}name=value")
    return MessageHeader(name, match[1] or "", value)


def request(
    encoding: MessageEncoder,
    action: str,
    body: Element | None,
    to: str,
    headers: Sequence[str] = (),
    one_way: bool = False,
) -> Message:
    """
    :param encoding: says the versions
    :param action: what it is about
    :param body: what is in it
    :param to: the address of the service
    :param headers: each as :func:`header` takes it
    :param one_way: whether no reply is asked for
    :returns: the message, as WCF's clients send it
    :raises RequestError: a header is none
    """
    return Message(
        action,
        body,
        version=encoding.version,
        headers=[*map(header, headers)],
        message_id=None if one_way else new_message_id(),
        reply_to=None if one_way else encoding.version.addressing.anonymous,
        to=to,
    )
