"""The packages of the service stand in one order, and its face is announced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from netshare import service

ROOT = Path(service.__file__).parent

#: Each may import what stands before it, and itself.
ORDER = [
    "outcomes",
    "proxyprotocol",
    "quotas",
    "connectionlog",
    "records",
    "notify",
    "store",
    "front",
    "routing",
    "workers",
    "desk",
    "activation",
    "shared",
    "takeover",
]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every module of the service that a file imports, and whether that is at its top."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module, node in tree.body
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node in tree.body


FILES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_order(path: Path) -> None:
    """A module imports only what stands before its package, and only at its top."""
    here = path.relative_to(ROOT).with_suffix("").parts[0]
    for module, at_top in imports(path):
        assert at_top, f"{module} is imported inside of something"
        if module.startswith("netshare.service."):
            there = module.split(".")[2]
            assert ORDER.index(there) <= ORDER.index(here), module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_duty(path: Path) -> None:
    """A module that grows over 450 lines has more than one duty."""
    assert len(path.read_text().splitlines()) <= 450


def test_the_face() -> None:
    """A public name comes or goes knowingly."""
    assert service.__all__ == sorted(service.__all__)
    assert set(service.__all__) == {
        "Accounts",
        "AddressResource",
        "AddressTaken",
        "AllowedPorts",
        "FaultRoute",
        "LocalRoute",
        "Members",
        "Outcome",
        "OutcomeCounts",
        "PortNotAllowed",
        "PortUnavailable",
        "Quotas",
        "RelayRoute",
        "Reservation",
        "SharedPort",
        "Supervisor",
        "WorkerSpec",
    }
    for name in service.__all__:
        assert getattr(service, name).__doc__, name
