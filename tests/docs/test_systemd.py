"""The units in systemd/ fit each other, the code and the documents."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from netshare.control.paths import SYSTEM_CONTROL, service_control_path
from netshare.service.desk.accounts import DEFAULT_GROUP
from netshare.service.quotas import Quotas
from netshare.tap import Options
from netshare.tap.manager import CONTROL
from tests.helpers.places import ROOT

MANUAL = (ROOT / "docs" / "operations.rst").read_text("utf-8")


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit; a setting may stand there more than once."""
    settings: dict[str, list[str]] = defaultdict(list)
    text = (ROOT / "systemd" / name).read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and line[0] not in "#[":
            key, equals, value = line.partition("=")
            assert equals, f"{name}: {line!r} is no setting"
            settings[key].append(" ".join(value.split()))
    return settings


SERVICE, SOCKET = unit("netshare.service"), unit("netshare.socket")
CONTROL_SOCKET = unit("netshare-control.socket")


def test_the_service_takes_the_socket_by_its_name() -> None:
    """The name of the descriptor is the one in the service's endpoint string."""
    (command,) = SERVICE["ExecStart"]
    endpoint = re.search(r"--listen (\S+)", command)
    assert endpoint is not None
    assert endpoint[1] == f"systemd:domain=INET6:name={SOCKET['FileDescriptorName'][0]}"
    assert endpoint[1] in MANUAL
    for setting in ("Requires", "After"):
        assert SERVICE[setting][-1] == "netshare.socket netshare-control.socket"
    assert SOCKET["BindIPv6Only"] == ["both"]


def test_the_command_line_is_understood(tmp_path: Path) -> None:
    """What follows "netshare" in ExecStart are options that it has."""
    (command,) = SERVICE["ExecStart"]
    program, *arguments = command.split()
    assert program == "/opt/netshare/bin/twistd"
    assert arguments[: arguments.index("netshare")] == ["--nodaemon", "--pidfile="]
    options = Options()
    options.parseOptions([a for a in arguments[arguments.index("netshare") + 1 :] if a[0] != "$"])
    assert len(options.configuration.listen) == 1
    assert str(options.configuration.connectionLog) == "%L/netshare/connections.log"
    assert SERVICE["LogsDirectory"] == ["netshare"]
    rotated = (ROOT / "systemd" / "netshare.logrotate").read_text("utf-8")
    assert "\n/var/log/netshare/connections.log {" in rotated
    (file,) = SERVICE["EnvironmentFile"]
    assert file.removeprefix("-") in MANUAL
    assert arguments[-1] == "$NETSHARE_OPTIONS"
    assert "NETSHARE_OPTIONS=" in MANUAL


def test_the_control_socket_is_where_workers_look() -> None:
    """systemd's runtime directory leads to the machine's control socket."""
    environ = {"RUNTIME_DIRECTORY": f"/run/{SERVICE['RuntimeDirectory'][0]}"}
    assert service_control_path(environ) == SYSTEM_CONTROL
    assert SERVICE["RuntimeDirectoryMode"] == ["0755"]
    assert CONTROL_SOCKET["ListenStream"] == [str(SYSTEM_CONTROL)]
    assert CONTROL_SOCKET["FileDescriptorName"] == [CONTROL]
    assert CONTROL_SOCKET["Service"] == ["netshare.service"]
    assert CONTROL_SOCKET["SocketMode"] == ["0666"]
    # Otherwise its path would go with the directory whenever the service stops.
    assert SERVICE["RuntimeDirectoryPreserve"] == ["yes"]


def test_it_is_watched() -> None:
    """The service says that it is ready and lives, and what it has systemd keep has room."""
    assert SERVICE["Type"] == ["notify"]
    assert int(SERVICE["WatchdogSec"][0]) >= 10
    assert int(SERVICE["FileDescriptorStoreMax"][0]) >= 512
    assert "Type=notify-reload\n   ExecReload=\n" in MANUAL


def test_queues_are_long() -> None:
    """Clients and workers of a service that starts all find room."""
    for settings in (SOCKET, CONTROL_SOCKET):
        assert settings["Backlog"] == [str(Quotas().listenBacklog)]


def test_it_is_not_root() -> None:
    """The service has a user of its own, which exists, and one capability."""
    (user,) = SERVICE["User"]
    assert (user, SERVICE["Group"]) == (DEFAULT_GROUP, [DEFAULT_GROUP])
    users = (ROOT / "systemd" / "netshare.sysusers.conf").read_text("utf-8")
    assert re.search(rf"^u {user} - ", users, re.MULTILINE)
    for setting in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert SERVICE[setting] == ["CAP_NET_BIND_SERVICE"]
    assert SERVICE["NoNewPrivileges"] == ["yes"]


def test_what_would_break_it_is_not_there() -> None:
    """
    A reload that waits for its answer, nothing that hides who a worker is, and nothing that ends
    workers when the service dies, or the service when a worker does.
    """
    assert SERVICE["ExecReload"] == ["/opt/netshare/bin/netshare take-over"]
    assert not {"PrivateUsers", "ProtectProc", "PrivateNetwork"} & set(SERVICE)
    assert SERVICE["KillMode"] == ["process"]
    assert SERVICE["OOMPolicy"] == ["continue"]
    assert int(SERVICE["LimitNOFILE"][0]) >= 65536


def test_the_manual_installs_what_there_is() -> None:
    """Every file of the directory is in the manual, and every one that it names is there."""
    named = set(re.findall(r"systemd/(netshare[\w.-]+)", MANUAL))
    assert named == {path.name for path in (ROOT / "systemd").iterdir()}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_them(tmp_path: Path) -> None:
    """Every setting is one, and has a value that it may have."""
    for name in ("netshare.service", "netshare.socket", "netshare-control.socket"):
        text = (ROOT / "systemd" / name).read_text("utf-8")
        for program in ("twistd", "netshare"):
            text = text.replace(f"/opt/netshare/bin/{program}", "/bin/true")
        (tmp_path / name).write_text(text)
    verdict = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    said = verdict.stdout + verdict.stderr
    assert "netshare" not in said, said
    assert verdict.returncode == 0, said


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_exposure_level() -> None:
    """systemd's own verdict on the service is better than 2.0 of 10."""
    verdict = subprocess.run(
        [
            "systemd-analyze",
            "--offline=yes",
            "--threshold=20",
            "--no-pager",
            "security",
            str(ROOT / "systemd" / "netshare.service"),
        ],
        capture_output=True,
        text=True,
    )
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert "Overall exposure level" in verdict.stdout
