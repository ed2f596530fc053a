"""
The recorded conversations of tests/vectors, as steps of bytes: what real clients and servers wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.helpers.places import VECTORS


@dataclass(frozen=True)
class Conversation:
    """One connection: who (``c`` or ``s``) wrote what; ``-`` is where an upgrade begins or ends."""

    name: str
    steps: tuple[tuple[str, bytes], ...]

    def side(self, who: str) -> bytes:
        """Everything that one side wrote."""
        return b"".join(data for side, data in self.steps if side == who)


def conversations() -> Iterator[Conversation]:
    """Those of .NET 10 with CoreWCF whose bytes are readable, then those of Mono."""
    for path in sorted((VECTORS / "dotnet").glob("*.json")):
        if path.stem == "tls":  # the same as tls-decrypted, as it is on the wire
            continue
        recording = json.loads(path.read_text("utf-8"))
        for index, connection in enumerate(recording["connections"]):
            steps = tuple(
                (who, b"" if who == "-" else bytes.fromhex(data[0]))
                for who, *data in connection["steps"]
                if data and (who == "-" or not data[0].startswith("error"))
            )
            yield Conversation(f"dotnet-{path.stem}-{index}", steps)
    for path in sorted((VECTORS / "mono").glob("*.c2s.bin")):
        reply = path.with_name(path.name.replace("c2s", "s2c"))
        yield Conversation(
            "mono-" + path.name.removesuffix(".c2s.bin"),
            (("c", path.read_bytes()), ("s", reply.read_bytes())),
        )
