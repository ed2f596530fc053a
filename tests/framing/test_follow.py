"""netshare.framing.follow: where a session ends in what its client sends."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netshare.framing.follow import NO_END, ClientFollower, Following, Unfollowable
from netshare.framing.preamble import Preamble, Stage, read_preamble
from netshare.framing.records import (
    BINARY,
    END,
    NEGOTIATE_UPGRADE,
    SSL_TLS_UPGRADE,
    Mode,
    preamble,
)
from tests.helpers.conversations import VECTORS, conversations

#: A message of a Duplex session: its size and its text.
TEXT = b"\x06\xac\x02" + b"x" * 300
VIA = "net.tcp://localhost:9401/a"


def read(data: bytes) -> Preamble:
    """A whole preamble."""
    reading = read_preamble(data, Stage.ANSWER)
    assert isinstance(reading, Preamble)
    return reading


def session(mode: Mode = Mode.DUPLEX, upgrade: str | None = None) -> ClientFollower:
    """A session behind its preamble."""
    return ClientFollower(read(preamble(VIA, mode, upgrade=upgrade)))


def preambles(chunks: list[bytes]) -> list[int]:
    """The offsets at which the sessions of one connection begin, as a proxy would find them."""
    found: list[int] = []
    follower: ClientFollower | None = None
    passed, kept = 0, b""
    for chunk in chunks:
        kept += chunk
        while kept:
            if follower is None:
                reading = read_preamble(kept, Stage.ANSWER)
                if not isinstance(reading, Preamble):
                    break
                found.append(passed)
                follower, count = ClientFollower(reading), reading.end
            else:
                count = follower.follow(kept)
            passed, kept = passed + count, kept[count:]
            if follower.ended:
                follower = None
            elif count == 0:
                break
    assert kept == b"", "something was left over"
    return found


def recorded() -> list[tuple[str, list[bytes]]]:
    """What the clients of real conversations sent on one connection, as they wrote it."""
    found = []
    for one in conversations():
        if all(who in "cs" for who, _ in one.steps):  # no step of an upgrade was decrypted
            found.append((one.name, [data for who, data in one.steps if who == "c"]))
    tls = json.loads((VECTORS / "dotnet" / "tls.json").read_text("utf-8"))
    for connection in tls["connections"]:
        chunks = [bytes.fromhex(said) for who, said in connection["steps"] if who == "c"]
        found.append(("tls", chunks))
    said = json.loads((VECTORS / "wcf_session_negotiate_ntlm.json").read_text("utf-8"))
    found.append(("negotiate", [bytes.fromhex(said["c2s"])]))
    return found


RECORDED = recorded()
POOLED = ("tls", "dotnet-pooled-two-services-0", "dotnet-streamed-0")


def begins(chunks: list[bytes]) -> list[int]:
    """The offsets of what was written as a preamble."""
    offsets, at = [], 0
    for chunk in chunks:
        if chunk.startswith((b"\x00\x01\x00\x01\x01\x02", b"\x00\x01\x00\x01\x02\x02")):
            offsets.append(at)
        at += len(chunk)
    return offsets


@pytest.mark.parametrize("chunks", [c for _, c in RECORDED], ids=[name for name, _ in RECORDED])
def test_recorded_conversations(chunks: list[bytes]) -> None:
    """Every preamble of a recorded connection is found, and nothing else is taken for one."""
    whole, expected = b"".join(chunks), begins(chunks)
    assert expected
    assert preambles(chunks) == expected
    assert preambles([whole]) == expected
    assert preambles([bytes((byte,)) for byte in whole]) == expected


@pytest.mark.parametrize(
    "name", ["tls", "dotnet-pooled-two-services-0", "dotnet-streamed-0", "negotiate"]
)
def test_every_split(name: str) -> None:
    """Wherever a connection's bytes are cut in two, the same preambles are found."""
    chunks = dict(RECORDED)[name]
    whole, expected = b"".join(chunks), begins(chunks)
    end = min(len(whole), expected[2] + 600 if len(expected) > 2 else len(whole))
    for cut in range(1, end):
        assert preambles([whole[:cut], whole[cut:]]) == expected


def test_recordings_have_second_preambles() -> None:
    """Clear text, streamed and TLS are recorded with more than one session on a socket."""
    for name in POOLED:
        assert len(begins(dict(RECORDED)[name])) > 1


HANDSHAKE = b"\x16\x01\x00\x00\x03abc" + b"\x14\x01\x00\x00\x00"
SEALED = b"\x11\x00\x00\x00" + bytes(17)
TLS = b"\x16\x03\x01\x00\x02hi" + b"\x17\x03\x03\x01\x00" + b"." * 256
NEXT = preamble(VIA)


