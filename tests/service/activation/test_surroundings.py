"""What a spawned worker gets of the service's own."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from shutil import which

import pytest

from netshare.service.activation.isolation import Isolation, identity_of
from netshare.service.activation.surroundings import descends_from, environment_of_worker, user_of

OWN = identity_of(Isolation())


def test_the_environment() -> None:
    """It is made of names, not of all that the service has."""
    service = {
        "PATH": "/usr/bin",
        "LC_ALL": "C",
        "PYTHONPATH": "/work",
        "NOTIFY_SOCKET": "/run/notify",
        "WATCHDOG_PID": "1",
        "WATCHDOG_USEC": "30000000",
        "LISTEN_PID": "1",
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": "netshare",
        "FDSTORE": "1024",
        "CREDENTIALS_DIRECTORY": "/run/credentials",
        "DB_PASSWORD": "secret",
    }
    kept = {"PATH": "/usr/bin", "LC_ALL": "C", "PYTHONPATH": "/work"}
    assert environment_of_worker(service, Isolation(), OWN) == kept
    named = Isolation(
        environment={"PYTHONPATH": "/other", "MODE": "test"},
        passEnvironment=("DB_PASSWORD", "DB_HOST"),
    )
    assert environment_of_worker(service, named, OWN) == {
        "PATH": "/usr/bin",
        "LC_ALL": "C",
        "PYTHONPATH": "/other",
        "MODE": "test",
        "DB_PASSWORD": "secret",
    }


def test_the_environment_of_another_user() -> None:
    """Its home is its own; one that has no entry has none."""
    service = {"HOME": "/home/service", "USER": "netshare", "PATH": "/bin"}
    root = Isolation(user="root")
    kept = environment_of_worker(service, root, identity_of(root))
    entry = pwd.getpwuid(0)
    assert (kept["HOME"], kept["USER"], kept["LOGNAME"]) == (entry.pw_dir, "root", "root")
    number = Isolation(user="3999999", group="3999999")
    assert environment_of_worker(service, number, identity_of(number)) == {"PATH": "/bin"}


def test_a_family() -> None:
    """A process, its children and their children belong to it; others do not."""
    own = frozenset({os.getpid()})
    assert descends_from(os.getpid(), own)
    script = "import subprocess; p = subprocess.Popen(['cat']); print(p.pid, flush=True); p.wait()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        assert descends_from(child.pid, own)
        assert descends_from(grandchild, own)
        assert descends_from(grandchild, frozenset({child.pid}))
        assert not descends_from(os.getpid(), frozenset({child.pid}))
    assert not descends_from(1, own)
    assert not descends_from(2**22 + 1, own)  # there is no such process


def test_a_user() -> None:
    """The one that the process acts as; none of one that has ended."""
    assert user_of(os.getpid()) == os.geteuid()
    assert user_of(2**22 + 1) is None


CAPABLE = """
import subprocess
from netshare.service.activation.surroundings import (
    ambient_capabilities, drop_ambient_capabilities
)

def capabilities(text):
    return [line.split()[1] for line in text.splitlines() if line.startswith("CapEff")][0]

def child():
    return subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout

print(capabilities(child()))
drop_ambient_capabilities()
print(capabilities(child()), capabilities(open("/proc/self/status").read()))
with ambient_capabilities():
    print(capabilities(child()))
print(capabilities(child()))
"""


@pytest.mark.skipif(os.geteuid() != 0 or not which("setpriv"), reason="needs root and setpriv")
def test_ambient_capabilities() -> None:
    """
    A worker has none of the service's, which keeps what it has for opening low ports; another
    process of the service has them.
    """
    command = [
        *("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=+net_bind_service"),
        *("--ambient-caps=+net_bind_service", sys.executable, "-c", CAPABLE),
    ]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": "1"}
    shown = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    if "Permission denied" in shown.stderr:
        pytest.skip("another user cannot read this source")
    found = [int(one, 16) for one in shown.stdout.split()]
    assert found == [1 << 10, 0, 1 << 10, 1 << 10, 0], shown.stderr
