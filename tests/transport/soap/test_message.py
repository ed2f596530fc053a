"""Messages and their encodings, tested with what .NET, CoreWCF and Mono wrote."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from netshare.transport.calls.formatter import MessageFormatter
from netshare.transport.contracts.derivation import describe
from netshare.transport.encoders.encoders import (
    BinarySessionEncoder,
    UnknownContentType,
    encoder_for,
)
from netshare.transport.soap.faults import (
    DISPATCHER_FAULT_ACTION,
    FaultCode,
    SoapFault,
    action_not_supported,
    deserialization_failed,
    destination_unreachable,
    internal_service_fault,
    must_understand,
    session_terminated,
)
from netshare.transport.soap.message import (
    MESSAGE_VERSION_DEFAULT,
    SOAP11_AUGUST2004,
    SOAP11_WSA10,
    SOAP12,
    SOAP12_AUGUST2004,
    Message,
    MessageHeader,
    MessageInvalid,
    MessageVersion,
    SoapVersion,
    StreamBody,
    new_message_id,
)
from netshare.transport.xml import (
    Element,
    Name,
    QuotaExceeded,
    SessionInvalid,
    UniqueId,
    XmlException,
)
from netshare.transport.xml.binary import WriterSession
from netshare.transport.xml.binary.dictionary import STATIC_IDS
from netshare.transport.xml.binary.records import read_multibyte
from tests.helpers.binary_vectors import RecordedSession, conversations
from tests.helpers.places import VECTORS
from tests.peers.contracts import IBasic

#: Those with message security have headers that nobody could write again from their values.
RECORDED = {name: r for name, r in conversations() if not name.startswith("twmc")}


def again(message: Message) -> Message:
    """A new message with all that a received one has, its body as a tree or as a fault."""
    body: Any = message.body_element()
    if message.is_fault:
        fault = SoapFault.from_message(message)
        body = fault.write11 if message.version.soap is SoapVersion.SOAP11 else fault.write12
    return Message(
        message.action,
        body,
        version=message.version,
        headers=[
            MessageHeader(h.name, h.namespace, h.value, h.must_understand, prefix=h.prefix)
            for h in message.headers
        ],
        message_id=message.message_id,
        relates_to=message.relates_to,
        reply_to=message.reply_to,
        to=message.to,
        is_fault=message.is_fault,
    )


def envelopes(data: bytes) -> list[bytes]:
    """What the sized envelopes of one direction of a recorded connection carry."""
    pos, frames = 0, []
    while pos < len(data):
        kind = data[pos]
        pos += 1
        if kind in (0x02, 0x04, 0x06):
            size, pos = read_multibyte(data, pos)
            if kind == 0x06:
                frames.append(data[pos : pos + size])
            pos += size
        else:
            pos += {0x00: 2, 0x01: 1, 0x03: 1}.get(kind, 0)
    return frames


def text_messages(name: str) -> list[bytes]:
    """The messages of a conversation recorded with .NET, both directions."""
    recording = json.loads((VECTORS / "dotnet" / f"{name}.json").read_text("utf-8"))
    frames = []
    for connection in recording["connections"]:
        for side in "cs":
            steps = [raw for who, raw in connection["steps"] if who == side]
            frames += envelopes(b"".join(bytes.fromhex(s) for s in steps if s[:5] != "error"))
    return frames


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_envelopes_written_again(name: str) -> None:
    """The headers of every envelope of .NET, and its faults, come out byte by byte."""
    recorded: RecordedSession = RECORDED[name]
    encoder = encoder_for("binary-session")
    known: list[str] = []
    for frame, strings in zip(recorded.frames, recorded.strings, strict=True):
        message = encoder.decode(frame)
        # Give the strings the ids they have in the recording, whatever the body needs them for.
        known += strings
        writing = WriterSession()
        for string in known:
            writing._add(string)
        writing.take_table()
        own = BinarySessionEncoder("x", MESSAGE_VERSION_DEFAULT, encoder.quotas, 0)
        own.know(writing=writing)
        written = own.encode(again(message))
        size, start = read_multibyte(written, 0)
        written = written[start + size :]
        size, start = read_multibyte(frame, 0)
        expected = frame[start + size :]
        begin = expected.index(b"\x56\x0e")
        assert written[: begin + 2] == expected[: begin + 2]
        # Longer texts .NET does not end in their own record.
        if message.is_fault and len(expected) < 300 and not STATIC_IDS.keys() & strings:
            assert written == expected


@pytest.mark.parametrize("name", ["text11", "text12", "text12-utf16"])
def test_recorded_text_written_again(name: str) -> None:
    """Text of .NET in any version and charset comes out byte by byte."""
    kind = {
        "text11": "text/xml; charset=utf-8",
        "text12": "application/soap+xml; charset=utf-8",
        "text12-utf16": "application/soap+xml; charset=utf-16LE",
    }[name]
    encoder = encoder_for(kind)
    frames = text_messages(name)
    assert len(frames) == 10
    for frame in frames:
        message = encoder.decode(frame)
        assert encoder.encode(again(message)) == frame


MONO = {
    "none-echo": "application/soap+msbinsession1",
    "none-duplex": "application/soap+msbinsession1",
    "default-port-808": "application/soap+msbinsession1",
    "via-escaped": "application/soap+msbinsession1",
    "text": "application/soap+xml; charset=utf-8",
    "text11": "text/xml; charset=utf-8",
    "text16le": "application/soap+xml; charset=utf-16LE",
}


@pytest.mark.parametrize("name", MONO)
def test_messages_of_mono(name: str) -> None:
    """Messages of Mono are read, requests answered by replies that relate to them."""
    encoder = encoder_for(MONO[name], max_message_size=1 << 20)
    requests, replies = (
        [
            encoder.session().decode(frame) if not encoder.has_session else frame
            for frame in envelopes((VECTORS / "mono" / f"{name}.{side}.bin").read_bytes())
        ]
        for side in ("c2s", "s2c")
    )
    if encoder.has_session:
        # Each direction has its own strings.
        requests = [m for s in [encoder.session()] for m in map(s.decode, requests)]
        replies = [m for s in [encoder.session()] for m in map(s.decode, replies)]
    assert requests
    asked = {m.message_id for m in requests if m.message_id is not None}
    answered = {m.relates_to for m in replies if m.relates_to is not None}
    assert asked
    assert answered <= asked
    for message in requests:
        assert message.action
        assert not message.not_understood()
    faults = [SoapFault.from_message(m) for m in replies if m.is_fault]
    assert all(f.reason and f.code.name for f in faults)


def envelope(headers: str, body: str = "<x/>", soap: str = SoapVersion.SOAP12.namespace) -> bytes:
    """An envelope as text, with the prefixes s and a."""
    wsa = "http://www.w3.org/2005/08/addressing"
    return (
        f'<s:Envelope xmlns:s="{soap}" xmlns:a="{wsa}"><s:Header>{headers}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def test_headers_in_any_order() -> None:
    """Headers are understood in any order, between others, with blanks, with other prefixes."""
    anonymous = MESSAGE_VERSION_DEFAULT.addressing.anonymous
    message = encoder_for("text").decode(
        envelope(
            " <q:h xmlns:q='urn:q'>1</q:h> <a:To> net.tcp://h/x</a:To>\n"
            "<z:RelatesTo xmlns:z='http://www.w3.org/2005/08/addressing' RelationshipType='urn:o'>"
            "urn:other</z:RelatesTo><a:RelatesTo>urn:1</a:RelatesTo>"
            f"<a:ReplyTo><a:Address>{anonymous}</a:Address><a:Metadata><x/></a:Metadata></a:ReplyTo>"
            "<!-- c --><a:MessageID> urn:uuid:00112233-4455-6677-8899-aabbccddeeff </a:MessageID>"
            "<a:FaultTo><a:Address>f</a:Address></a:FaultTo><a:From/><a:Action>urn:a</a:Action>"
        )
    )
    assert message.action == "urn:a"
    assert message.to == "net.tcp://h/x"
    assert str(message.message_id) == "urn:uuid:00112233-4455-6677-8899-aabbccddeeff"
    assert isinstance(message.message_id, UniqueId)
    assert message.relates_to == "urn:1"
    assert message.reply_to == anonymous
    assert message.fault_to == "f"
    assert message.from_ is None
    assert [h.name for h in message.headers] == ["h", "RelatesTo"]
    header = message.header("h", "urn:q")
    assert header is not None
    assert header.text == "1"
    assert message.header("h", "urn:z") is None


def test_must_understand() -> None:
    """Headers for us that have to be understood are listed unless somebody knows them."""
    role = "http://www.w3.org/2003/05/soap-envelope/role/"
    message = encoder_for("text").decode(
        envelope(
            "<a:Action s:mustUnderstand='1'>urn:a</a:Action>"
            "<h xmlns='urn:h' s:mustUnderstand='1'/><i xmlns='urn:h' s:mustUnderstand='true'/>"
            "<j xmlns='urn:h' s:mustUnderstand='0'/><k xmlns='urn:h'/>"
            f"<l xmlns='urn:h' s:mustUnderstand='1' s:role='{role}next'/>"
            "<m xmlns='urn:h' s:mustUnderstand='1' s:role='urn:somebody' s:relay='1'/>"
        )
    )
    assert [h.name for h in message.not_understood()] == ["h", "i", "l"]
    assert [h.name for h in message.not_understood({("urn:h", "i"), ("urn:h", "l")})] == ["h"]
    last = message.headers[-1]
    assert (last.actor, last.relay) == ("urn:somebody", True)


def test_headers_written() -> None:
    """A header is written with its attributes, and a received one is passed on as it came."""
    encoder = encoder_for("text/xml")
    sent = Message(
        "urn:a",
        version=SOAP11_WSA10,
        headers=[
            MessageHeader("plain", "urn:h", "1"),
            MessageHeader("must", "urn:h", 5, must_understand=True, actor="urn:x", prefix="h"),
            MessageHeader("made", "", write=lambda w: w.element("in", True)),
        ],
    )
    text = encoder.encode(sent).decode()
    assert (
        '<plain xmlns="urn:h">1</plain><h:must s:mustUnderstand="1" s:actor="urn:x" '
        'xmlns:h="urn:h">5</h:must><made><in>true</in></made>'
    ) in text
    received = encoder.decode(text.encode())
    assert received.header("must", "urn:h").actor == "urn:x"
    assert [h.element() for h in encoder.decode(encoder.encode(received)).headers] == [
        h.element() for h in received.headers
    ]


VERSIONS = [
    (SOAP12, 'xmlns="http://schemas.microsoft.com/ws/2005/05/addressing/none">urn:a</Action>'),
    (SOAP12_AUGUST2004, "http://schemas.xmlsoap.org/ws/2004/08/addressing"),
    (SOAP11_AUGUST2004, "http://schemas.xmlsoap.org/soap/envelope/"),
    (SOAP11_WSA10, "http://www.w3.org/2005/08/addressing"),
]


@pytest.mark.parametrize(("version", "part"), VERSIONS)
def test_versions(version: MessageVersion, part: str) -> None:
    """Every version of SOAP and WS-Addressing is written and read; others are refused."""
    encoder = encoder_for("text", version=version)
    data = encoder.encode(Message("urn:a", version=version, to="urn:to", message_id="urn:1"))
    assert part in data.decode()
    message = encoder.decode(data)
    assert (message.action, message.to) == ("urn:a", "urn:to")
    assert message.message_id == (None if version is SOAP12 else "urn:1")
    assert message.is_empty
    assert message.body() is None
    for other, _ in VERSIONS:
        if other.soap is not version.soap:
            with pytest.raises(MessageInvalid, match="SOAP1"):
                encoder_for("text", version=other).decode(data)
    with pytest.raises(XmlException, match="the channel"):
        encoder.encode(Message("urn:a"))


def test_as_dotnet_without_addressing() -> None:
    """Without WS-Addressing the bytes are those that .NET was seen to send."""
    basic = "urn:peers:basic"
    text = Element(Name("", "text", basic), (), ("a",))
    message = Message(
        "urn:peers:basic/IBasic/Notify",
        Element(Name("", "Notify", basic), (), (text,)),
        version=SOAP12,
        to="net.tcp://127.0.0.1:42073/x",
    )
    none = "http://schemas.microsoft.com/ws/2005/05/addressing/none"
    assert encoder_for("text", version=SOAP12).encode(message).decode() == (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>'
        f'<Action s:mustUnderstand="1" xmlns="{none}">urn:peers:basic/IBasic/Notify</Action>'
        f'<To s:mustUnderstand="1" xmlns="{none}">net.tcp://127.0.0.1:42073/x</To></s:Header>'
        '<s:Body><Notify xmlns="urn:peers:basic"><text>a</text></Notify></s:Body></s:Envelope>'
    )


@pytest.mark.parametrize(
    ("content_type", "mark"),
    [
        ("application/soap+xml; charset=utf-8", b""),
        ('text/xml; charset="UTF-8"', b""),
        ("application/soap+xml; charset=utf16", b"\xff\xfe"),
        ("application/soap+xml; charset=utf-16LE", b"\xff\xfe"),
        ("text/xml; charset=unicodeFFFE", b"\xfe\xff"),
        ("text/xml; charset=utf-16BE", b"\xfe\xff"),
    ],
)
def test_charsets(content_type: str, mark: bytes) -> None:
    """Each spelling of a charset is understood, with and without byte order mark."""
    encoder = encoder_for(content_type)
    assert encoder.accepts(content_type)
    assert encoder.accepts(encoder.content_type.upper())
    assert not encoder.accepts("application/soap+msbin1")
    data = encoder.encode(Message("urn:é中", version=encoder.version))
    assert data.startswith(mark)
    assert encoder.decode(data).action == "urn:é中"
    bare = data[len(mark) :]
    assert encoder.decode(bare).action == "urn:é中"
    # A mark says more than the content type.
    marked = b"\xef\xbb\xbf" + encoder_for(content_type.partition(";")[0]).encode(
        Message("urn:é中", version=encoder.version)
    )
    assert encoder.decode(marked).action == "urn:é中"
    if mark:
        with pytest.raises(XmlException):
            encoder.decode(data[:-1])


def test_content_types() -> None:
    """Known encodings and .NET's extensible ones have encoders, nothing else has."""
    assert encoder_for().content_type == "application/soap+msbinsession1"
    assert encoder_for("binary").content_type == "application/soap+msbin1"
    assert encoder_for("APPLICATION/soap+msbin1+GZIP").content_type.endswith("gzip")
    assert encoder_for("text", version=SOAP11_WSA10).content_type == "text/xml; charset=utf-8"
    for bad in ("multipart/related", "text/xml; charset=latin-1", "", "text/plain", "+gzip"):
        with pytest.raises(UnknownContentType):
            encoder_for(bad)
    with pytest.raises(UnknownContentType, match=r"SOAP 1\.2 only"):
        encoder_for("binary", version=SOAP11_WSA10)
    with pytest.raises(UnknownContentType, match="not for messages"):
        encoder_for("text/xml", version=MESSAGE_VERSION_DEFAULT)


