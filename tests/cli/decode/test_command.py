"""``netshare decode``: what it reads, what it prints, how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netshare.cli import main
from netshare.framing.records import PREAMBLE_ACK, preamble
from tests.helpers.binary_vectors import MESSAGE, MESSAGE_XML, VECTORS, oracle_documents
from tests.helpers.conversations import Conversation, conversations
from tests.helpers.wire import sized_envelope

VIA = "net.tcp://host/p"
CLIENT = preamble(VIA) + sized_envelope(b"\0" + MESSAGE) + b"\x07"
SERVER = PREAMBLE_ACK + sized_envelope(b"\0" + MESSAGE) + b"\x07"


#: Its text is the second string of the session.
SESSION_DOCUMENT = {
    "name": "session",
    "hex": "42 01 ab 03".replace(" ", ""),
    "session": ["é", "two words"],
    "xml": "<é>two words</é>",
}


class Said:
    """Runs the command here."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
        """:returns: exit code, output, complaint."""
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        code = main(["decode", *arguments])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """The command, to be called."""
    return Said(capsys, monkeypatch)


# ---- one document


@pytest.mark.parametrize(
    "document", [*oracle_documents(), SESSION_DOCUMENT], ids=lambda d: str(d["name"])
)
def test_documents(document: dict[str, Any], said: Said, tmp_path: Path) -> None:
    """Every document is printed as Microsoft's reader does, from hex, raw and as JSON."""
    session = [f"--session={string}" for string in document.get("session", [])]
    arguments = ("--document", *session)
    raw = tmp_path / "document"
    raw.write_bytes(bytes.fromhex(document["hex"]))
    results = [
        said(*arguments, given=document["hex"].encode()),
        said(*arguments, "--raw", str(raw)),
    ]
    code, out, _ = said(*arguments, "--json", given=document["hex"].encode())
    told = json.loads(out)
    if "error" in document:
        assert {(code, out) for code, out, _ in results} == {(1, "")}
        assert all(err.startswith("netshare: the document is refused: ") for *_, err in results)
        assert code == 1
        assert told["error"]
    else:
        assert results == [(0, document["xml"] + "\n", "")] * 2
        assert (code, told["xml"]) == (0, document["xml"])


def test_documents_by_a_process() -> None:
    """The command itself does the same: a document with a session, one that is refused, raw."""
    documents = oracle_documents()
    chosen: list[dict[str, Any]] = [SESSION_DOCUMENT]
    chosen += [d for d in documents if "error" in d][:1]
    chosen += [d for d in documents if "xml" in d][-1:]
    assert len(chosen) == 3
    for document in chosen:
        session = [f"--session={string}" for string in document.get("session", [])]
        ran = subprocess.run(
            [sys.executable, "-m", "netshare.cli", "decode", "--document", *session],
            input=bytes.fromhex(document["hex"]),
            capture_output=True,
        )
        assert ran.returncode == ("error" in document), ran.stderr
        assert ran.stdout.decode() == (document["xml"] + "\n" if "xml" in document else "")


# ---- conversations


@pytest.mark.parametrize("path", sorted((VECTORS / "dotnet").glob("*.json")), ids=lambda p: p.stem)
def test_recordings(path: Path, said: Said) -> None:
    """Every recorded conversation of .NET is shown, envelopes as .NET's reader shows them."""
    code, out, err = said("--json", str(path))
    assert (code, err) == (0, "")
    shown = json.loads(out)
    recorded = json.loads(path.read_text("utf-8"))["connections"]
    assert shown["problems"] == 0
    for told, connection in zip(shown["connections"], recorded, strict=True):
        for who, sessions in connection.get("decoded", {}).items():
            side = {"c": "client", "s": "server"}[who]
            xml = [
                record["envelope"]["xml"]
                for record in told["records"]
                if record["side"] == side and "envelope" in record
            ]
            assert xml == [frame["xml"] for frames in sessions for frame in frames]
    code, out, err = said(str(path))
    assert (code, err) == (0, "")
    assert "!!" not in out
    assert "  client       0  Version                 3  1.0\n" in out


@pytest.mark.parametrize(
    "conversation", [c for c in conversations() if c.name[:4] == "mono"], ids=lambda c: c.name
)
def test_two_files(conversation: Conversation, said: Said) -> None:
    """The two files of a recorded conversation with Mono are shown, and the same from one side."""
    stem = VECTORS / "mono" / conversation.name.removeprefix("mono-")
    both = said(f"{stem}.c2s.bin", "--brief", f"{stem}.s2c.bin")
    assert both[::2] == (0, "")
    alone = [said(f"{stem}.{name}.bin", "--brief") for name in ("c2s", "s2c")]
    assert all(result[::2] == (0, "") for result in alone)
    lines = {line for _, out, _ in alone for line in out.splitlines() if line[:4] == "  cl"}
    assert {line for line in both[1].splitlines() if line[:4] == "  cl"} == lines


def test_text(said: Said) -> None:
    """People see a line for each record, the strings and the envelopes below."""
    recording = VECTORS / "dotnet" / "pooled-two-services.json"
    code, out, _ = said(str(recording))
    assert code == 0
    lines = out.splitlines()
    assert lines[:9] == [
        "  SIDE    OFFSET  RECORD              BYTES",
        "",
        "session 1",
        "  client       0  Version                 3  1.0",
        "  client       3  Mode                    2  Duplex",
        "  client       5  Via                    30  net.tcp://localhost:9401/one",
        "  client      35  KnownEncoding           2  application/soap+msbinsession1",
        "  client      37  PreambleEnd             1",
        "  server       0  PreambleAck             1",
    ]
    assert lines[9:13] == [
        "  client      38  SizedEnvelope         142  urn:peers:basic/IBasic/Who",
        "        string 1 is 'urn:peers:basic/IBasic/Who'",
        "        string 3 is 'net.tcp://localhost:9401/one'",
        "        string 5 is 'Who'",
    ]
    assert '        <s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"' in lines[14]
    assert '            <Who xmlns="urn:peers:basic"></Who>' in lines
    assert "session 3" in lines
    _, brief, _ = said("--brief", str(recording))
    assert set(brief.splitlines()) < set(lines)
    assert "<" not in brief