@pytest.mark.parametrize(
    ("follower", "data"),
    [
        (session(), TEXT + b"\x06\x00" + END),
        (session(Mode.SIMPLEX), TEXT + END),
        (session(Mode.SINGLETON), b"\x05\x03abc\x81\x00y\x00" + END),
        (session(Mode.SINGLETON), END),
        (
            session(upgrade=SSL_TLS_UPGRADE),
            TLS,
        ),
        (session(upgrade=NEGOTIATE_UPGRADE), HANDSHAKE + SEALED + b"\x00\x01\x00\x00" + b"." * 256),
        (session(upgrade=NEGOTIATE_UPGRADE), HANDSHAKE + b"\x0c" + TEXT + END),
        (session(Mode.SINGLETON, NEGOTIATE_UPGRADE), HANDSHAKE + b"\x0c\x05\x01a\x00" + END),
    ],
    ids=[
        "duplex",
        "simplex",
        "streamed",
        "nothing streamed",
        "TLS",
        "sealed",
        "authenticated, not sealed",
        "authenticated, not sealed, streamed",
    ],
)
def test_the_next_preamble(follower: ClientFollower, data: bytes) -> None:
    """Behind each kind of session the next preamble is found, at its first byte."""
    assert follower.follow(data + NEXT) == len(data)
    assert follower.ended
    assert follower.follow(NEXT) == 0


@pytest.mark.parametrize(
    ("follower", "data", "passes"),
    [
        (session(), b"\x06", 0),
        (session(), b"\x06\x01a\x06\xff", 3),
        (session(Mode.SINGLETON), b"\x05\x80", 1),
        (session(upgrade=SSL_TLS_UPGRADE), b"\x17\x03\x03\x00", 0),
        (session(upgrade=NEGOTIATE_UPGRADE), HANDSHAKE + b"\x11\x00\x00", len(HANDSHAKE)),
        (session(upgrade=NEGOTIATE_UPGRADE), HANDSHAKE + SEALED + b"\x00\x01", 34),
    ],
)
def test_a_few_bytes_that_say_nothing_yet(
    follower: ClientFollower, data: bytes, passes: int
) -> None:
    """A size, or a header, that has not come whole is not passed, and nothing is decided."""
    assert follower.follow(data) == passes
    assert not follower.ended


def test_an_authenticated_preamble_end_is_not_held_back() -> None:
    """A PreambleEnd in clear behind a handshake is passed at once: the client waits behind it."""
    follower = session(upgrade=NEGOTIATE_UPGRADE)
    assert follower.follow(HANDSHAKE + b"\x0c") == len(HANDSHAKE) + 1


@pytest.mark.parametrize(
    "follower",
    [session(upgrade="application/other"), session(Mode.SINGLETON_SIZED)],
    ids=["an unknown upgrade", "singleton sized"],
)
def test_what_is_not_known(follower: ClientFollower) -> None:
    """Nothing is found behind what is not understood."""
    assert follower.state is Following.ANYTHING
    assert follower.follow(END + NEXT) == 1 + len(NEXT)
    assert not follower.ended


@pytest.mark.parametrize(
    ("follower", "data"),
    [
        (session(), b"\x05\x01a"),
        (session(), b"\x00\x01"),
        (session(), b"\x06\xff\xff\xff\xff\x0f"),
        (session(Mode.SINGLETON), b"\x06\x01a"),
        (session(Mode.SINGLETON), b"\x05\x00\x05"),
        (session(upgrade=SSL_TLS_UPGRADE), b"\x18\x03\x03\x00\x01a"),
        (session(upgrade=SSL_TLS_UPGRADE), b"\x16\x02\x00\x00\x01a"),
        (session(upgrade=SSL_TLS_UPGRADE), b"\x16\x03\x01\xff\xffa"),
        (session(upgrade=NEGOTIATE_UPGRADE), HANDSHAKE + b"\xff\xff\xff\xff\xff"),
    ],
)
def test_what_cannot_be(follower: ClientFollower, data: bytes) -> None:
    """What cannot stand where it stands is an error, and not passed blindly."""
    with pytest.raises(Unfollowable):
        follower.follow(data)


def test_sizes_are_skipped_and_not_kept() -> None:
    """A large record takes no memory: only how much of it is still to come is known."""
    follower = session()
    assert follower.follow(b"\x06\xff\xff\xff\xff\x07" + b"abc") == 9
    assert follower.skipping == 0x7FFFFFFF - 3


def test_text_of_streamed_content_types() -> None:
    """The content type makes no difference."""
    follower = ClientFollower(read(preamble(VIA, Mode.SINGLETON, BINARY)))
    assert follower.state is Following.RECORD


def test_bytes_that_need_no_looking_at() -> None:
    """They may be passed on without the follower, which then goes on behind them."""
    reading = read(preamble(VIA))
    follower = ClientFollower(reading)
    assert follower.unseen == 0
    assert follower.follow(b"\x06\x64abc") == 5
    assert follower.unseen == 97
    follower.passed(90)
    assert (follower.unseen, follower.ended) == (7, False)
    assert follower.follow(b"1234567\x07") == 8
    assert follower.ended
    blind = ClientFollower(replace(reading, upgrade="unknown"))
    blind.passed(1000)
    assert blind.unseen == NO_END
