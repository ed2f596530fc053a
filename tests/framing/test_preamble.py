"""netshare.framing.preamble: every record, mode and limit, in every split."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.framing.faults import Fault
from netshare.framing.preamble import (
    LONGEST_REMEMBERED,
    MOST_REMEMBERED,
    NEED_MORE,
    Malformed,
    Preamble,
    PreambleMemo,
    Reading,
    Stage,
    foreign_protocol,
    read_preamble,
    read_upgrade_or_end,
)
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
    KNOWN_ENCODINGS,
    MAX_CONTENT_TYPE_SIZE,
    MAX_VIA_SIZE,
    NEGOTIATE_UPGRADE,
    SSL_TLS_UPGRADE,
    Mode,
    RecordType,
    encoding_record,
    preamble,
    text_record,
)
from netshare.framing.sizes import encode_size
from tests.helpers.places import VECTORS

VIA = "net.tcp://localhost:9000/calc"
START = bytes.fromhex("00 01 00 01 02")


def text(record: int, payload: bytes) -> bytes:
    return bytes((record,)) + encode_size(len(payload)) + payload


def in_every_split(data: bytes, until: Stage) -> Reading:
    """Read growing prefixes; only the answer to the last may differ from NEED_MORE."""
    answer: Reading = NEED_MORE
    for end in range(len(data) + 1):
        answer = read_preamble(data[:end], until)
        assert answer == read_preamble(bytearray(data[:end]), until)
        if answer is not NEED_MORE:
            # More bytes change nothing: not those that follow, and not others.
            assert read_preamble(data, until) == answer
            assert read_preamble(data[:end] + b"\xff\x00", until) == answer
            break
    return answer


def test_the_minimal_preamble() -> None:
    """The bytes of the specification's example are written, and read back."""
    data = preamble(VIA)
    assert data == bytes.fromhex("0001000102021d") + VIA.encode() + bytes.fromhex("03080c")
    assert in_every_split(data, Stage.VIA) == Preamble(VIA, Mode.DUPLEX, 0, len(data) - 3)
    assert in_every_split(data, Stage.ANSWER) == Preamble(
        VIA, Mode.DUPLEX, 0, len(data), BINARY_SESSION
    )


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("upgrade", [None, SSL_TLS_UPGRADE, NEGOTIATE_UPGRADE])
@pytest.mark.parametrize("content_type", [*KNOWN_ENCODINGS.values(), BINARY + "+gzip", "x/ü"])
def test_modes_encodings_and_upgrades(mode: Mode, upgrade: str | None, content_type: str) -> None:
    """Every mode, encoding and upgrade is read as it was written, up to where a client waits."""
    data = preamble(VIA, mode, content_type, upgrade)
    answer = in_every_split(data, Stage.ANSWER)
    if mode is Mode.SINGLETON_SIZED:  # its message follows the encoding at once
        end = data.index(encoding_record(content_type)) + len(encoding_record(content_type))
        assert answer == Preamble(VIA, mode, 0, end, content_type)
    else:
        assert answer == Preamble(VIA, mode, 0, len(data), content_type, upgrade)


@pytest.mark.parametrize("byte", [9, 0x7F, 0xFF])
def test_an_unknown_encoding_byte(byte: int) -> None:
    """An encoding byte outside the table is no error here: it is refused as a content type."""
    answer = in_every_split(START + text(2, b"a") + bytes((3, byte, 0x0C)), Stage.ANSWER)
    assert isinstance(answer, Preamble)
    assert answer.content_type == f"unknown{byte}"


def test_the_minor_version_is_ignored() -> None:
    """Any second version number passes."""
    for minor in (0, 1, 255):
        data = bytes((0, 1, minor, 1, 2)) + text(2, b"a")
        assert in_every_split(data, Stage.VIA) == Preamble("a", Mode.DUPLEX, minor, len(data))


def test_the_longest_via() -> None:
    """A via of 2048 bytes, counted in UTF-8, is read; the size may have needless bytes."""
    via = "net.tcp://h/" + "é" * 1018
    assert len(via.encode()) == MAX_VIA_SIZE == 2048
    data = START + text(2, via.encode())
    assert in_every_split(data, Stage.VIA) == Preamble(via, Mode.DUPLEX, 0, len(data))
    longer = START + b"\x02\x80\x90\x80\x80\x00" + via.encode()
    assert read_preamble(longer) == Preamble(via, Mode.DUPLEX, 0, len(longer))


def test_the_longest_content_type_and_upgrade() -> None:
    """256 bytes are read in both."""
    name = "n" * MAX_CONTENT_TYPE_SIZE
    data = preamble("a", Mode.DUPLEX, name, name)
    assert in_every_split(data, Stage.ANSWER) == Preamble(
        "a", Mode.DUPLEX, 0, len(data), name, name
    )


V = START + text(2, b"a")  # through the via
E = V + b"\x03\x08"  # through the encoding

