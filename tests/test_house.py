"""The rooms of the house: who imports whom, and who provides what."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from zope.interface import Interface, implementedBy
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyClass

import netshare
from netshare import interfaces

ROOT = Path(netshare.__file__).parent

#: Which rooms a room must not know. ("." stands for all rooms but the room itself.)
FORBIDDEN = {
    "framing": {"service", "worker", "transport", "cli", "addresses", "handover", "interfaces"},
    "service": {"worker", "transport", "cli", "tap", "testing"},
    "control": {"service", "worker", "transport", "cli", "tap", "testing", "endpoints"},
    "endpoints": {"service", "worker", "transport", "cli", "tap", "testing"},
    "worker": {"service", "transport", "cli", "tap", "testing"},
    "transport": {"service", "cli", "tap", "testing"},
    "addresses": {"framing", "service", "worker", "transport", "cli"},
    "sockets": {"service", "worker", "transport", "cli", "framing", "addresses"},
    "timing": {"service", "worker", "transport", "cli", "framing", "addresses", "interfaces"},
    "interfaces": {"framing", "service", "worker", "transport", "cli"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "netshare" and len(parts) > 1 else ""


@pytest.mark.parametrize(
    ("name", "path"), list(modules()), ids=lambda v: v if type(v) is str else ""
)
def test_imports_point_one_way(name: str, path: Path) -> None:
    """No room imports one that it must not know."""
    known = {room(module) for module in imported(path)} - {"", room(name)}
    assert not known & FORBIDDEN.get(room(name), set())


def test_framing_knows_nobody() -> None:
    """The framing knows neither the other rooms, nor Twisted, nor sockets."""
    for name, path in modules():
        if room(name) == "framing":
            for module in imported(path):
                top = module.partition(".")[0]
                assert top not in ("twisted", "zope", "socket", "asyncio", "ssl"), name
                assert top != "netshare" or room(module) == "framing", (name, module)


def test_the_reactor_is_injected() -> None:
    """The global reactor is imported by twistd's plugin and the command line only."""
    for name, path in modules():
        if any(module.startswith("twisted.internet.reactor") for module in imported(path)):
            assert room(name) in ("tap", "cli"), name


def classes() -> Iterator[type]:
    """Every class of the house."""
    for name, _ in modules():
        if not name.endswith("__main__"):
            for value in vars(importlib.import_module(name)).values():
                if isinstance(value, type) and value.__module__ == name:
                    yield value


def test_every_implementer_provides_what_it_says() -> None:
    """Each class of the house has the methods, with the signatures, of its interfaces."""
    checked = 0
    for value in classes():
        for interface in implementedBy(value).interfaces():
            verifyClass(interface, value)
            checked += 1
    assert checked > 20


def test_every_interface_is_implemented() -> None:
    """No interface is there for nobody."""
    ours = {v for v in vars(interfaces).values() if isinstance(v, InterfaceClass)} - {Interface}
    implemented = set()
    for value in classes():
        implemented |= set(implementedBy(value))
    # What users' protocols provide is told by the tests of the worker and of the channels.
    assert ours - implemented <= {interfaces.ISharedConnectionReceiver}
