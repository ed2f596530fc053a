"""Conversations taken apart: recorded ones, cut and broken ones."""

from __future__ import annotations

import json

import pytest

from netshare.framing.chunked import MESSAGE_START, MESSAGE_STOP
from netshare.framing.faults import Fault
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
    END,
    NEGOTIATE_UPGRADE,
    PREAMBLE_ACK,
    SSL_TLS_UPGRADE,
    UPGRADE_RESPONSE,
    Mode,
    preamble,
)
from netshare.framing.sizes import encode_size
from netshare.transport.tools import Piece, Side, decode
from netshare.transport.xml.binary import WriterSession, encode_envelope, read_document
from tests.helpers.binary_vectors import MESSAGE, MESSAGE_XML
from tests.helpers.captures import (
    PREAMBLE,
    SIDES,
    STREAMED,
    VIA,
    client,
    covered,
    names,
    pieces,
    problems,
    server,
)
from tests.helpers.conversations import VECTORS, Conversation, conversations
from tests.helpers.wire import sized_envelope


@pytest.mark.parametrize("conversation", list(conversations()), ids=lambda c: c.name)
def test_recorded_conversations(conversation: Conversation) -> None:
    """All of what .NET and Mono said is understood, and each byte belongs to one record."""
    records = decode(pieces(conversation))
    assert not problems(records)
    for who, side in SIDES.items():
        assert covered(records, side) == b"\x01" * len(conversation.side(who))
    envelopes = [r.content for r in records if r.content is not None]
    for content in envelopes:
        assert content.action
        assert content.xml().startswith("<s:Envelope")
        assert content.indented()
    assert bool(envelopes) == (not conversation.name.endswith(("open-only", "EndpointNotFound")))


def test_records_stand_in_the_order_in_which_they_were_complete() -> None:
    """An answer stands behind what it answers, and each session has its number."""
    (pooled,) = (c for c in conversations() if c.name == "dotnet-pooled-two-services-0")
    records = decode(pieces(pooled))
    first = [(r.side.value, r.name) for r in records if r.session == 1]
    assert first[4:] == [
        ("client", "PreambleEnd"),
        ("server", "PreambleAck"),
        *[("client", "SizedEnvelope"), ("server", "SizedEnvelope")] * 2,
        ("client", "End"),
        ("server", "End"),
    ]
    assert [r.session for r in records] == sorted(r.session for r in records)
    assert {r.session for r in records} == {1, 2, 3}


def test_two_directions_without_an_order() -> None:
    """Of two whole directions the records stand session by session, the client's first."""
    (pooled,) = (c for c in conversations() if c.name == "dotnet-pooled-two-services-0")
    records = decode([Piece(SIDES[who], pooled.side(who)) for who in "sc"])
    assert not problems(records)
    shown = [(r.session, r.side) for r in records]
    assert shown == sorted(shown, key=lambda pair: (pair[0], pair[1] is Side.SERVER))


def test_a_server_alone_is_read_by_its_looks() -> None:
    """Without the client nobody says the content type; binary, text and gzip are told apart."""
    for conversation in conversations():
        data = conversation.side("s")
        if data[:1] != UPGRADE_RESPONSE:
            assert not problems(server(data)), conversation.name


def test_offsets_sizes_and_texts() -> None:
    """A record says where it stands, how long it is and what is in it."""
    data = preamble(VIA) + sized_envelope(encode_envelope(read_document(MESSAGE), WriterSession()))
    records = client(data + END)
    assert [(r.offset, r.size, r.name, r.text) for r in records] == [
        (0, 3, "Version", "1.0"),
        (3, 2, "Mode", "Duplex"),
        (5, 2 + len(VIA), "Via", VIA),
        (7 + len(VIA), 2, "KnownEncoding", BINARY_SESSION),
        (9 + len(VIA), 1, "PreambleEnd", ""),
        (10 + len(VIA), len(data) - 10 - len(VIA), "SizedEnvelope", ""),
        (len(data), 1, "End", ""),
    ]
    content = records[5].content
    assert content is not None
    assert content.xml() == MESSAGE_XML
    assert content.strings
    assert content.first_id == 1


def test_chunks_are_put_together() -> None:
    """A streamed message is one record, however it was cut."""
    chunks = [MESSAGE[at : at + 1000] for at in range(0, len(MESSAGE), 1000)]
    data = preamble(VIA, Mode.SINGLETON, BINARY) + MESSAGE_START
    data += b"".join(encode_size(len(chunk)) + chunk for chunk in chunks) + MESSAGE_STOP + END
    records = client(data)
    assert names(records)[-2:] == ["UnsizedEnvelope", "End"]
    assert records[-2].text == f"{len(chunks)} chunks"
    assert records[-2].content is not None
    assert records[-2].content.xml() == MESSAGE_XML


def test_a_fault_is_explained() -> None:
    """A fault is shown with its text and what it means."""
    records = decode(
        [Piece(Side.CLIENT, preamble(VIA)), Piece(Side.SERVER, Fault.ENDPOINT_NOT_FOUND.record)]
    )
    assert records[-1].name == "Fault"
    assert "EndpointNotFound: no service listens at this address" in records[-1].text
    assert not problems(records)
    (unknown,) = server(b"\x08\x05urn:x")
    assert "faulted with the code 'urn:x'" in unknown.text


TLS_RECORD = b"\x17\x03\x03\x00\x02ab"
HANDSHAKE = b"\x16\x03\x01\x00\x02ab"


