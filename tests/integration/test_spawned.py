"""What a worker that the service starts can do: serve its address, and no more."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor

from netshare.addresses import parse_base_address
from netshare.service.activation.spec import WorkerSpec
from netshare.service.activation.supervision import Supervisor
from tests.integration.running import RunningService

reactor: Any = _reactor

#: Tries all doors: its own link, the control socket, and the control socket from a child.
GREEDY = """
import json, os, subprocess, sys
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.protocol import Factory
from netshare.control.commands import RegistrationError
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import Wish

out, own, other = sys.argv[1:4]


async def attempt(address, control):
    try:
        await SharedPortServerEndpoint(reactor, Wish(address), control).listen(Factory())
    except RegistrationError as error:
        return type(error).__name__ + ": " + str(error)
    return "registered"


async def main():
    control = os.environ["NETSHARE_CONTROL"]
    if own == "-":
        found = [await attempt(other, control)]
    else:
        environment = dict(os.environ)
        found = [await attempt(other, None)]
        found.append(await attempt(other, control))
        child = [sys.executable, *sys.argv[:1], out + ".child", "-", other]
        subprocess.run(child, check=True)
        found.append(json.load(open(out + ".child"))[0])
        found.append(sorted(environment))
    with open(out + ".new", "w") as file:
        json.dump(found, file)
    os.rename(out + ".new", out)
    if own == "-":
        reactor.stop()


reactor.callWhenRunning(lambda: ensureDeferred(main()))
reactor.run()
"""


@pytest_twisted.async_yield_fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    running = RunningService(reactor, tmp_path)
    await running.start()
    yield running
    await running.stop()


async def test_no_door_leads_to_another_address(service: RunningService, tmp_path: Path) -> None:
    """Not by its link, the control socket, or a child; of the environment it has a part."""
    script, out = tmp_path / "greedy.py", tmp_path / "found"
    script.write_text(GREEDY)
    own, other = (f"net.tcp://+:{service.port}/{path}" for path in ("own", "other"))
    command = (sys.executable, str(script), str(out), own, other)
    environ = {**os.environ, "PYTHONPATH": os.getcwd(), "DB_PASSWORD": "secret"}
    spec = WorkerSpec("greedy", parse_base_address(own), command=command)
    supervisor = Supervisor(
        reactor, service.shared.desk, [spec], str(service.control), environ=environ
    )
    supervisor.start()
    try:
        await service.settle(out.exists, 30)
        *attempts, environment = json.loads(out.read_text())
        assert len(attempts) == 3
        for attempt in attempts:
            assert attempt.startswith("AccessDenied: ")
            assert "may register only the address it was started for" in attempt
        assert "DB_PASSWORD" not in environment
        assert {"PATH", "NETSHARE_LINK", "NETSHARE_CONTROL"} <= set(environment)
        assert len(service.shared.registry) == 0
    finally:
        await supervisor.stop()
