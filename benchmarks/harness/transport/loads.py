"""
What is asked for, and how much of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from netshare.transport.contracts.binding import NetTcpBinding, SecurityMode

MEGABYTE = 1_000_000
#: The largest message that anybody takes, in bytes.
LARGEST = 1 << 26
BINDING = NetTcpBinding(security=SecurityMode.NONE, max_received_message_size=LARGEST)
#: Channels that call at once, and those that open at once.
CHANNELS, OPENING = 64, 8
OPERANDS = (40, 2)

#: By figure: the operation. What a figure is, the tables say.
OPERATIONS = {
    "one": "Add",
    "many": "Add",
    "pooled": "Add",
    "unpooled": "Add",
    "replies": "Bytes",
    "requests": "Count",
    "growth": "Add",
    "whole": "Bytes",
}


@dataclass(frozen=True)
class Size:
    """
    How much of everything: calls, or calls of each channel.
    """

    rounds: int
    one: int
    many: int
    opening: int
    bulk: int
    #: Seconds for one reply of a megabyte where nothing helps it.
    patience: float = 30.0


FULL = Size(rounds=5, one=1500, many=150, opening=60, bulk=40)
QUICK = Size(rounds=2, one=500, many=50, opening=20, bulk=15)
