"""
A worker in plain Python: sockets and threads, neither Twisted nor netshare.

It shows everything that ``docs/protocol.rst`` asks of a worker. What it serves is an echo:
every message that a net.tcp client sends comes back as it went. Alone, or started by the service::

    python3 plain_worker.py net.tcp://+:8808/echo
    twistd -n netshare --worker \
        'net.tcp://+:8808/echo=!python3 plain_worker.py net.tcp://+:8808/echo'

It ends when the service does; clients that it has then are served until they leave.
"""

import itertools
import os
import pwd
import socket
import struct
import sys
import threading

MAX_CLIENTS = 500
MAX_MESSAGE = 65536  # WCF's MaxReceivedMessageSize
IDLE_TIMEOUT = 120.0  # seconds; WCF's IdleTimeout
FAULTS = "http://schemas.microsoft.com/ws/2006/05/framing/faults/"


def find_link():
    """The link inherited from the service, or a connection to its control socket."""
    inherited = os.environ.pop("NETSHARE_LINK", None)
    if inherited is not None:
        os.set_inheritable(int(inherited), False)
        return socket.socket(fileno=int(inherited))
    path = os.environ.get("NETSHARE_CONTROL")
    if not path:
        path = os.path.join(os.environ.get("XDG_RUNTIME_DIR", "/nowhere"), "netshare/control")
        if not os.path.exists(path):
            path = "/run/netshare/control"
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.connect(path)
    _, user, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    trusted = {one.pw_uid for one in pwd.getpwall() if one.pw_name in ("root", "netshare")}
    if user not in trusted | {os.geteuid()}:
        sys.exit(f"{path} belongs to user {user}, who may not be the service")
    return link


def large(name, value):
    """A value of any size: in pieces of at most 65,535 bytes under name, name.1, name.2..."""
    keys = (name + b".%d" % number if number else name for number in itertools.count())
    pieces = (value[at : at + 0xFFFF] for at in range(0, len(value), 0xFFFF))
    return dict(zip(keys, pieces, strict=False))


class Link:
    """AMP boxes, and the descriptors that belong to them, over a UNIX socket."""

    def __init__(self, connection):
        self.connection = connection
        self.received = b""
        self.arrived = {}  # ordinal: descriptor
        self.ordinals = itertools.count()
        self.tags = itertools.count(1)
        self.sent = 0
        self.sending = threading.Lock()

    def send(self, box, descriptor=None):
        """Send a box; a descriptor travels with the first byte of its box."""
        with self.sending:
            if descriptor is not None:
                box = {**box, b"socket": b"%d" % self.sent}
            data = b"".join(
                struct.pack(">H", len(part)) + part for pair in box.items() for part in pair
            )
            data += b"\0\0"
            if descriptor is not None:
                self.sent += 1
                data = data[socket.send_fds(self.connection, [data[:1]], [descriptor]) :]
            self.connection.sendall(data)

    def ask(self, command, box, descriptor=None):
        """Send a command; its answer comes by :meth:`receive` as every other box does."""
        tag = b"%x" % next(self.tags)
        self.send({b"_command": command, b"_ask": tag, **box}, descriptor)

    def receive(self):
        """The next box; EOFError when the service is gone."""
        box = {}
        while size := self.number():
            key = self.exactly(size)
            box[key] = self.exactly(self.number())
        return box

    def number(self):
        return struct.unpack(">H", self.exactly(2))[0]

    def exactly(self, count):
        while len(self.received) < count:
            data, descriptors, _, _ = socket.recv_fds(
                self.connection, 65536, 64, socket.MSG_CMSG_CLOEXEC
            )
            self.arrived.update((next(self.ordinals), one) for one in descriptors)
            if not data:
                raise EOFError
            self.received += data
        data, self.received = self.received[:count], self.received[count:]
        return data


class Refused(Exception):
    """The client gets this fault, or with an empty name nothing, and is closed."""


