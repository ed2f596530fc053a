"""netshare.sockets.inherited: descriptors that a service manager has passed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netshare.sockets.inherited import (
    InheritedDescriptors,
    NotListening,
    tcp_listener,
    unix_listener,
)
from tests.helpers.descriptors import is_open

PRINT = """
import os
from netshare.sockets.inherited import InheritedDescriptors
passed = InheritedDescriptors.of_process(os.environ)
print(passed.names, [(n, d, os.get_inheritable(d)) for n in ("a", "b") for d in passed.take(n)])
print(passed.names, sorted(n for n in os.environ if n.startswith("LISTEN_")))
"""


@pytest.mark.parametrize(
    ("whose", "said"),
    [
        ("$$", "['a', 'b', 'a'] [('a', 3, False), ('a', 5, False), ('b', 4, False)]\n[] []\n"),
        ("1", "[] []\n[] ['LISTEN_FDS', 'LISTEN_PID']\n"),
    ],
)
def test_those_of_a_process(whose: str, said: str) -> None:
    """They come by name, several by one name, if they are for this process, and go no further."""
    shell = (
        f"exec 3</dev/null 4</dev/null 5</dev/null; export LISTEN_PID={whose}; "
        'LISTEN_FDS=3 LISTEN_FDNAMES=a:b:a exec "$@"'
    )
    done = subprocess.run(
        ["/bin/bash", "-c", shell, "bash", sys.executable, "-c", PRINT],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == said


def test_what_is_not_taken_is_closed() -> None:
    """What was taken is the taker's."""
    one, two = os.pipe()
    passed = InheritedDescriptors([("one", one), ("two", two)])
    assert passed.take("one") == [one]
    assert passed.take("one") == []
    passed.close()
    assert passed.names == []
    assert (is_open(one), is_open(two)) == (True, False)
    os.close(one)


def test_what_is_not_there() -> None:
    """A descriptor that only the environment knows of was not passed."""
    assert InheritedDescriptors([("gone", 99_999)]).names == []


def udp(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def bound(path: Path) -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made


def unix(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen()
    return made


def abstract(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(f"\0netshare-{os.getpid()}")
    made.listen()
    return made


def tcp(path: Path) -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.parametrize("make", [udp, bound, unix, tcp, abstract])
def test_kinds(make: Callable[[Path], socket.socket], tmp_path: Path) -> None:
    """A listening socket of the right kind is taken; anything else is closed, and is an error."""
    for listener, right in ((tcp_listener, tcp), (unix_listener, unix)):
        with make(tmp_path / listener.__name__) as original:
            descriptor = os.dup(original.fileno())
            if make is right:
                with listener(descriptor) as taken:
                    assert taken.getsockname() == original.getsockname()
                    assert not taken.getblocking()
            else:
                with pytest.raises(NotListening, match="no listening"):
                    listener(descriptor)
            assert not is_open(descriptor)


def test_no_socket_at_all() -> None:
    """Neither is a file."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(NotListening):
        tcp_listener(descriptor)
    assert not is_open(descriptor)