def test_recorded_gzip() -> None:
    """Compressed messages of .NET and CoreWCF are read, and written ones are as theirs."""
    frames = text_messages("gzip")
    assert len(frames) == 4
    for half in (frames[:2], frames[2:]):
        reading = encoder_for("application/soap+msbinsession1+gzip").session()
        messages = [reading.decode(frame) for frame in half]
        assert messages[0].action.startswith("urn:peers:basic/IBasic/Echo")
        writing, again_reading = reading.session(), reading.session()
        for message in messages:
            data = writing.encode(again(message))
            assert data[:2] == b"\x1f\x8b"
            assert again_reading.decode(data).body_element() == message.body_element()


@pytest.mark.parametrize("kind", ["gzip", "deflate"])
def test_compression_bombs(kind: str) -> None:
    """A message may not expand to more than the limit, nor be cut off or no such data."""
    encoder = encoder_for(f"application/soap+msbin1+{kind}", max_message_size=10_000)
    small = encoder.encode(Message("urn:a", lambda w: w.element("x", "y" * 5000)))
    assert encoder.decode(small).body_element().text == "y" * 5000
    large = encoder.encode(Message("urn:a", lambda w: w.element("x", "y" * 10_000_000)))
    assert len(large) < 30_000
    with pytest.raises(QuotaExceeded, match="10000"):
        encoder.decode(large)
    for bad in (small[:-9], small[:5], b"", b"\0" * 50):
        with pytest.raises(XmlException):
            encoder.decode(bad)
    if kind == "gzip":
        half = encoder_for("binary").encode(Message("urn:a", lambda w: w.element("x", "z")))
        joined = b"".join(
            zlib.compress(half[at : at + 40], wbits=31) for at in range(0, len(half), 40)
        )
        assert encoder.decode(joined).body_element().text == "z"
    else:
        with pytest.raises(XmlException, match="more after"):
            encoder.decode(small + b"x")