#: (name, the bytes up to and with what is wrong, offset, fault, a word of the reason)
WRONG: list[tuple[str, bytes, int, Fault | None, str]] = [
    *(
        (f"first-{byte:02x}", bytes((byte,)), 0, None, "Version")
        for byte in (1, 2, 7, 8, 0x0C, 0x0D, 0x16, 0x47, 0xFF)
    ),
    *(
        (f"major-{major}", bytes((0, major)), 1, Fault.UNSUPPORTED_VERSION, str(major))
        for major in (0, 2, 255)
    ),
    ("no-mode", b"\0\1\0\2", 3, None, "VIA"),
    ("reserved-for-mode", b"\0\1\0\x0d", 3, None, "0x0d"),
    *(
        (f"mode-{mode}", bytes((0, 1, 0, 1, mode)), 4, Fault.UNSUPPORTED_MODE, str(mode))
        for mode in (0, 5, 255)
    ),
    ("no-via", START + b"\3", 5, None, "KNOWN_ENCODING"),
    ("via-empty", START + b"\2\0", 6, None, "empty"),
    ("via-empty-long-form", START + b"\2\x80\0", 6, None, "empty"),
    ("via-2049", START + b"\2" + encode_size(2049), 6, Fault.VIA_TOO_LONG, "2049"),
    ("via-max", START + b"\2\xff\xff\xff\xff\x07", 6, Fault.VIA_TOO_LONG, "2147483647"),
    ("via-overflow", START + b"\2\xff\xff\xff\xff\x08", 6, None, "0x7FFFFFFF"),
    ("via-overflow-more", START + b"\2\x80\x80\x80\x80\x80", 6, None, "0x7FFFFFFF"),
    ("via-not-utf8", START + text(2, b"\xc3("), 7, None, "UTF-8"),
    ("via-surrogate", START + text(2, b"\xed\xa0\x80"), 7, None, "UTF-8"),
    *(
        (f"record-{byte:02x}-for-encoding", V + bytes((byte,)), 8, None, "encoding")
        for byte in (0, 1, 2, 5, 6, 7, 8, 9, 0x0A, 0x0B, 0x0C, 0x0D, 0xFF)
    ),
    ("type-empty", V + b"\4\0", 9, None, "empty"),
    ("type-257", V + b"\4" + encode_size(257), 9, Fault.CONTENT_TYPE_TOO_LONG, "257"),
    ("type-overflow", V + b"\4\xff\xff\xff\xff\x7f", 9, None, "0x7FFFFFFF"),
    ("type-not-utf8", V + text(4, b"\xff"), 10, None, "UTF-8"),
    *(
        (f"record-{byte:02x}-for-end", E + bytes((byte,)), 10, None, "PreambleEnd")
        for byte in (0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0A, 0x0B, 0x0D, 0xFF)
    ),
    ("upgrade-empty", E + b"\x09\0", 11, None, "empty"),
    ("upgrade-257", E + b"\x09" + encode_size(257), 11, Fault.CONTENT_TYPE_TOO_LONG, "257"),
    ("upgrade-not-utf8", E + text(9, b"\x80"), 12, None, "UTF-8"),
]


