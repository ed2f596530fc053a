"""
A real ``systemd --user`` for tests: in a mount namespace and a control group of its own, which is
the root of all that it sees.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAM = Path("/lib/systemd/systemd")

# The parent of the manager: it stays outside, until its input ends or the manager does, and then
# cleans up.
_OUTSIDE = r"""
set -eu
mount --make-rprivate /
mount -t cgroup2 none "$ROOT/groups"
group="$ROOT/groups$(sed -n 's/^0:://p' /proc/self/cgroup)/$NAME"
mkdir "$group"
end() {
    for _ in $(seq 100); do
        [ -d "$group" ] || return 0
        find "$group" -name cgroup.procs -exec cat {} + | xargs -r kill -9 || true
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
    done
}
trap end EXIT
( echo $BASHPID > "$group/cgroup.procs"; exec unshare --cgroup /bin/bash -c "$INSIDE" ) &
while kill -0 $! 2>/dev/null; do
    status=0
    read -r -t 0.2 _ || status=$?
    [ $status -gt 128 ] || break
done
"""

# A systemd takes the root of all control groups that it sees for its own, and moves the processes
# there elsewhere: that has to be this group, with no process but this one.
_INSIDE = r"""
set -eu
mount -t cgroup2 none /sys/fs/cgroup
grep -qx 0::/ /proc/self/cgroup
for process in $(cat /sys/fs/cgroup/cgroup.procs); do
    [ "$process" = $$ ] || ! [ -e "/proc/$process" ] || exit 1
done
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system
exec "$PROGRAM" --user --unit=basic.target --log-target=console --log-level=info
"""

_UNITS = {
    "basic.target": "[Unit]\nDescription=The tests\n",
    "exit.target": "[Unit]\nDefaultDependencies=no\n",
}


class NoManager(Exception):
    """It cannot be had here; the message says why."""


class UserManager:
    """
    A running ``systemd --user``.

    :param directory: for its units and what they need
    :raises NoManager: the machine does not allow it
    """

    def __init__(self, directory: Path) -> None:
        self.units = directory / "units"
        # The path of a UNIX socket has to be short.
        self.runtime = Path(tempfile.mkdtemp(prefix="netshare-"))
        self.log = directory / "systemd.log"
        (directory / "groups").mkdir()
        (directory / "home").mkdir()
        self.units.mkdir()
        for name, text in _UNITS.items():
            self.unit(name, text)
        self._environment = {
            **os.environ,
            "ROOT": str(directory),
            "NAME": f"netshare-test-{os.getpid()}",
            "INSIDE": _INSIDE,
            "PROGRAM": str(PROGRAM),
            "HOME": str(directory / "home"),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "SYSTEMD_UNIT_PATH": str(self.units),
        }
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "/bin/bash", "-c", _OUTSIDE],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        limit = time.monotonic() + 20
        while not (self.runtime / "systemd" / "private").exists():
            if self._process.poll() is not None or time.monotonic() > limit:
                self.close()
                said = self.log.read_text(errors="replace").strip().splitlines()
                raise NoManager(said[-1] if said else "systemd says nothing")
            time.sleep(0.02)

    def unit(self, name: str, text: str) -> None:
        """Write a unit; see :meth:`ctl` for ``daemon-reload``."""
        path = self.units / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def ctl(self, *arguments: str, check: bool = True) -> str:
        """Run ``systemctl --user``."""
        done = subprocess.run(
            ["systemctl", "--user", "--no-pager", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr + self.log.read_text()[-3000:]
        return done.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.ctl("show", "--property", name, "--value", unit)

    def close(self) -> None:
        """End it, with all that it has started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        shutil.rmtree(self.runtime, ignore_errors=True)