def test_sessions_are_apart() -> None:
    """Each session has its own strings, in each direction; beyond the quota they go inline."""
    encoder = encoder_for("binary-session", max_session_size=60)
    client, server = encoder.session(), encoder.session()
    for number in range(20):
        name = f"name{number}"
        data = client.encode(Message("urn:a", lambda w, name=name: w.element(name, "", "urn:n")))
        message = server.decode(data)
        assert message.body_element().local == name
        assert client.decode(server.encode(again(message))).body_element().local == name
    with pytest.raises(XmlException):
        encoder.session().decode(data[1:])
    greedy = encoder_for("binary-session").session()
    with pytest.raises(QuotaExceeded):
        server.decode(greedy.encode(Message("urn:" + "b" * 100)))
    with pytest.raises(SessionInvalid):
        server.decode(data)


@pytest.mark.parametrize(("kind", "soap11"), [("text", False), ("text", True), ("binary", False)])
def test_faults(kind: str, soap11: bool) -> None:
    """Codes, reason, actor and detail of a fault arrive, in either version of SOAP."""
    version = SOAP11_WSA10 if soap11 else MESSAGE_VERSION_DEFAULT
    encoder = encoder_for(kind, version=version)
    code = FaultCode.receiver(FaultCode("Sub", "urn:c", FaultCode("Third", "urn:d")))
    fault = SoapFault(
        code, "why", lambda w: w.element("d", 5, "urn:x"), actor="urn:actor", lang="en-US"
    )
    message = encoder.decode(encoder.encode(fault.to_message(version=version, relates_to="urn:1")))
    assert message.is_fault
    assert message.relates_to == "urn:1"
    assert message.action == "http://www.w3.org/2005/08/addressing/soap/fault"
    received = SoapFault.from_message(message)
    assert received.reason == "why"
    assert received.actor == "urn:actor"
    assert received.code == (FaultCode("Third", "urn:d") if soap11 else code)
    assert received.lang == ("" if soap11 else "en-US")
    assert received.detail_element().text == "5"
    cursor = received.detail_cursor()
    assert cursor.name.local == "d"
    # It can be passed on.
    again = encoder.decode(encoder.encode(received.to_message(version=version)))
    assert SoapFault.from_message(again).detail_element() == received.detail_element()
    assert code.is_receiver
    assert FaultCode("Client").is_sender
    assert not FaultCode("Sender", "urn:mine").is_sender