class Client(threading.Thread):
    """One connection that the service gave to us."""

    def __init__(self, worker, connection, box):
        super().__init__()
        self.worker, self.connection, self.peer = worker, connection, box[b"peer"]
        self.via = box[b"via"]
        self.epoch = worker.epoch
        pieces = [box[b"readData"]]
        while (piece := box.get(b"readData.%d" % len(pieces))) is not None:
            pieces.append(piece)
        self.data, self.at = b"".join(pieces), 0  # the bytes before ``at`` are dealt with

    def run(self):
        # The socket has O_NONBLOCK, for all its holders: a timeout leaves that as it is.
        self.connection.settimeout(IDLE_TIMEOUT)
        with self.connection:
            try:
                while self.session():
                    pass
            except Refused as refused:
                if refused.args[0]:
                    uri = (FAULTS + refused.args[0]).encode()
                    self.connection.sendall(b"\x08" + bytes([len(uri)]) + uri)
            except (EOFError, OSError, ValueError):
                pass  # the client has left, or talks nonsense: closing is the answer to both

    def session(self):
        """A preamble, the messages behind it, and End; False when the socket is not ours."""
        self.data, self.at = self.data[self.at :], 0  # a preamble is given back from its start
        zero, major, _, one, mode, two = self.take(6)
        if (zero, one, two) != (0, 1, 2):
            raise Refused("")
        if major != 1:
            raise Refused("UnsupportedVersion")
        if mode != 2:
            raise Refused("UnsupportedMode")
        via = self.take(self.size(2048))
        if via != self.via or self.epoch != self.worker.epoch:
            box = {b"peer": self.peer, **large(b"readData", self.data)}
            self.worker.link.ask(b"Return", box, self.connection.fileno())
            return False
        if self.take(1) == b"\x04":
            self.take(self.size(256))  # a content type by its name: an echo takes any
        else:
            self.take(1)
        if self.take(1) != b"\x0c":
            raise Refused("UpgradeInvalid")
        self.connection.sendall(b"\x0b")
        while (record := self.take(1)) == b"\x06":
            start = self.at
            message = self.take(self.size(MAX_MESSAGE))
            size = self.data[start : self.at - len(message)]
            self.connection.sendall(b"\x06" + size + message)
            self.data, self.at = self.data[self.at :], 0
        if record != b"\x07":
            raise Refused("")
        self.connection.sendall(b"\x07")  # End for End; WCF may use the socket again
        return True

    def take(self, count):
        while len(self.data) < self.at + count:
            more = self.connection.recv(8192)
            if not more:
                raise EOFError
            self.data += more
        self.at += count
        return self.data[self.at - count : self.at]

    def size(self, limit):
        size = 0
        for shift in range(0, 35, 7):
            (byte,) = self.take(1)
            size |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        if size > limit:
            raise Refused("ViaTooLong" if limit == 2048 else "MaxMessageSizeExceededFault")
        return size


class Worker:
    """One registered address, and the thread that listens to the service."""

    def __init__(self, link):
        self.link = link
        self.epoch = 0  # grows when sockets that are here may belong to others now

    def run(self, address):
        self.link.ask(b"Register", {b"version": b"1", b"baseAddress": address.encode()})
        while True:
            try:
                box = self.link.receive()
            except (EOFError, OSError):
                return "the service is gone"
            if b"_error" in box:
                why = box[b"_error_description"].decode()
                if box[b"_error"] == b"1":
                    return why
                print(why, file=sys.stderr)
            elif box.get(b"_answer") == b"1":
                print("registered", box[b"baseAddress"].decode(), flush=True)
            elif box.get(b"_command") == b"RoutesChanged":
                self.epoch += 1
            elif box.get(b"_command") == b"Duplicate":
                self.link.send(self.duplicate(box))

    def duplicate(self, box):
        """Take a connection, and give the answer to that."""
        connection = socket.socket(fileno=self.link.arrived.pop(int(box[b"socket"])))
        try:
            connection.getpeername()
            if threading.active_count() > MAX_CLIENTS:
                raise RuntimeError
            Client(self, connection, box).start()  # RuntimeError: no more threads
        except (OSError, RuntimeError) as error:
            connection.close()
            code = b"Gone" if isinstance(error, OSError) else b"Busy"
            return {
                b"_error": box[b"_ask"],
                b"_error_code": code,
                b"_error_description": b"this worker is " + code.lower(),
            }
        return {b"_answer": box[b"_ask"]}


if __name__ == "__main__":
    sys.exit(Worker(Link(find_link())).run(sys.argv[1]))
