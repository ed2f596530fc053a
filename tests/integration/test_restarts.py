"""
A service that starts, or starts again, and workers that die, under a load of clients that count.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netshare.framing.records import PREAMBLE_ACK
from tests.integration.restarting import SELF_REGISTERED, Load, Place, end, until
from tests.peers.drivers import free_port


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as cleanup:
        yield Place(tmp_path, cleanup)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_refuses_nobody(place: Place, how: signal.Signals) -> None:
    """With an inherited socket, clients that come while the service is away are served."""
    service = place.service()
    place.worker("one", "two")
    until(lambda: place.served("one") and place.served("two"))
    load = Load(place, ["one", "two"], 100)
    for _ in range(4):
        time.sleep(0.5)
        end(service, how)
        service = place.service()
        until(lambda: place.served("one"))
    load.stop()
    served = load.outcomes.pop("served")
    assert served > 100
    # What the service had in its hands when it was killed is gone: a fraction of a millisecond's.
    assert sum(load.outcomes.values()) <= (0 if how is signal.SIGTERM else 4), load.outcomes
    assert not any(what.startswith("refused") for what in load.outcomes), load.outcomes


def test_workers_are_back_soon(place: Place) -> None:
    """A worker tries often enough that it is there as soon as the service is."""
    service = place.service()
    place.worker("one")
    until(lambda: place.served("one"))
    end(service, signal.SIGTERM)
    until(lambda: not place.control.exists())
    time.sleep(1)  # by now attempts have become as rare as they will be for some seconds
    place.service()
    load = Load(place, ["one"], 20)
    until(place.control.exists)
    back = time.monotonic()
    until(lambda: load.outcomes["served"] > 0)
    elapsed = time.monotonic() - back
    load.stop()
    assert elapsed < 0.4  # 0.05 on a quiet machine


def test_clients_before_the_first_worker(place: Place) -> None:
    """Five hundred clients that come before a spawned worker has registered are all served."""
    place.service(f"--worker={place.address('one')}=names:slow,preamble=consume")
    load = Load(place, ["one"], 500)
    time.sleep(1)
    load.stop()
    assert set(load.outcomes) == {"served"}, load.outcomes
    assert load.outcomes["served"] > 200


def test_more_clients_than_may_wait(place: Place) -> None:
    """Those over the limit are told that the server is too busy, the others are served."""
    place.service(
        f"--worker={place.address('one')}=names:slow,preamble=consume", "--maxWaitingPerAddress=20"
    )
    until(lambda: "started as process" in place.log.read_text())
    load = Load(place, ["one"], 200)
    time.sleep(0.4)
    load.stop()
    assert load.outcomes["served"] == 20, load.outcomes
    refused = [what for what in load.outcomes if what.startswith("refused")]
    assert all("ServerTooBusy" in what for what in refused), load.outcomes
    assert refused


def test_a_killed_worker(place: Place) -> None:
    """Clients that come while a spawned worker is started again wait for it."""
    place.service(f"--worker={place.address('one')}=names:factory,preamble=consume")
    until(lambda: place.served("one"))
    load = Load(place, ["one"], 100)
    time.sleep(0.3)
    os.kill(int(place.ask("one").removeprefix(PREAMBLE_ACK)), signal.SIGKILL)
    time.sleep(1.5)
    load.stop()
    lost = {what: count for what, count in load.outcomes.items() if what != "served"}
    assert not any(what.startswith("refused") for what in lost), lost
    assert sum(lost.values()) <= 3, lost  # what it had in its hands


def test_an_unknown_address_after_the_start(place: Place) -> None:
    """It is told so, a moment after the start and at once later on."""
    place.service()
    for _ in range(2):
        began = time.monotonic()
        assert b"EndpointNotFound" in place.ask("nothing")
    assert time.monotonic() - began < 0.4


def test_an_address_of_its_own_port(place: Place) -> None:
    """The port that only registered addresses open is open at once after a restart, too."""
    number = free_port()
    address = f"net.tcp://+:{number}/one"
    service = place.service("--interface=127.0.0.1")
    command = [sys.executable, "-c", SELF_REGISTERED, str(place.control), address]
    with subprocess.Popen(command, env=place.environment) as process:
        try:
            until(lambda: answers(number))
            until(lambda: address in remembered(place))
            end(service, signal.SIGKILL)
            process.send_signal(signal.SIGSTOP)
            place.service("--interface=127.0.0.1")
            until(lambda: answers(number), 4)
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def test_many_addresses_of_one_process(place: Place) -> None:
    """Seven hundred need one link, whatever ulimit says, and are all back after a restart."""
    service = place.service()
    paths = [f"orders/{number}" for number in range(700)]
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n"
    command = [
        *(sys.executable, "-c", limited + SELF_REGISTERED, str(place.control)),
        *map(place.address, paths),
    ]
    with subprocess.Popen(command, env=place.environment) as process:
        try:
            for _ in range(2):
                until(lambda: all(place.served(path) for path in (paths[0], paths[350], paths[-1])))
                assert json.loads(stats(place))["links"] == 2  # one of them asks
                assert len(os.listdir(f"/proc/{process.pid}/fd")) < 100
                end(service, signal.SIGTERM)
                service = place.service()
        finally:
            process.kill()


def stats(place: Place) -> bytes:
    command = [sys.executable, "-m", "netshare.cli", "stats", "--json", "--control"]
    return subprocess.run([*command, str(place.control)], capture_output=True, check=True).stdout


def remembered(place: Place) -> str:
    """What the service has written for the one after it."""
    file = place.control.with_name("control.registered")
    return file.read_text() if file.exists() else ""


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