@pytest.mark.parametrize(
    ("data", "offset", "fault", "word"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_malformed(data: bytes, offset: int, fault: Fault | None, word: str) -> None:
    """What is wrong is said as soon as it is there, with its offset and its fault or none."""
    assert read_preamble(data[:-1], Stage.ANSWER) is NEED_MORE
    answer = in_every_split(data, Stage.ANSWER)
    assert isinstance(answer, Malformed)
    assert (answer.offset, answer.fault) == (offset, fault)
    assert word in answer.reason


def test_what_follows_the_via_is_not_looked_at() -> None:
    """Reading for the via alone stops behind it, whatever stands there."""
    for rest in (b"", b"\xff", b"GET / HTTP/1.1"):
        assert read_preamble(V + rest) == Preamble("a", Mode.DUPLEX, 0, len(V))


@given(st.binary(max_size=64), st.sampled_from(Stage))
def test_any_bytes(data: bytes, until: Stage) -> None:
    """Any bytes get one of the three answers, and the same in every split."""
    answer = in_every_split(data, until)
    if isinstance(answer, Preamble):
        assert answer.end <= len(data)
    elif isinstance(answer, Malformed):
        assert 0 <= answer.offset < len(data)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A preamble with a few bytes changed, inserted or dropped."""
    data = bytearray(
        preamble(
            draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)),
            draw(st.sampled_from(Mode)),
            draw(st.sampled_from([*KNOWN_ENCODINGS.values(), "a/b"])),
            draw(st.sampled_from([None, SSL_TLS_UPGRADE])),
        )
    )
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
        data = data or bytearray(1)
    return bytes(data)


@given(mutated())
def test_damaged_preambles(data: bytes) -> None:
    """A damaged preamble gets one of the three answers, and the same in every split."""
    for until in Stage:
        answer = in_every_split(data, until)
        assert answer is NEED_MORE or isinstance(answer, Preamble | Malformed)


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=300),
    st.sampled_from([Mode.SINGLETON, Mode.DUPLEX, Mode.SIMPLEX]),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    st.binary(max_size=20),
)
def test_round_trip(
    via: str, mode: Mode, content_type: str, upgrade: str | None, rest: bytes
) -> None:
    """Whatever is written is read back, and what follows is left alone."""
    data = preamble(via, mode, content_type, upgrade)
    expected = Preamble(via, mode, 0, len(data), content_type, upgrade)
    assert read_preamble(data + rest, Stage.ANSWER) == expected
    for end in range(len(data)):
        assert read_preamble(data[:end], Stage.ANSWER) is NEED_MORE


def test_inside_an_upgraded_stream() -> None:
    """Behind an upgrade only PreambleEnd or one more upgrade can come."""
    assert read_upgrade_or_end(b"") is NEED_MORE
    assert read_upgrade_or_end(b"\x0c\x06") == (None, 1)
    assert read_upgrade_or_end(text_record(RecordType.UPGRADE_REQUEST, "x")) == ("x", 3)
    answer = read_upgrade_or_end(b"\x06")
    assert isinstance(answer, Malformed)
    assert answer.fault is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"OPTIONS * HTTP/1.1", "HTTP"),
        (b"PRI * HTTP/2.0\r\n", "HTTP"),
        (b"GET", "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01", "TLS"),
        (b"\x16\x03", "TLS"),
        (b"SSH-2.0-OpenSSH", "SSH"),
        (b"PROXY TCP4 1.2.3.4", "the PROXY protocol"),
        (b"\r\n\r\n\x00\r\nQUIT\n\x21", "the PROXY protocol"),
        (b"\r\n\r\n", "the PROXY protocol"),
        (b"\x00\x01\x00", None),
        (b"GETTING", None),
        (b"\x16\x14", None),
        (b"", None),
        (b"G", None),
    ],
)
def test_foreign_protocols(data: bytes, name: str | None) -> None:
    """What often knocks at the wrong door is called by its name."""
    assert foreign_protocol(data) == name


def first_bytes() -> Iterator[tuple[str, bytes]]:
    """What each recorded client sent first, up to the answer of its server."""
    for path in sorted((VECTORS / "mono").glob("*.c2s.bin")):
        yield path.name, path.read_bytes()
    for path in sorted((VECTORS / "dotnet").glob("*.json")):
        for number, connection in enumerate(json.loads(path.read_text())["connections"]):
            said = [step for step in connection["steps"] if step[0] != "-"]
            first = b""
            for who, data in said:
                if who != "c":
                    break
                first += bytes.fromhex(data)
            yield f"{path.name}-{number}", first
    none = json.loads((VECTORS / "wcf_session_none_echo.json").read_text())
    yield "wcf-none", bytes.fromhex(none["chunks"][0]["hex"])
    ntlm = json.loads((VECTORS / "wcf_session_negotiate_ntlm.json").read_text())
    yield "wcf-ntlm", bytes.fromhex(ntlm["c2s"])


@pytest.mark.parametrize(
    ("name", "data"), list(first_bytes()), ids=lambda v: v if type(v) is str else ""
)
def test_recorded_clients(name: str, data: bytes) -> None:
    """Real clients' preambles are read in every split, and written again byte for byte."""
    answer = in_every_split(data[:3000], Stage.ANSWER)
    assert isinstance(answer, Preamble), answer
    assert answer.via.startswith("net.tcp://")
    assert answer.content_type is not None
    again = preamble(answer.via, answer.mode, answer.content_type, answer.upgrade)
    assert again == data[: answer.end]


def test_the_preamble_of_the_msmq_binding() -> None:
    """The example of [MC-NMFMB]: mode 4, no PreambleEnd."""
    data = bytes.fromhex(json.loads((VECTORS / "spec_nmfmb_preamble.json").read_text())["hex"])
    assert in_every_split(data, Stage.ANSWER) == Preamble(
        "net.msmq://localhost/private/transactionalq", Mode.SINGLETON_SIZED, 0, len(data), BINARY
    )


@pytest.mark.parametrize("until", list(Stage))
def test_the_memo_changes_nothing(until: Stage) -> None:
    """Bytes that were read before are read as they were the first time."""
    memo = PreambleMemo(until)
    for _ in range(2):
        for _, data in first_bytes():
            for part in (data, data[:3], b"GET /" + data):
                assert memo[part] == read_preamble(part, until)


def test_the_memo_is_bounded() -> None:
    """What clients choose is kept only when it is short and complete, and not without end."""
    memo = PreambleMemo(Stage.VIA)
    for number in range(3 * MOST_REMEMBERED):
        data = preamble(f"{VIA}/{number}" + "x" * (number % 7 * 300))
        assert isinstance(memo[data], Preamble)
        assert memo[data[:8]] is NEED_MORE
        assert isinstance(memo[b"%d" % number], Malformed)
        assert len(memo) <= MOST_REMEMBERED
    assert max(map(len, memo)) <= LONGEST_REMEMBERED
    assert all(isinstance(reading, Preamble) for reading in memo.values())
