"""
Connections that workers give back: checked, routed anew, and not passed back and forth for ever.

A worker gives a socket back when its next preamble names an address that is not its own, which
can go on for as long as the client likes. What must not go on is two workers that both say "not
mine" to the same preamble. The kernel can tell the two apart: a worker that *answered* a preamble
has sent bytes to the client. So a socket that comes back, and has sent nothing since it last came
back, was bounced.
"""

from __future__ import annotations

import socket
import struct
from collections import OrderedDict
from collections.abc import Set

from netshare.control.commands import NotReturnable
from netshare.logger import Logger
from netshare.outcomes import Outcome
from netshare.service.front.ports import Ports
from netshare.service.front.preamble import SharedPortFactory
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import socket_address_text

#: How many bytes may come with a connection that is given back: a first read, and the part of a
#: preamble before it.
LONGEST_RETURN = 68 * 1024

#: The kernel's struct tcp_info begins with the connection's state.
_TCP_ESTABLISHED, _TCP_CLOSE_WAIT = 1, 8

#: How often one preamble may be given back.
MAX_BOUNCES = 3

#: How many returned sockets are remembered; the oldest are forgotten first.
_REMEMBERED = 8192

_SO_COOKIE = 57
# tcpi_data_segs_out in struct tcp_info (linux/tcp.h, since 4.6): segments with data in them.
_TCP_INFO_SIZE, _DATA_SEGMENTS_AT = 160, 156


class Bounces:
    """
    Remembers the sockets that came back lately, by the kernel's own number for them.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def exceeded(self, held: HeldSocket) -> bool:
        """
        Count a socket that comes back.

        :returns: whether its preamble was given back too often
        """
        view = held.view()
        try:
            (cookie,) = struct.unpack("Q", view.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8))
            info = view.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        finally:
            view.detach()
        (sent,) = struct.unpack_from("I", info, _DATA_SEGMENTS_AT)
        before, bounces = self._seen.pop(cookie, (-1, 0))
        bounces = bounces + 1 if sent == before else 0
        self._seen[cookie] = (sent, bounces)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return bounces >= MAX_BOUNCES


class Returns:
    """
    Takes connections back, and lets the front route them again.
    """

    log = Logger()

    def __init__(self, front: SharedPortFactory, ports: Ports) -> None:
        self._front = front
        self._ports = ports
        self._bounces = Bounces()

    def take(
        self, held: HeldSocket, readData: bytes, peer: str, worker: str, served: Set[int]
    ) -> None:
        """
        Take a connection back, or close it.

        :param held: what the worker gave, which can be anything: a file, a pipe, a socket of its
            own making
        :param readData: the bytes it read of the next preamble
        :param peer: the client, where the worker knows it by another address than the socket's;
            else empty
        :param worker: its name, for the log
        :param served: the ports on which connections may have come for this worker
        :raises NotReturnable: it is nothing that could be given back
        """
        try:
            if len(readData) > LONGEST_RETURN:
                raise NotReturnable(f"more than {LONGEST_RETURN} bytes come with it")
            seen, local = self._check(held, served)
        except NotReturnable as error:
            held.close()
            self.log.warn("{worker} returned a socket: {error}", worker=worker, error=error)
            raise
        peer = peer or seen
        if self._bounces.exceeded(held):
            self._front.refuseReturned(
                held,
                Outcome.CONNECTION_DISPATCH_FAILED,
                f"{worker} gave the same preamble back once more: no worker takes it for its own",
                peer,
                local,
            )
        else:
            self._front.receiveReturned(held, readData, peer, local)

    def _check(self, held: HeldSocket, served: Set[int]) -> tuple[str, str]:
        """
        :returns: the client's address and the one it connected to, as texts
        :raises NotReturnable: it is no connection that came in on one of the worker's ports
        """
        view = None
        try:
            view = held.view()
            if view.family not in (socket.AF_INET, socket.AF_INET6):
                raise NotReturnable("it is not a TCP socket")
            state = view.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            if state not in (_TCP_ESTABLISHED, _TCP_CLOSE_WAIT):
                raise NotReturnable("it is not connected any more")
            local, peer = view.getsockname(), view.getpeername()
        except (OSError, struct.error) as error:
            raise NotReturnable(f"it is not a connected TCP socket: {error}") from None
        finally:
            if view is not None:
                view.detach()
        if local[1] not in served and local[1] not in self._ports.namedNumbers():
            raise NotReturnable(
                f"it came in on port {local[1]}, where this worker never had a registration"
            )
        return socket_address_text(peer), socket_address_text(local)