FOLLOWED = f"""
===================================================================
Follow: tcp,raw
Filter: tcp.stream eq 0
Node 0: 127.0.0.1:43210
Node 1: 127.0.0.1:808
{CLIENT[:30].hex()}
\t{SERVER[:1].hex()}
{CLIENT[30:].hex()}
\t{SERVER[1:].hex()}
===================================================================
"""


@pytest.mark.parametrize(
    ("given", "arguments", "sides"),
    [
        (CLIENT, (), {"client"}),
        (SERVER, (), {"server"}),
        (CLIENT.hex().encode(), (), {"client"}),
        (SERVER.hex(" ").upper().encode() + b"\r\n", (), {"server"}),
        (CLIENT.hex(":").encode(), ("-",), {"client"}),
        (b"\n".join(b"%02x" % byte for byte in CLIENT), ("--hex",), {"client"}),
        (FOLLOWED.encode(), (), {"client", "server"}),
        (FOLLOWED.replace("\t", "").split("Node 1")[0].encode() + CLIENT.hex().encode(), (),
         {"client"}),
        (b"\x0b", (), {"server"}),
        (b"0b", (), {"server"}),
    ],
)  # fmt: skip
def test_forms(given: bytes, arguments: tuple[str, ...], sides: set[str], said: Said) -> None:
    """Raw or hexadecimal, one direction or both: it is found out which."""
    code, out, err = said("--json", *arguments, given=given)
    assert (code, err) == (0, "")
    (connection,) = json.loads(out)["connections"]
    assert {record["side"] for record in connection["records"]} == sides
    for record in connection["records"]:
        if "envelope" in record:
            assert record["envelope"]["xml"] == MESSAGE_XML


@pytest.mark.parametrize(
    ("given", "arguments", "code", "says"),
    [
        (b"", (), 1, "there is nothing to decode"),
        (b" \n", (), 1, "the input begins with nothing"),
        (b"\x06abc", (), 1, "begins with byte 0x06, as neither a client nor a server does"),
        (b"\x06abc", ("--client",), 1, "1 problem, marked with !!"),
        (b"00 0", (), 1, "an odd number of digits"),
        (b"xyz", ("--hex",), 1, "no hexadecimal text"),
        (b"{", (), 1, "looks like JSON, but is none"),
        (b'{"a": 1}', (), 1, "a connection without steps"),
        (b'{"connections": []}', (), 1, "has no connections"),
        (b'{"connections": [7]}', (), 1, "a connection without steps"),
        (b'{"steps": [["c", "xy"]]}', (), 1, "has no hexadecimal: 'xy'"),
        (b'{"steps": [["c", 7]]}', (), 1, "the recording has a step that is none: \"['c', 7]\""),
        (b"[" * 5000, ("--hex",), 1, "no hexadecimal text"),
        (b'{"a":' + b"[" * 100_000, (), 1, "looks like JSON, but is none"),
        (CLIENT[:-20], (), 1, "1 problem, marked with !!"),
        (CLIENT, ("--session=a",), 2, "--session is for --document"),
        (CLIENT, ("a", "b", "c"), 2, "too many files"),
        (CLIENT, ("--document", "a", "b"), 2, "too many files"),
        (CLIENT, ("/nowhere/\x1b[1m",), 2, r"/nowhere/\x1b[1m cannot be read: No such file"),
    ],
)
def test_complaints(
    given: bytes, arguments: tuple[str, ...], code: int, says: str, said: Said
) -> None:
    """What cannot be decoded is said in a sentence, with the exit code for it."""
    got, _, err = said(*arguments, given=given)
    assert got == code
    assert err.startswith("netshare: ")
    assert says in err


def test_a_problem_is_marked_where_it_is(said: Said) -> None:
    """The records before a problem are shown, then the problem; JSON has it in the record."""
    code, out, _ = said(given=CLIENT[:-20])
    assert code == 1
    assert out.splitlines()[-1].startswith("        !! the connection ended")
    code, out, _ = said("--json", given=CLIENT[:-20])
    told = json.loads(out)
    assert (code, told["problems"]) == (1, 1)
    assert told["connections"][0]["records"][-1]["problem"].startswith("the connection ended")


def test_several_connections(said: Said) -> None:
    """The connections of a recording are told apart."""
    connection = {"steps": [["c", CLIENT.hex()], ["s", SERVER.hex()], ["s", "error Reset"]]}
    given = json.dumps({"connections": [connection, connection]}).encode()
    code, out, _ = said("--brief", given=given)
    assert code == 0
    assert [line for line in out.splitlines() if line[:4] == "conn"] == [
        "connection 1:",
        "connection 2:",
    ]


def test_one_side_may_be_empty(said: Said, tmp_path: Path) -> None:
    """Of two files one may have nothing in it, both may not."""
    (tmp_path / "full").write_bytes(CLIENT)
    (tmp_path / "empty").write_bytes(b"")
    full, empty = str(tmp_path / "full"), str(tmp_path / "empty")
    code, out, _ = said("--brief", full, empty)
    assert code == 0
    assert "server" not in out
    code, out, err = said(empty, empty)
    assert (code, out) == (1, "")
    assert "there is nothing to decode" in err
