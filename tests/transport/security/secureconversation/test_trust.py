"""The bodies of requests for security contexts, and of answers."""

from __future__ import annotations

import pytest

from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.names import CANCEL, ISSUE, RENEW
from netshare.transport.security.secureconversation.trust import (
    Issued,
    Request,
    cancelled,
    issued,
    read_cancelled,
    read_issued,
    read_request,
    request,
)
from netshare.transport.soap import BodyWriter
from netshare.transport.xml import Element, TextWriter, parse
from tests.helpers.security import recorded_messages

NONCE = bytes(range(32))


def text(write: BodyWriter) -> str:
    writer = TextWriter()
    write(writer)
    return writer.getvalue()


def element(write: BodyWriter) -> Element:
    return parse(text(write).encode()).root


@pytest.mark.parametrize(
    "asked",
    [
        Request(ISSUE, NONCE),
        Request(RENEW, NONCE, "urn:context"),
        Request(CANCEL, target="urn:context"),
    ],
)
def test_requests(asked: Request) -> None:
    """Each kind of request is read as it was written."""
    assert read_request(element(request(asked))) == asked


@pytest.mark.parametrize("instance", [None, "urn:uuid:2"])
def test_answers(instance: str | None) -> None:
    """An issued context is read as it was written, to the millisecond."""
    token = Issued("urn:context", instance, NONCE, 1_795_600_000.25, 1_795_603_600.5)
    assert read_issued(element(issued(token))) == token
    read_cancelled(element(cancelled()))


def test_recorded_bodies() -> None:
    """Requests and answers of .NET and CoreWCF are read."""
    messages = [message for _, message in recorded_messages("twmc-username")]
    asked = read_request(messages[0].body_element())
    assert (asked.kind, len(asked.nonce)) == (ISSUE, 32)
    answer = read_issued(messages[1].body_element())
    assert answer.expires - answer.created == 15 * 3600
    assert read_request(messages[-2].body_element()) == Request(CANCEL, target=answer.context)
    read_cancelled(messages[-1].body_element())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ISSUE, "urn:other"),
        (">256<", ">128<"),
        ("BinarySecret", "Secret"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAEC"),
        ("RequestSecurityToken", "Request"),
    ],
)
def test_what_is_no_request(old: str, new: str) -> None:
    """What WCF does not ask for is refused."""
    with pytest.raises(SecurityInvalid):
        read_request(parse(text(request(Request(ISSUE, NONCE))).replace(old, new).encode()).root)
    with pytest.raises(SecurityInvalid):
        read_request(None)
