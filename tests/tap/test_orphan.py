"""netshare.tap.orphan: another program, in a process whose parent has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from netshare.tap import orphan


def test_a_process_without_a_parent() -> None:
    """Its number is told, it runs the command line, and its end is the end of the pipe."""
    near, far = os.pipe()
    program = [sys.executable, "-I", str(Path(orphan.__file__)), str(far)]
    code = "import sys; print(sys.argv[1], flush=True); input()"
    child = subprocess.Popen(
        [*program, sys.executable, "-c", code, "hello"],
        pass_fds=[far],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    os.close(far)
    assert child.stdin is not None
    assert child.stdout is not None
    with open(near, "rb") as told:
        assert child.stdout.readline() == b"hello\n"
        assert child.wait(20) == 0
        pid = int(told.readline())
        assert pid != child.pid
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        assert int(parent) not in (child.pid, os.getpid())
        child.stdin.close()
        assert told.read() == b""
    child.stdout.close()