READY = [
    (internal_service_fault(), "Receiver", "InternalServiceFault", DISPATCHER_FAULT_ACTION),
    (deserialization_failed("x"), "Sender", "DeserializationFailed", DISPATCHER_FAULT_ACTION),
    (session_terminated("x"), "Sender", "SessionTerminated", DISPATCHER_FAULT_ACTION),
    (
        action_not_supported("urn:x"),
        "Sender",
        "ActionNotSupported",
        "http://www.w3.org/2005/08/addressing/fault",
    ),
    (
        action_not_supported("urn:x", in_session=True),
        "Sender",
        "ActionNotSupported",
        "http://www.w3.org/2005/08/addressing/soap/fault",
    ),
    (
        destination_unreachable("urn:x"),
        "Sender",
        "DestinationUnreachable",
        "http://www.w3.org/2005/08/addressing/soap/fault",
    ),
    (
        must_understand([MessageHeader("h", "urn:h")]),
        "MustUnderstand",
        None,
        "http://www.w3.org/2005/08/addressing/soap/fault",
    ),
]


@pytest.mark.parametrize(("fault", "code", "subcode", "action"), READY)
def test_faults_of_the_dispatcher(
    fault: SoapFault, code: str, subcode: str | None, action: str
) -> None:
    """The faults that WCF's dispatcher sends have its codes and actions."""
    encoder = encoder_for("binary")
    message = encoder.decode(encoder.encode(fault.to_message()))
    assert message.action == action
    received = SoapFault.from_message(message)
    assert received.code.name == code
    assert (received.code.subcode and received.code.subcode.name) == subcode
    assert received.reason == fault.reason


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"<x/>", "not an envelope"),
        (envelope("", soap="urn:soap"), "not SOAP's"),
        (envelope("", soap=SoapVersion.SOAP11.namespace), "SOAP11, not SOAP12"),
        (b"<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'/>", "no body"),
        (envelope("").replace(b"s:Body", b"s:Torso"), "Torso"),
        (envelope("").replace(b"<s:Body>", b"text<s:Body>"), "Text stands"),
        (envelope("<a:Action>1</a:Action><a:Action>2</a:Action>"), "more than one 'Action'"),
        (envelope("<a:MessageID/>"), "UniqueId"),
        (envelope("<a:To><x/></a:To>"), "the element 'x'"),
        (envelope("<h s:mustUnderstand='perhaps'/>"), "Boolean"),
    ],
)
def test_no_messages(data: bytes, complaint: str) -> None:
    """What is no message of this version is refused with a reason."""
    with pytest.raises(MessageInvalid, match=complaint):
        encoder_for("text").decode(data)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<",
        b"<!DOCTYPE x [<!ENTITY e 'f'>]><x>&e;</x>",
        b"<?php ?><x/>",
        b"\xff\xff",
        b"<x>\xff</x>",
        b"\xff\xfe<",
    ],
)
def test_bad_text(text: bytes) -> None:
    """Text that is no XML, or has a DTD, entities or instructions, is refused."""
    with pytest.raises(XmlException):
        encoder_for("text").decode(text)


