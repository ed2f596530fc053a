"""A service manager of the tests' own: what it is told, and what it keeps."""

from __future__ import annotations

import array
import os
import select
import socket
import threading
from pathlib import Path


class Manager:
    """
    Listens where a service tells what it does.

    :ivar kept: what it keeps, in order
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: list[tuple[str, int]] = []
        self._messages: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._reading = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def told(self) -> list[dict[str, str]]:
        """Every message since the last time; the store is as they say."""
        self._read()
        messages, self._messages = self._messages, []
        return messages

    def _run(self) -> None:
        # As the real one does it a moment later, while the service goes on.
        while not self._over.is_set():
            if select.select([self._socket], [], [], 0.02)[0]:
                self._over.wait(0.002)
                self._read()

    def _read(self) -> None:
        with self._reading:
            while True:
                try:
                    data, ancillary, _, _ = self._socket.recvmsg(4096, 1024)
                except BlockingIOError:
                    return
                message = dict(line.split("=", 1) for line in data.decode().splitlines())
                descriptors = array.array("i")
                for _, _, packed in ancillary:
                    descriptors.frombytes(packed)
                self._act(message, list(descriptors))
                self._messages.append(message)

    def _act(self, message: dict[str, str], descriptors: list[int]) -> None:
        if "FDSTORE" in message:
            self.kept += [(message["FDNAME"], one) for one in descriptors]
            return
        for one in descriptors:  # of a barrier
            os.close(one)
        if "FDSTOREREMOVE" in message:
            for name, descriptor in self.kept[:]:
                if name == message["FDNAME"]:
                    self.kept.remove((name, descriptor))
                    os.close(descriptor)

    def names(self) -> list[str]:
        """Of what is kept."""
        self.told()
        return [name for name, _ in self.kept]

    def passed(self) -> list[tuple[str, int]]:
        """What the next process of the service gets."""
        self.told()
        return [(name, os.dup(descriptor)) for name, descriptor in self.kept]

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.told()
        for _, descriptor in self.kept:
            os.close(descriptor)
        self._socket.close()
