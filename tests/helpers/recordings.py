"""
The recorded conversations of tests/vectors/mono and of .NET Framework, ready to be replayed.

Of Mono's there are the bytes of either direction and not what came after what. That follows from
what answers what: a client that calls one thing after the other says the next one when it has its
reply, and a callback's reply follows the callback.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from tests.helpers.conversations import VECTORS
from tests.helpers.replaying import (
    Item,
    RecordedSession,
    Recording,
    XmlReader,
    canonical,
    message_id,
    related_to,
    sessions_of,
)

MONO = {
    "default-port-808": "IEcho",
    "none-duplex": "IDuplexEcho",
    "none-echo": "IEcho",
    "none-open-only": "IEcho",
    "streamed-echo": "IStreamEcho",
    "text": "IEcho",
    "text11": "IEcho",
    "text16le": "IEcho",
    "via-escaped": "IEcho",
    "fault-EndpointNotFound": "IEcho",
}
"""The contracts of the recordings of tests/vectors/mono."""

FRAMEWORK = "wcf_session_none_echo"
"""The recording of .NET Framework."""

_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_ANONYMOUS = f"{_ADDRESSING}/anonymous"
_HEADERS = ("Action", "To", "MessageID", "ReplyTo")
_CLIENT = "net.tcp://127.0.0.1:53332/"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_ONE_WAY = ("/Notify", "/Start", "/Progress")
_UNQUALIFIED = re.compile(r' xmlns:(n\d+)=""')


def framework_recording() -> Recording:
    """:returns: the conversation of .NET Framework's client and service"""
    chunks = json.loads((VECTORS / f"{FRAMEWORK}.json").read_text("utf-8"))["chunks"]
    steps = [(chunk["dir"][0], bytes.fromhex(chunk["hex"])) for chunk in chunks]
    return Recording(FRAMEWORK, "IDemoService", [], [], list(sessions_of(steps)))


def mono_recording(name: str) -> Recording:
    """:returns: a conversation of Mono's client and service; each has one session"""
    said = ((who, (VECTORS / "mono" / f"{name}.{who}2{to}.bin").read_bytes()) for who, to in _SIDES)
    (session,) = sessions_of(said)
    session.items = list(_in_order(session))
    return Recording(name, MONO[name], [], [], [session], as_mono_says)


_SIDES = (("c", "s"), ("s", "c"))


def _in_order(session: RecordedSession) -> Iterator[Item]:
    """What was said in an order in which it can have been said."""
    readers = {who: XmlReader(session.content_type) for who in "cs"}
    said: dict[str, list[tuple[Item, str]]] = {"c": [], "s": []}
    for item in session.items:
        xml = readers[item.who].read(item.payload) if item.kind == "message" else ""
        said[item.who].append((item, xml))
    for item, xml in said["c"]:
        if related_to(xml):
            continue  # said below, after what it answers
        yield item
        if any(f"{end}</" in xml for end in _ONE_WAY):
            continue
        while said["s"]:
            answer, answered = said["s"].pop(0)
            yield answer
            replies = [one for one, other in said["c"] if _relates(other, answered)]
            yield from replies
            if not replies and (answer.kind != "message" or _answers(answered)):
                break
    assert not said["s"], "something was said that nobody asked for"


def _answers(xml: str) -> bool:
    """Whether it is a reply: it relates to something, or is one of Mono's faults."""
    return related_to(xml) is not None or ":Fault>" in xml


def _relates(xml: str, to: str) -> bool:
    return related_to(xml) is not None and related_to(xml) == message_id(to)


def as_mono_says(xml: str) -> str:
    """
    An envelope without that in which Mono's differ from .NET's, the same for both.

    :param xml: in canonical form
    :returns: in canonical form
    """
    # Canonical XML with numbered prefixes has one for no namespace too, which cannot be read.
    for prefix in set(_UNQUALIFIED.findall(xml)):
        xml = xml.replace(f' xmlns:{prefix}=""', "")
        xml = xml.replace(f"<{prefix}:", "<").replace(f"</{prefix}:", "</")
    root = ElementTree.fromstring(xml)
    header, body = root
    found = {name: header.find(f"{{{_ADDRESSING}}}{name}") for name in _HEADERS}
    action, to = found["Action"], found["To"]
    assert action is not None
    assert action.text is not None
    # To clients .NET says the anonymous address; Mono's replies have no To, and its callbacks the
    # address of the client's socket.
    if to is not None and to.text in (_ANONYMOUS, _CLIENT):
        header.remove(to)
    # Mono's one-way messages have an identifier and an address to reply to as others have.
    # Of callbacks that have replies, .NET's ask for them at the service's address.
    gone = {"MessageID", "ReplyTo"} if action.text.endswith(_ONE_WAY) else set()
    gone |= {"ReplyTo"} if action.text.endswith("/Ask") else set()
    for name in gone:
        one = found[name]
        if one is not None:
            header.remove(one)
    fault = next((one for one in body if one.tag.endswith("}Fault")), None)
    if fault is not None:
        _as_mono_faults(header, action, fault)
    return canonical(ElementTree.tostring(root, "unicode"))


def _as_mono_faults(
    header: ElementTree.Element, action: ElementTree.Element, fault: ElementTree.Element
) -> None:
    # Mono's faults do not say what they relate to.
    for related in header.findall(f"{{{_ADDRESSING}}}RelatesTo"):
        header.remove(related)
    # Their actions lack a slash, or are the action of the request.
    action.text = ""
    for one in list(fault):
        # Their codes stand in no namespace or in that of addressing, and have no subcode.
        if one.tag.endswith(("}Code", "faultcode")):
            fault.remove(one)
    for one in fault.iter():
        # Their language is none; .NET's is that of the server.
        one.attrib.pop(_LANGUAGE, None)
