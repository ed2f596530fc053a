"""
Capture files of connections that were recorded as bytes, for programs that read captures.

The format is libpcap's classic one with raw IPv4 packets (link type 101); each connection begins
with TCP's handshake and ends with FIN, since dissectors follow these.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from netshare.transport.tools import Piece, Side

#: Bytes of TCP payload in one packet: nearly as many as IPv4 has room for. Wireshark 4.0's
#: dissector of [MC-NMF] calls every envelope malformed that ends in another segment than it began,
#: .NET's as well; so bytes that follow each other travel together.
SEGMENT = 65000

_FIN, _SYN, _PSH, _ACK = 1, 2, 8, 16
_CLIENT, _SERVER = b"\x7f\0\0\x01", b"\x7f\0\0\x02"


def write(path: Path, port: int, connections: Iterable[Iterable[Piece]]) -> None:
    """
    Write a capture file.

    :param path: where to
    :param port: of the server; each connection comes from another port of the client
    :param connections: what was written in each
    """
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 101))
        for number, pieces in enumerate(connections):
            for at, packet in enumerate(_packets(pieces, 40000 + number, port)):
                file.write(struct.pack("<IIII", 1_700_000_000 + number, at, *[len(packet)] * 2))
                file.write(packet)


def _packets(pieces: Iterable[Piece], client: int, server: int) -> Iterable[bytes]:
    ports = {Side.CLIENT: (client, server), Side.SERVER: (server, client)}
    addresses = {Side.CLIENT: _CLIENT + _SERVER, Side.SERVER: _SERVER + _CLIENT}
    sent = {Side.CLIENT: 1000, Side.SERVER: 5000}
    other = {Side.CLIENT: Side.SERVER, Side.SERVER: Side.CLIENT}

    def packet(side: Side, flags: int, data: bytes = b"") -> bytes:
        acknowledged = sent[other[side]] if flags & _ACK else 0
        tcp = struct.pack(
            ">HHIIBBHHH", *ports[side], sent[side], acknowledged, 0x50, flags, 65535, 0, 0
        )
        size = 20 + len(tcp) + len(data)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, size, 0, 0x4000, 64, 6, 0) + addresses[side]
        sent[side] += len(data) + bool(flags & (_SYN | _FIN))
        return ip + tcp + data

    yield packet(Side.CLIENT, _SYN)
    yield packet(Side.SERVER, _SYN | _ACK)
    yield packet(Side.CLIENT, _ACK)
    for side, run in groupby(pieces, lambda piece: piece.side):
        data = b"".join(piece.data for piece in run)
        for at in range(0, len(data), SEGMENT):
            yield packet(side, _PSH | _ACK, data[at : at + SEGMENT])
    yield packet(Side.CLIENT, _FIN | _ACK)
    yield packet(Side.SERVER, _FIN | _ACK)
    yield packet(Side.CLIENT, _ACK)
