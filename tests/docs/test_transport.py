"""docs/transport.rst and README.rst: what they show of the transport runs."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from types import ModuleType

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread

from netshare import transport
from netshare.control.paths import CONTROL_VARIABLE
from netshare.transport import NetTcpBinding, SecurityMode
from netshare.transport.channels import errors as transport_errors
from netshare.transport.clients.background import BackgroundReactor
from netshare.transport.xml import BINDING_QUOTAS, BUFFERED_QUOTAS, ReaderQuotas
from tests.helpers.places import ROOT
from tests.integration.running import RunningService
from tests.peers.drivers import free_port

PAGE = ROOT / "docs" / "transport.rst"
#: The port in the documents.
PORT = ":8808/"


@pytest.fixture(scope="module", autouse=True)
def background() -> None:
    """The clients' thread stays until the program ends, so it is not a leak of any test."""
    BackgroundReactor.shared()


@dataclass(frozen=True, slots=True)
class Block:
    """A block of Python; one with a name is a file of its own."""

    name: str
    line: int
    code: str


def blocks(path: Path = PAGE) -> Iterator[Block]:
    """The code blocks of a document, in order."""
    pattern = r"^\.\. code-block:: python\n((?:   :.+\n)*)\n((?:   .*\n|\n)+)"
    text = path.read_text("utf-8") + "\n"
    for found in re.finditer(pattern, text, flags=re.MULTILINE):
        name = re.search(r":caption: (\S+)", found[1])
        line = text[: found.start(2)].count("\n") + 1
        yield Block(name[1] if name else "", line, textwrap.dedent(found[2]))


async def run(block: Block, module: ModuleType, port: int) -> None:
    """
    Run a block: with ``await`` in it in the reactor's thread, otherwise in one that may block.
    """
    source = "\n" * (block.line - 1) + block.code.replace(PORT, f":{port}/")
    code = compile(source, PAGE.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if code.co_flags & inspect.CO_COROUTINE:
        await ensureDeferred(eval(code, module.__dict__))
    else:
        await deferToThread(exec, code, module.__dict__)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def shared_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningService]:
    """A sharing service that the programs find, as they find the machine's."""
    from twisted.internet import reactor

    running = RunningService(reactor, tmp_path)
    await running.start()
    monkeypatch.setenv(CONTROL_VARIABLE, str(running.control))
    yield running
    await running.stop()


async def test_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of the page runs after those above it, and what they assert is so."""
    module = ModuleType("transport_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    port = free_port()
    ran = 0
    try:
        for block in blocks():
            if not block.name:
                await run(block, module, port)
                ran += 1
    finally:
        for host in module.__dict__.get("hosts", ()):
            await host.close(1.0)
    assert ran > 20


@contextmanager
def serving(script: Path, *options: str) -> Iterator[None]:
    """A service process, from its first line on."""
    with subprocess.Popen(
        [sys.executable, str(script), *options], stdout=subprocess.PIPE, cwd=script.parent
    ) as process:
        try:
            assert process.stdout is not None
            assert b"serving" in process.stdout.readline()
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize("options", [(), ("--shared",)], ids=["own-port", "shared-port"])
async def test_the_programs(
    tmp_path: Path, shared_port: RunningService, options: tuple[str, ...]
) -> None:
    """The page's calculator serves on its own port, and behind a shared one; its client says so."""
    port = shared_port.port if options else free_port()
    programs = [block for block in blocks() if block.name]
    assert [program.name for program in programs] == ["contract.py", "service.py", "client.py"]
    for program in programs:
        (tmp_path / program.name).write_text(program.code.replace(PORT, f":{port}/"), "utf-8")

    def both() -> str:
        with serving(tmp_path / "service.py", *options):
            done = subprocess.run(
                [sys.executable, str(tmp_path / "client.py")],
                capture_output=True,
                text=True,
                timeout=30,
            )
        assert done.returncode == 0, done.stderr
        return done.stdout

    output = await deferToThread(both)
    shown = re.search(r"\$ python client\.py\n((?:   .+\n)+)", PAGE.read_text("utf-8"))
    assert shown is not None
    assert output == textwrap.dedent(shown[1])
    assert shared_port.shared.counts.accepted == (1 if options else 0)


async def test_the_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    """README's service and client work as they stand there."""
    text = (ROOT / "README.rst").read_text("utf-8")
    section = text[text.index("**Speak net.tcp**") :]
    found = re.findall(r"::\n\n((?:   .*\n|\n)+)", section)[:2]
    module = ModuleType("transport_readme")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    from twisted.internet import reactor

    module.__dict__["reactor"] = reactor
    port = free_port()
    service, client = (textwrap.dedent(one) for one in found)
    try:
        await run(Block("", 1, service), module, port)
        await run(Block("", 1, client), module, port)
    finally:
        await module.__dict__["host"].close(1.0)
    assert "assert calculator.Add(1, 2) == 3" in client


def described(name: str) -> dict[str, str]:
    """A table of the page, by its reference: the first column and the second."""
    text = PAGE.read_text("utf-8")
    table = text[text.index(f".. _{name}:") :]
    table = re.split(r"\n\n(?=\S)", table.split(".. list-table::", 1)[1])[0]
    rows = re.findall(r"^   \* - (.+)\n     - (.*)", table, flags=re.MULTILINE)
    assert rows
    return {first.strip("`"): second.strip("`") for first, second in rows[1:]}


def test_the_table_of_the_binding() -> None:
    """Each setting of the binding is there with its default, and nothing else."""
    binding = NetTcpBinding(security=SecurityMode.NONE)
    table = described("binding-settings")
    expected = {}
    for setting in fields(NetTcpBinding):
        value = setting.default if setting.name == "security" else getattr(binding, setting.name)
        shown = str(value)
        if isinstance(value, Enum):
            shown = value.name
        elif setting.name == "encoding":
            shown = "BinaryEncoding()"
        elif isinstance(value, float):
            shown = f"{value:g}"
        expected[setting.name] = shown
    assert table == expected


def test_the_table_of_quotas() -> None:
    """Each quota of readers is there, for streamed and for buffered messages."""
    text = PAGE.read_text("utf-8")
    for quota in fields(ReaderQuotas):
        streamed, buffered = (getattr(q, quota.name) for q in (BINDING_QUOTAS, BUFFERED_QUOTAS))
        shown = "none" if buffered == 2**31 - 1 else str(buffered)
        row = f"   * - ``{quota.name}``\n     - {shown}\n     - {streamed}\n"
        assert row in text, row


def test_the_errors() -> None:
    """Each error that calls can raise is in the table, and there is none that is not."""
    named = set(described("errors-of-calls")) - {"FaultError"}
    real = {name for name, value in vars(transport_errors).items() if isinstance(value, type)}
    real = {name for name in real if name.endswith("Error")}
    assert named == real - {"TransportError", "CommunicationError"}


def test_every_public_name_is_explained() -> None:
    """What ``netshare.transport`` exports appears in the page, or in that about security."""
    text = PAGE.read_text("utf-8") + PAGE.with_name("security-transport.rst").read_text("utf-8")
    missing = [name for name in transport.__all__ if not re.search(rf"\b{name}\b", text)]
    assert missing == []
