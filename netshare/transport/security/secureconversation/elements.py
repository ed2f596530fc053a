"""Reading the elements of security headers, and writing them."""

from __future__ import annotations

import base64
import binascii

from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.names import WSU
from netshare.transport.soap import Message
from netshare.transport.xml import Element, XmlException, lexical

__all__ = ["base64_of", "body_of", "identifier_of", "needed", "text_of"]


def body_of(message: Message) -> Element | None:
    """
    :returns: the first element of a message's body; None: it is empty
    :raises SecurityInvalid: the body is bad XML
    """
    try:
        return message.body_element()
    except XmlException as error:
        raise SecurityInvalid(f"the body cannot be read: {error}") from None


def needed(parent: Element, local: str, namespace: str) -> Element:
    """
    :returns: the one child of that name
    :raises SecurityInvalid: there is none, or more than one
    """
    found = [
        child
        for child in parent.elements()
        if child.local == local and child.namespace == namespace
    ]
    if len(found) != 1:
        raise SecurityInvalid(f"{parent.local} has {len(found)} elements {local}")
    return found[0]


def text_of(element: Element) -> str:
    """
    :raises SecurityInvalid: there are elements in it
    """
    try:
        return element.text.strip()
    except XmlException as error:
        raise SecurityInvalid(f"{element.local}: {error}") from None


def base64_of(element: Element) -> bytes:
    """
    :returns: the bytes of an element in base64, however the encoding carried them
    :raises SecurityInvalid: it has something else
    """
    try:
        value = element.value
        if isinstance(value, bytes):
            return value
        return base64.b64decode("".join(lexical(value).split()), validate=True)
    except (XmlException, binascii.Error, ValueError) as error:
        raise SecurityInvalid(f"{element.local} is not base64: {error}") from None


def identifier_of(element: Element) -> str | None:
    """:returns: an element's u:Id"""
    value = element.get("Id", WSU)
    return None if value is None else lexical(value)
