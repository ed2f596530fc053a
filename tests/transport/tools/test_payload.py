"""What an envelope carries, in any encoding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netshare.framing.records import (
    END,
    PREAMBLE_ACK,
    preamble,
)
from netshare.framing.sizes import encode_size
from netshare.transport.encoders.compression import compress
from netshare.transport.tools.capture import Piece, Side
from netshare.transport.tools.decode import decode
from netshare.transport.xml.binary import encode, read_document
from tests.helpers.binary_vectors import MESSAGE, MESSAGE_XML
from tests.helpers.captures import PREAMBLE, SIDES, SOAP, TEXT, VIA, client, names, problems, server
from tests.helpers.conversations import VECTORS
from tests.helpers.wire import sized_envelope


@pytest.mark.parametrize("path", sorted((VECTORS / "dotnet").glob("*.json")), ids=lambda p: p.stem)
def test_envelopes_are_what_dotnet_reads(path: Path) -> None:
    """Each envelope, and each string of the tables, is what .NET's own reader shows of it."""
    for connection in json.loads(path.read_text("utf-8"))["connections"]:
        steps = [(who, *rest) for who, *rest in connection["steps"] if who != "-"]
        written = [
            Piece(SIDES[who], bytes.fromhex(data))
            for who, data in steps
            if not data.startswith("error")
        ]
        records = decode(written)
        assert not problems(records)
        for who, sessions in connection.get("decoded", {}).items():
            for number, shown in enumerate(sessions, 1):
                contents = [
                    r.content
                    for r in records
                    if r.side is SIDES[who] and r.session == number and r.content is not None
                ]
                assert [c.xml() for c in contents] == [frame["xml"] for frame in shown]
                assert [list(c.strings) for c in contents] == [f["strings"] for f in shown]


@pytest.mark.parametrize(
    ("content_type", "payload"),
    [
        ("application/soap+xml; charset=utf-8", TEXT.encode()),
        ("application/soap+xml; charset=utf-16LE", TEXT.encode("utf-16")),
        ("application/soap+xml; charset=utf16", TEXT.encode("utf-16-le")),
        ("text/xml; charset=unicodeFFFE", b"\xfe\xff" + TEXT.encode("utf-16-be")),
        ("application/soap+msbin1", encode(read_document(MESSAGE))),
        ("application/soap+msbin1+gzip", compress("gzip", MESSAGE)),
        ("application/soap+msbin1+deflate", compress("deflate", MESSAGE)),
        ("application/soap+msbinsession1+gzip", compress("gzip", b"\0" + MESSAGE)),
    ],
)
def test_encodings(content_type: str, payload: bytes) -> None:
    """Whatever the encoding, the same XML comes out of it."""
    (record,) = client(preamble(VIA, content_type=content_type) + sized_envelope(payload))[-1:]
    assert record.content is not None
    assert not record.problem
    assert record.content.xml() == (MESSAGE_XML if "msbin" in content_type else TEXT)
    compressed = content_type.endswith(("gzip", "deflate"))
    assert (record.content.expanded is not None) == compressed


def test_soap_faults_are_named() -> None:
    """A message that is a fault shows its innermost code and its reason, in both versions."""
    soap12 = (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value>'
        "<s:Subcode><s:Value>a:Inner</s:Value></s:Subcode></s:Code><s:Reason><s:Text>why"
        "</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"
    )
    soap11 = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        "<faultcode>a:Inner</faultcode><faultstring>why</faultstring></s:Fault></s:Body>"
        "</s:Envelope>"
    )
    for text in (soap11, soap12):
        (record,) = server(PREAMBLE_ACK + sized_envelope(text.encode()))[1:]
        assert record.content is not None
        assert record.content.fault == "a:Inner: why"


def test_an_envelope_that_is_refused_does_not_hide_the_next() -> None:
    """Records go on behind an envelope that cannot be read; a lost session stays lost."""
    good = sized_envelope(b"\0" + MESSAGE)
    bad = sized_envelope(b"\0\xff")
    lost = sized_envelope(b"\x05")
    records = client(PREAMBLE + good + bad + good + lost + good + END)
    found = [r.problem for r in records if r.content]
    assert [bool(p) for p in found] == [False, True, False, True, True]
    assert "cannot be used" in found[-1]
    assert names(records)[-1] == "End"


def test_a_bomb_is_refused() -> None:
    """A compressed envelope that becomes too large is refused."""
    data = compress("gzip", bytes(65 * 1024 * 1024))
    content_type = "application/soap+msbin1+gzip"
    records = client(preamble(VIA, content_type=content_type) + sized_envelope(data))
    assert "expands to more than" in records[-1].problem


def test_the_session_size_can_be_raised() -> None:
    """String tables beyond WCF's default are refused, unless the caller allows them."""
    strings = b"".join(b"\x7f" + b"%0127d" % i for i in range(20))
    table = encode_size(len(strings)) + strings
    written: list[Any] = [Piece(Side.CLIENT, PREAMBLE + sized_envelope(table + MESSAGE))]
    assert "MaxSessionSize" in decode(written)[-1].problem
    assert not problems(decode(written, max_session_size=4096))
