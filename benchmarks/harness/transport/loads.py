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

#: The end of the addresses at which IOrders is.
ORDERS = "/orders"


@dataclass(frozen=True)
class Data:
    """
    Calls that carry real data there and back.

    :param op: the operation
    :param length: lines of an order, or items of a store
    :param channels: at once
    """

    op: str
    length: int
    channels: int

    @property
    def figure(self) -> str:
        """What it is called among the figures."""
        return f"{self.op}-{self.length}-{self.channels}"

    def calls(self, most: int) -> int:
        """
        :param most: calls on one channel, all in all
        :returns: calls of each channel; on many channels so many that what a session learns first
            counts little
        """
        return most // 4 if self.channels > 1 else most


DATA = {
    load.figure: load
    for load in (
        *(Data("PutOrder", length, channels) for channels in (1, 16) for length in (0, 20, 200)),
        *(Data("PutStore", length, 1) for length in (0, 200)),
    )
}
OPERATIONS |= {figure: load.op for figure, load in DATA.items()}


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
    #: Calls with real data; see :meth:`Data.calls`.
    data: int
    #: Seconds for one reply of a megabyte where nothing helps it.
    patience: float = 30.0


FULL = Size(rounds=5, one=1500, many=150, opening=60, bulk=40, data=320)
QUICK = Size(rounds=2, one=500, many=50, opening=20, bulk=15, data=200)