def test_tls_hides_one_session() -> None:
    """What TLS hides is said to be encrypted; the next session of the socket is read again."""
    hidden = preamble(VIA, upgrade=SSL_TLS_UPGRADE) + HANDSHAKE + TLS_RECORD * 3
    records = decode(
        [
            Piece(Side.CLIENT, hidden + preamble(VIA) + END),
            Piece(Side.SERVER, UPGRADE_RESPONSE + HANDSHAKE + TLS_RECORD + PREAMBLE_ACK + END),
        ]
    )
    assert not problems(records)
    assert [(r.side.value, r.text) for r in records if r.name == "TLS"] == [
        ("client", "encrypted, 4 records of TLS"),
        ("server", "encrypted, 2 records of TLS"),
    ]
    second = names([r for r in records if r.session == 2])
    assert second[:7] == [
        "Version",
        "Mode",
        "Via",
        "KnownEncoding",
        "PreambleEnd",
        "End",
        "PreambleAck",
    ]
    assert second[7:] == ["End"]


def test_windows_upgrade_hides_the_rest() -> None:
    """Behind the Windows upgrade everything is encrypted."""
    records = decode(
        [
            Piece(Side.CLIENT, preamble(VIA, upgrade=NEGOTIATE_UPGRADE) + b"\x16\x01\0\0\x02abxyz"),
            Piece(Side.SERVER, UPGRADE_RESPONSE + b"\x14\x01\0\0\0xyz"),
        ]
    )
    assert not problems(records)
    assert names(records, Side.CLIENT)[-2:] == ["UpgradeRequest", "Encrypted"]
    assert names(records, Side.SERVER) == ["UpgradeResponse", "Encrypted"]


def test_a_preamble_of_queues() -> None:
    """The mode of message queues has no PreambleEnd and no framing around its message."""
    example = json.loads((VECTORS / "spec_nmfmb_preamble.json").read_text())
    data = bytes.fromhex(example["hex"])
    assert names(client(data)) == ["Version", "Mode", "Via", "KnownEncoding"]
    (message,) = client(data + MESSAGE)[4:]
    assert (message.name, message.size) == ("Message", len(MESSAGE))
    assert message.content is not None
    assert message.content.xml() == MESSAGE_XML


@pytest.mark.parametrize(
    ("side", "data", "listed", "says"),
    [
        ("c", PREAMBLE[:-1], 4, "ends inside the preamble"),
        ("c", PREAMBLE[:20], 2, "ends inside the preamble"),
        ("c", PREAMBLE[:1], 0, "ends inside the preamble"),
        ("c", PREAMBLE + b"\x06", 5, "inside the size of a message"),
        ("c", PREAMBLE + b"\x06\x05abc", 5, "2 bytes before the end of a message"),
        ("c", PREAMBLE + b"\x06\xff\xff\xff\xff\xff", 5, "beyond 0x7FFFFFFF"),
        ("c", PREAMBLE + b"\x0b", 5, "PREAMBLE_ACK record stands where"),
        ("c", PREAMBLE + END + b"\x06", 6, "begins with 0x06, not with a Version record"),
        ("c", b"\0\x02\0", 0, "framing version 2 is not known"),
        ("c", b"\0\x01\0\x01\x09", 1, "mode 9 is not one of 1 to 4 (answered with Unsupp"),
        ("c", b"\0\x01\0\x01\x02\x02\x81\x10" + b"a" * 2049, 2, "has 2049 bytes, the limit is"),
        ("c", b"\0\x01\0\x01\x02\x02\x01\xff", 2, "the via is not UTF-8"),
        ("c", b"GET / HTTP/1.1\r\n\r\n", 0, "looks like HTTP"),
        ("c", preamble(VIA, content_type="x/y") + b"\x06\x01a", 6, "no message encoding 'x/y'"),
        ("c", preamble(VIA, content_type="text/xml; charset=utf-8") + b"\x06\x02<a", 6, "line 1"),
        ("c", preamble(VIA, content_type="text/xml; charset=utf16") + b"\x06\x01a", 6, "utf-16LE"),
        ("c", PREAMBLE + b"\x06\x02\x05\x01", 6, "string table is longer than the message"),
        ("c", PREAMBLE + b"\x06\x03\x00\x40\x01", 6, "Unexpected end"),
        ("c", STREAMED + b"\x05\x03ab", 5, "the connection ended inside the message"),
        ("c", STREAMED + b"\x05\x81", 5, "inside the size of a chunk"),
        ("c", STREAMED + b"\x05", 5, "the connection ended inside the message"),
        ("c", STREAMED + b"\x05\x04@\x01a\x01\x00\x06", 6, "stands where an End record has to"),
        ("c", preamble(VIA, upgrade=SSL_TLS_UPGRADE) + b"\x16\x03\x01\0\x09a", 5, "record of TLS"),
        ("c", preamble(VIA, upgrade="x") + b"\x07", 5, "stands where PreambleEnd or an Upgr"),
        ("c", preamble(VIA, upgrade="x") + b"\x09", 5, "ends inside the preamble"),
        ("s", b"\x01", 0, "MODE record stands where a PreambleAck has to"),
        ("s", b"HTTP/1.1 400", 0, "looks like HTTP"),
        ("s", b"\x08\x05urn", 0, "inside a fault"),
        ("s", b"\x08\x81\x02" + b"a" * 257, 0, "longer than the 256 bytes"),
        ("s", b"\x08\x01a\x0b", 1, "something follows a fault"),
        ("s", PREAMBLE_ACK + b"\x08\x01a\x0b", 2, "something follows a fault"),
    ],
)
def test_problems_are_named(side: str, data: bytes, listed: int, says: str) -> None:
    """What is malformed, cut off or refused is said, behind the records that can be read."""
    records = decode([Piece(SIDES[side], data)])
    (problem,) = problems(records)
    assert says in problem
    bad = [r for r in records if r.problem]
    assert bad == records[-1:]
    assert len(records) - (bad[0].name == "Malformed") == listed
    assert covered(records, SIDES[side]) == b"\x01" * len(data)
