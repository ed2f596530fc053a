"""The recorded vectors of tests/vectors, as Python has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from netshare.transport.xml.binary.records import read_multibyte
from tests.helpers.places import VECTORS

MESSAGE = (VECTORS / "msg_static.bin").read_bytes()
MESSAGE_IN_SESSION = (VECTORS / "msg_session.bin").read_bytes()
MESSAGE_XML = (VECTORS / "msg.xml").read_text(encoding="utf-8")


def oracle_documents() -> list[dict[str, Any]]:
    """The documents of nbfx_oracle.jsonl."""
    lines = (VECTORS / "nbfx_oracle.jsonl").read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines]
    for document in documents:
        if document["name"] == "double":  # .NET Framework's 17 digits; see vectors/README.rst
            document["xml"] = "<doc>2.718281828459045</doc>"
    return documents


@dataclass
class RecordedSession:
    """
    One direction of one framing session of .NET.

    :param frames: what its sized envelope records carried.
    :param xml: what .NET's reader makes of them.
    :param strings: the strings of the table in front of each.
    """

    frames: list[bytes]
    xml: list[str] = field(default_factory=list)
    strings: list[list[str]] = field(default_factory=list)


def _sessions(data: bytes, client: bool) -> Iterator[list[bytes]]:
    """Cut one direction of a connection into framing sessions, and these into envelopes."""
    frames: list[bytes] = []
    pos = 0
    while pos < len(data):
        kind = data[pos]
        pos += 1
        if kind == 0x00:  # version
            pos += 2
        elif kind in (0x01, 0x03):  # mode, known encoding
            pos += 1
        elif kind in (0x02, 0x04, 0x08, 0x09):  # via, encoding, fault, upgrade
            size, pos = read_multibyte(data, pos)
            pos += size
        elif kind == 0x06:
            size, pos = read_multibyte(data, pos)
            frames.append(data[pos : pos + size])
            pos += size
        elif kind == 0x07:
            yield frames
            frames = []
    if frames:
        yield frames
    assert client or not frames or pos == len(data)


def conversations() -> Iterator[tuple[str, RecordedSession]]:
    """All recorded sessions of .NET in both directions, with a name for each."""
    for path in sorted((VECTORS / "dotnet").glob("*.json")):
        recording = json.loads(path.read_text(encoding="utf-8"))
        for number, connection in enumerate(recording["connections"]):
            for side, decoded in connection.get("decoded", {}).items():
                data = b"".join(
                    bytes.fromhex(raw)
                    for who, raw in connection["steps"]
                    if who == side and not raw.startswith("error")  # how the socket ended
                )
                cut = list(_sessions(data, side == "c"))
                for session, (frames, shown) in enumerate(zip(cut, decoded, strict=True)):
                    yield (
                        f"{path.stem}-{number}-{session}-{side}",
                        RecordedSession(
                            frames,
                            [frame["xml"] for frame in shown],
                            [frame["strings"] for frame in shown],
                        ),
                    )
