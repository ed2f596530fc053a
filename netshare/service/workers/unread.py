"""
What a worker has not read: the worker's end of a fast lane, which the service keeps open, too.

The kernel gives each message to one reader only. What is read here the worker never sees, so that
it can safely be given to another worker, or its client be told.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

from netshare.control.lanes import (
    BadParcels,
    LaneForm,
    Parcel,
    read_parcels,
    receive,
    split_addressed,
)
from netshare.interfaces import IErrand
from netshare.logger import Logger
from netshare.sockets.held import HeldSocket


class Unread:
    """
    The far end of one lane.

    :param connection: the socket, which this object now owns
    :param form: how connections are put into messages
    """

    log = Logger()

    def __init__(self, connection: socket.socket, form: LaneForm) -> None:
        self._connection = connection
        self._form = form

    def fileno(self) -> int:
        """The descriptor, to be handed to the worker."""
        return self._connection.fileno()

    def close(self) -> None:
        """Close our copy."""
        self._connection.close()

    def take(self) -> tuple[list[tuple[HeldSocket, Parcel]], list[bytes]]:
        """
        Take out all that is there.

        :returns: connections, and addresses as they were sent
        """
        connections: list[tuple[HeldSocket, Parcel]] = []
        addresses: list[bytes] = []
        try:
            while (message := receive(self._connection)) is not None:
                payload, descriptors = message
                held = [HeldSocket(descriptor) for descriptor in descriptors]
                if held:
                    if self._form is LaneForm.ADDRESSED:
                        _, payload = split_addressed(payload)
                    parcels = read_parcels(self._form, payload, held)
                    connections += zip(held, parcels, strict=True)
                elif payload:
                    addresses.append(payload)
                else:
                    break  # our own end is closed, and nothing is left
        except (OSError, BadParcels) as error:
            self.log.warn("what a worker has not read cannot be taken back: {why}", why=error)
        return connections, addresses

    def nothing(self) -> bool:
        """Whether the worker has read all that was sent."""
        try:
            self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


def errand_of(errands: Iterable[IErrand], held: HeldSocket, parcel: Parcel) -> IErrand | None:
    """
    The errand that a connection belongs to: the one of the same client, with the same bytes.
    """
    peer = held.peer()
    for errand in errands:
        arrival = errand.arrival
        if arrival.readData == parcel.readData and (
            arrival.peer == (parcel.peer or peer) or (arrival.named and not parcel.peer)
        ):
            return errand
    return None
