"""The calculator examples, each as a process: Python and C#, clients and services."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.drivers import free_port
from tests.peers.programs import find_mono, require_peer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LINES = [
    "1 + 2 = 3",
    "17 = 3 * 5 + 2",
    "sum: 7.5",
    "refused: cannot divide by 0 (Divide: b is 0)",
]


@pytest.fixture(scope="module")
def csharp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C# programs, compiled."""
    require_peer("mono")
    mono = find_mono()
    assert mono is not None
    directory = tmp_path_factory.mktemp("csharp")
    for name in ("Client", "Service"):
        subprocess.run(
            [
                str(mono.compiler),
                "-r:System.ServiceModel",
                "-r:System.Runtime.Serialization",
                f"-out:{directory / name}.exe",
                *(str(EXAMPLES / "csharp" / source) for source in ("Calculator.cs", f"{name}.cs")),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
    return directory


@contextmanager
def serving(command: list[str]) -> Iterator[None]:
    """A service process, from its first line on."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            assert b"serving" in process.stdout.readline()
            yield
        finally:
            process.terminate()


def command_for(language: str, role: str, csharp: Path, address: str) -> list[str]:
    """The command line of an example."""
    if language == "csharp":
        mono = find_mono()
        assert mono is not None
        return [str(mono.runtime), str(csharp / f"{role}.exe"), address]
    script = "calculator.py" if role == "Service" else "calculator_client.py"
    return [sys.executable, str(EXAMPLES / script), address]


@pytest.mark.parametrize(
    ("service", "client"), [("python", "python"), ("python", "csharp"), ("csharp", "python")]
)
def test_calculators(csharp: Path, service: str, client: str) -> None:
    """Each client prints the same of each service."""
    address = f"net.tcp://127.0.0.1:{free_port()}/calculator"
    with serving(command_for(service, "Service", csharp, address)):
        done = subprocess.run(
            command_for(client, "Client", csharp, address),
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 0, done.stderr
    lines = [line.replace(".0", "") for line in done.stdout.splitlines()]
    assert lines == LINES, done.stderr
