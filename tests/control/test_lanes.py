"""What travels on the fast lane."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.control.lanes import (
    MAX_BATCH,
    MAX_PAYLOAD,
    BadParcels,
    Parcel,
    pack_answer,
    pack_batch,
    receive,
    send,
    unpack_answer,
    unpack_batch,
)

PARCELS = st.lists(
    st.builds(Parcel, st.binary(max_size=300), st.sampled_from(["", "192.0.2.1:5000", "[::1]:9"])),
    min_size=1,
    max_size=MAX_BATCH,
)


@pytest.fixture
def lane() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a lane."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        yield one, other


def _packed(parcels: list[Parcel]) -> bytes:
    return pack_batch([one.readData for one in parcels], [one.peer for one in parcels])


def test_the_layout() -> None:
    """A batch has the bytes that docs/protocol.rst says."""
    payload = pack_batch([b"abc", b"d"], ["", "h:1"])
    assert payload == (
        b"\x00\x02" + b"\x00\x00\x00\x03\x00" + b"\x00\x00\x00\x01\x03" + b"abc" + b"h:1" + b"d"
    )
    assert pack_answer(1, 258) == b"\x00\x00\x00\x01\x00\x00\x01\x02"


@given(PARCELS)
def test_round_trip(parcels: list[Parcel]) -> None:
    """What is packed comes out again."""
    assert unpack_batch(_packed(parcels), len(parcels)) == parcels


@given(st.binary(max_size=200), st.integers(0, MAX_BATCH))
def test_nonsense(payload: bytes, descriptors: int) -> None:
    """Any other payload is refused with the one error, or is a batch."""
    try:
        parcels = unpack_batch(payload, descriptors)
    except BadParcels:
        return
    assert len(parcels) == descriptors


@given(PARCELS, st.data())
def test_every_cut(parcels: list[Parcel], data: st.DataObject) -> None:
    """A batch that lost its end, or has bytes too many, is refused."""
    payload = _packed(parcels)
    cut = data.draw(st.integers(0, len(payload) - 1))
    for damaged in (payload[:cut], payload + b"x"):
        with pytest.raises(BadParcels):
            unpack_batch(damaged, len(parcels))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_answers(adopted: int, gone: int) -> None:
    """An answer comes out as it went in."""
    assert unpack_answer(pack_answer(adopted, gone)) == (adopted, gone)


@pytest.mark.parametrize("payload", [b"", b"1234567", b"123456789"])
def test_answers_have_eight_bytes(payload: bytes) -> None:
    """Anything else is no answer."""
    with pytest.raises(BadParcels):
        unpack_answer(payload)


def test_descriptors_travel(lane: tuple[socket.socket, socket.socket]) -> None:
    """Descriptors arrive in order, as copies that a new process would not inherit."""
    ours, theirs = lane
    pipes = [os.pipe() for _ in range(3)]
    for number, (_, writing) in enumerate(pipes):
        os.write(writing, b"%d" % number)
        os.close(writing)
    assert send(ours, b"payload", [reading for reading, _ in pipes])
    message = receive(theirs)
    assert message is not None
    payload, descriptors = message
    assert payload == b"payload"
    assert [os.read(descriptor, 9) for descriptor in descriptors] == [b"0", b"1", b"2"]
    assert not any(os.get_inheritable(descriptor) for descriptor in descriptors)
    for descriptor in (*descriptors, *(reading for reading, _ in pipes)):
        os.close(descriptor)


def test_an_empty_lane(lane: tuple[socket.socket, socket.socket]) -> None:
    """Nothing there is no message; the end is an empty one."""
    ours, theirs = lane
    assert receive(theirs) is None
    ours.close()
    assert receive(theirs) == (b"", [])


def test_a_full_lane(lane: tuple[socket.socket, socket.socket]) -> None:
    """A worker that does not read is not waited for, and no message is sent in part."""
    ours, theirs = lane
    sent = 0
    while send(ours, b"x" * 60_000, ()):
        sent += 1
        assert sent < 1000
    for _ in range(sent):
        message = receive(theirs)
        assert message is not None
        assert len(message[0]) == 60_000
    assert receive(theirs) is None


def test_a_message_too_long(lane: tuple[socket.socket, socket.socket]) -> None:
    """A longer message than any may be is refused, and its descriptors are closed."""
    ours, theirs = lane
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    before = os.listdir("/proc/self/fd")
    assert send(ours, b"x" * (MAX_PAYLOAD + 1), [theirs.fileno()])
    with pytest.raises(BadParcels, match="longer than"):
        receive(theirs)
    assert os.listdir("/proc/self/fd") == before


def test_no_room_for_descriptors(lane: tuple[socket.socket, socket.socket]) -> None:
    """Where this process can take none of them the message is refused, not taken for another."""
    ours, theirs = lane
    assert send(ours, b"12345678", [theirs.fileno()])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(BadParcels, match="room"):
            receive(theirs)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
