"""The page about transport security: its programs run, and its names are those of the package."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.threads import deferToThread

from netshare.transport import security
from tests.docs.test_transport import PORT, blocks, serving
from tests.helpers.places import ROOT
from tests.peers.drivers import free_port

PAGE = ROOT / "docs" / "security-transport.rst"


async def test_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's service and client speak TLS with the certificates that its command makes."""
    port = free_port()
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"^   python (-m trustme .+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    subprocess.run([sys.executable, *command.split(), "-q"], check=True)
    for program in blocks(PAGE):
        (tmp_path / program.name).write_text(program.code.replace(PORT, f":{port}/"), "utf-8")

    def both() -> str:
        with serving(tmp_path / "service.py"):
            done = subprocess.run(
                [sys.executable, str(tmp_path / "client.py")],
                capture_output=True,
                text=True,
                timeout=30,
            )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert await deferToThread(both) == "3.0\n"


def test_every_public_name_is_explained() -> None:
    """What users need of ``netshare.transport.security`` appears in the page."""
    text = PAGE.read_text("utf-8")
    inner = {"CertificateError", "CertificateFile", "EndpointIdentity", "TransportSecurity"}
    missing = [name for name in security.__all__ if not re.search(rf"\b{name}\b", text)]
    assert set(missing) <= inner
