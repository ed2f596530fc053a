"""The program that a worker's process begins as."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from netshare.service.activation import launcher
from netshare.service.activation.isolation import environment_file

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
STRANGER = "65534"
#: Becomes another user before anything else.
AS_A_STRANGER = ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups")
PYTHON = (sys.executable, "-I", "-S", launcher.__file__)


def launched(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run it, with its report on standard error."""
    command = [*before, *PYTHON, "report=2", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def status(*settings: str) -> dict[str, str]:
    """What the kernel says of a process with these settings."""
    done = launched(*settings, "--", "cat", "/proc/self/status")
    assert done.returncode == 0, done.stderr
    return dict(line.split(":\t", 1) for line in done.stdout.splitlines())


def test_nothing_is_asked_for() -> None:
    """The program has what we have, and no signal is ignored."""
    shown = status(f"group={os.getegid()}", f"user={os.geteuid()}")
    assert shown["Uid"].split() == [str(os.geteuid())] * 4
    assert shown["NoNewPrivs"] == "0"
    assert int(shown["SigIgn"], 16) & (1 << 12 | 1 << 24) == 0  # SIGPIPE, SIGXFSZ


def test_a_session_of_its_own() -> None:
    """What a terminal signals does not reach the worker, whether it led a session before or not."""
    read = "import os; print(os.getsid(0) == os.getpgid(0) == os.getpid() != os.getppid())"
    for before in ((), ("setsid", "--wait")):
        done = launched("--", sys.executable, "-c", read, before=before)
        assert (done.stdout, done.stderr) == ("True\n", "")


def test_the_environment() -> None:
    """The worker's is what comes on a descriptor, which is closed; ours is not it."""
    with environment_file({"PATH": "/nowhere:/usr/bin", "A": "b=c"}) as given:
        command = [*PYTHON, "report=2", f"environment={given}", "--"]
        for program, says in (
            ("env", b"PATH=/nowhere:/usr/bin\nA=b=c\n"),
            ("ls /proc/self/fd", b"0\n1\n2\n3\n"),  # the last is the directory's
        ):
            os.lseek(given, 0, os.SEEK_SET)
            done = subprocess.run(
                [*command, *program.split()],
                env={"LC_ALL": "C"},
                pass_fds=[given],
                capture_output=True,
                check=True,
                timeout=60,
            )
            assert done.stdout == says


@NEEDS_ROOT
def test_another_user() -> None:
    """Real, effective and saved numbers are the user's, and groups are exactly those named."""
    shown = status("groups=7,4", "group=5", f"user={STRANGER}")
    assert shown["Uid"].split() == [STRANGER] * 4
    assert shown["Gid"].split() == ["5"] * 4
    assert shown["Groups"].split() == ["4", "7"]
    assert status("groups=", "group=5", "user=6")["Groups"].split() == []
    assert int(shown["CapEff"], 16) == int(shown["CapPrm"], 16) == 0


def test_what_anybody_may_set(tmp_path: Path) -> None:
    """Umask, directory and no_new_privs; limits, where they go down."""
    shown = status("noNewPrivileges", "umask=23", "resourceLimit=NOFILE:100:200")
    assert shown["NoNewPrivs"] == "1"
    assert shown["Umask"] == "0027"
    shell = ("sh", "-c", "pwd; ulimit -Sn; ulimit -Hn")
    done = launched(f"directory={tmp_path}", "resourceLimit=NOFILE:100:200", "--", *shell)
    assert done.stdout.split() == [str(tmp_path), "100", "200"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("directory=/nowhere", "--", "true"), "directory /nowhere: No such file or directory"),
        (("directory=/dev/null", "--", "true"), "directory /dev/null: Not a directory"),
        (("--", "no-such-program"), "command: there is no program no-such-program"),
        (("--", "/no/such"), "command: there is no program /no/such"),
        (("--look", "no-such-program"), "command: there is no program no-such-program"),
        (("--", "/etc/passwd"), f"command: /etc/passwd may not be run by user {os.getuid()}"),
        (("--look", "/etc/passwd"), f"command: /etc/passwd may not be run by user {os.getuid()}"),
        (("resourceLimit=NOFILE:9:5", "--", "true"), "resourceLimits: NOFILE cannot be 5: "),
    ],
)
def test_what_cannot_be_started(arguments: tuple[str, ...], says: str) -> None:
    """One sentence, and no more."""
    done = launched(*arguments)
    assert (done.returncode, done.stdout) == (launcher.CANNOT_START, "")
    assert done.stderr.startswith(says)
    assert "\n" not in done.stderr


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    """The system's own words say what is wrong with it."""
    text, script = tmp_path / "text", tmp_path / "script"
    text.write_text("words\n")
    script.write_text("#!/no/such/interpreter\n")
    text.chmod(0o755)
    script.chmod(0o755)
    assert launched("--", str(text)).stderr == f"command {text}: Exec format error"
    assert launched("--", str(script)).stderr == f"command {script}: No such file or directory"


@NEEDS_ROOT
@pytest.mark.skipif(not which("setpriv"), reason="needs setpriv")
@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("user=0", "user 0: Operation not permitted"),
        ("group=0", "group 0: Operation not permitted"),
        ("groups=0", "groups 0: Operation not permitted"),
        ("directory=/root", "directory /root: Permission denied"),
        ("resourceLimit=NOFILE:1:-1", "resourceLimits: NOFILE cannot be Infinite: the hard limit"),
    ],
)
def test_what_only_root_may(setting: str, says: str) -> None:
    """Nobody else becomes another user, or is given more than there is."""
    done = launched(setting, "--", "true", before=AS_A_STRANGER)
    if "Permission denied" in done.stderr and "launcher.py" in done.stderr:
        pytest.skip("another user cannot read this source")
    assert done.returncode == launcher.CANNOT_START
    assert done.stderr.startswith(says)


def test_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where such calls are forbidden a worker that stays who it is can be started."""

    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    for module, name in ((os, "setresuid"), (os, "setresgid"), (resource, "setrlimit")):
        monkeypatch.setattr(module, name, forbidden)
    launcher.do(f"group={os.getegid()}")
    launcher.do(f"user={os.geteuid()}")
    with pytest.raises(launcher.CannotStart, match="user 3999999: Operation not permitted"):
        launcher.do("user=3999999")
    says = "NOFILE cannot be 5: the service runs where limits may not be changed"
    with pytest.raises(launcher.CannotStart, match=says):
        launcher.do("resourceLimit=NOFILE:5:5")
    monkeypatch.setattr(resource, "getrlimit", forbidden)
    with pytest.raises(launcher.CannotStart, match=says):
        launcher.do("resourceLimit=NOFILE:5:5")


def test_only_a_look() -> None:
    """What is there is not started."""
    done = launched("--look", "echo", "started")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
