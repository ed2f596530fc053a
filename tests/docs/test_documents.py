"""The documents say what the code does."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib import import_module
from typing import Any

import pytest
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.testing import MemoryReactorClock

from netshare.config import Configuration, ListenSpec, configure, load_file
from netshare.config.file import KEYS
from netshare.endpoints.preamble import PreambleUse
from netshare.outcomes import Outcome
from netshare.service.activation.limits import FIRST_DELAY, KILL_AFTER, LONGEST_DELAY
from netshare.service.front.arrival import FAULTS
from netshare.service.quotas import Quotas
from netshare.worker.child import DRAIN
from netshare.worker.session import RETRY_FIRST, RETRY_LONGEST
from tests.helpers.places import EXAMPLES, ROOT

EXAMPLE = ROOT / "examples" / "netshare.toml"


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def rows(text: str, columns: int) -> list[list[str]]:
    """The rows of the list tables of a text that have so many columns."""
    found = []
    for row in re.split(r"^   \* - ", text, flags=re.MULTILINE)[1:]:
        cells = re.split(r"^     - ?", row.split("\n\n")[0], flags=re.MULTILINE)
        if len(cells) == columns:
            found.append([" ".join(cell.split()) for cell in cells])
    return found


def test_every_outcome_is_in_the_manual() -> None:
    """The table of outcomes has every word once, in order, and the fault that clients get."""
    table = {row[0].strip("`"): row[2] for row in rows(page("docs/operations.rst"), 3)}
    words = [word for word in table if word in {outcome.value for outcome in Outcome}]
    assert words == [outcome.value for outcome in Outcome]
    for outcome, fault in FAULTS.items():
        assert table[outcome.value] == fault.value
    told = {word for word in words if re.fullmatch(r"\w+[A-Z]\w+", table[word])}
    assert told == {outcome.value for outcome in FAULTS} | {Outcome.NOT_PASSABLE.value}


def test_every_limit_is_in_the_manual() -> None:
    """The table of limits has every limit with its default."""
    table = {row[0].strip("`"): row[1] for row in rows(page("docs/operations.rst"), 4)}
    del table["Name"]
    assert table == {quota.name: str(getattr(Quotas(), quota.name)) for quota in fields(Quotas)}


def test_the_example_configuration() -> None:
    """The example file is understood, and has every table and a use of nearly every key."""
    values = load_file(EXAMPLE)
    configuration = configure({}, values)
    assert isinstance(configuration, Configuration)
    assert configuration.listen == (ListenSpec("tcp:8808"),)
    assert configuration.quotas.receiveTimeout == 20.0
    one, echo = configuration.workers
    assert (one.target, one.processes, one.preamble) == ("hello:one", 2, PreambleUse.CONSUME)
    assert echo.command is not None
    assert (ROOT / echo.command[1]).exists()
    assert configuration.relays[0].connectTimeout == 5.0
    assert str(configuration.accounts.reservations[0].address) == "net.tcp://+:8808/payroll"
    quotas = {quota.name for quota in fields(Quotas)}
    assert set(KEYS) - quotas == set(values) - quotas


def strings(prefix: str) -> list[str]:
    """The endpoint strings of all documents."""
    found = set()
    for path in [ROOT / "README.rst", *(ROOT / "docs").rglob("*.rst")]:
        found.update(re.findall(rf"""['"]({prefix}:[^'"`]+)['"]""", path.read_text("utf-8")))
    return sorted(found)


@pytest.mark.parametrize("string", strings("netshare"))
def test_server_endpoint_strings(string: str) -> None:
    """Every netshare: string of the documents can be parsed."""
    assert serverFromString(MemoryReactorClock(), string) is not None


@pytest.mark.parametrize("string", strings("nettcp"))
def test_client_endpoint_strings(string: str) -> None:
    """Every nettcp: string of the documents can be parsed."""
    assert clientFromString(MemoryReactorClock(), string) is not None


def test_there_are_endpoint_strings() -> None:
    """The two tests above have something to look at."""
    assert len(strings("netshare")) >= 3
    assert len(strings("nettcp")) >= 1


def test_settings_of_the_endpoint() -> None:
    """The table of the netshare: endpoint names its settings, no more and no fewer."""
    from inspect import signature

    from netshare import endpointstrings as parsers

    named = {row[0].strip("`") for row in rows(page("docs/workers.rst"), 3)} - {
        "Setting",
        "(first)",
    }
    real = set(signature(parsers._server).parameters) - {"reactor", "address"}
    assert named == real


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("docs/operations.rst", f"after {KILL_AFTER:g} s SIGKILL"),
        ("docs/workers.rst", f"after {FIRST_DELAY} s"),
        ("docs/workers.rst", f"{LONGEST_DELAY:g} s at most"),
        ("docs/protocol.rst", f"{RETRY_FIRST * 1000:g} ms at first, {RETRY_LONGEST:g} s at most"),
        ("docs/limitations.rst", f"for {DRAIN:g} seconds; after {KILL_AFTER:g} they are killed"),
    ],
)
def test_times(name: str, value: str) -> None:
    """Times in the documents are those of the code."""
    assert value in " ".join(page(name).split())


def test_files_that_are_named_exist() -> None:
    """A path of the repository in a document is a path of the repository."""
    for path in [ROOT / "README.rst", ROOT / "CONTRIBUTING.rst", *(ROOT / "docs").rglob("*.rst")]:
        text: Any = path.read_text("utf-8")
        folders = "docs|examples|systemd|netshare|tests"
        for name in re.findall(rf"(?<!/)\b((?:{folders})/[\w/.]+\.\w+)", text):
            if "MODULE" not in name:
                assert (ROOT / name).exists(), f"{path.name}: {name}"


def test_the_manual_imports_from_faces() -> None:
    """What the documents and the examples import is in the public face of a package."""
    found = []
    for path in [ROOT / "README.rst", *(ROOT / "docs").rglob("*.rst"), *EXAMPLES.glob("*.py")]:
        for name in re.findall(r"^\s*from (netshare[\w.]*) import", path.read_text(), re.MULTILINE):
            module = import_module(name)
            assert hasattr(module, "__path__") or name.count(".") == 1, f"{path.name}: {name}"
            found.append(name)
    assert len(found) > 15