def test_faults_that_are_none() -> None:
    """A fault that is malformed, and a message that is none, are errors of their own."""
    encoder = encoder_for("text")
    with pytest.raises(MessageInvalid, match="no fault"):
        SoapFault.from_message(encoder.decode(envelope("")))
    for bad in ("<s:Code/>", "<s:Code><s:Value>q:x</s:Value></s:Code>", "<s:Node><x/></s:Node>"):
        message = encoder.decode(envelope("", f"<s:Fault>{bad}</s:Fault>"))
        with pytest.raises(MessageInvalid, match="fault cannot be read"):
            SoapFault.from_message(message)
    deep = "<s:Subcode>" * 60 + "</s:Subcode>" * 60
    message = encoder.decode(envelope("", f"<s:Fault><s:Code>{deep}</s:Code></s:Fault>"))
    with pytest.raises(MessageInvalid, match="more than 32"):
        SoapFault.from_message(message)


def test_streamed_body_needs_a_stream_encoder() -> None:
    """A streamed body cannot be written at once, and needs an element to be in."""
    message = Message("urn:a", StreamBody((("x", ""),)), message_id=new_message_id())
    with pytest.raises(XmlException, match="stream encoder"):
        encoder_for("binary").encode(message)
    with pytest.raises(ValueError, match="needs an element"):
        StreamBody(())


@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("templates", [False, True])
@pytest.mark.parametrize(
    "kind", ["binary-session", "binary", "application/soap+msbinsession1+gzip", "text"]
)
def test_pieces_are_the_message(kind: str, templates: bool, size: int) -> None:
    """In pieces a message has the same bytes as in one, in each encoding, and as a reply, too."""
    value = bytes(n & 0xFF for n in range(size))
    request = next(o for o in describe(IBasic).operations if o.name == "Count").request
    formatter = MessageFormatter(request, (), True)

    def body(writer: Any) -> None:
        writer.start_element("Count", "urn:peers:basic")
        writer.element("data", value, "urn:peers:basic")
        writer.end_element()

    encoder = encoder_for(kind)
    one, other = encoder.session(), encoder.session()
    for _ in range(3):
        message = (
            formatter.write({"data": value}, False) if templates else Message("urn:a/Count", body)
        )
        message.version, message.to = encoder.version, "net.tcp://there/is"
        message.message_id = new_message_id()
        pieces = one.pieces(message)
        assert b"".join(pieces) == other.encode(message)
        if size > 65536 and kind.startswith("binary-session"):
            assert any(type(p) is memoryview and p.obj is value for p in pieces)
