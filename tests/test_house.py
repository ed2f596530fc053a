"""The rooms of the house: who imports whom, what is public, and where the tests are."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from zope.interface import Interface, implementedBy
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyClass

import netshare
from netshare import interfaces
from tests.helpers.places import ROOT as PROJECT

ROOT = Path(netshare.__file__).parent

#: Every room, from the ground up: a room imports itself and what stands above it in this list.
#: The longest name that fits a module says its room.
ORDER = """
    netshare._version
    netshare
    netshare.addresses
    netshare.printable
    netshare.logger
    netshare.timing
    netshare.reactors
    netshare.framing
    netshare.sockets
    netshare.outcomes
    netshare.interfaces
    netshare.control
    netshare.endpoints
    netshare.worker
    netshare.endpointstrings
    netshare.service.recorders
    netshare.service.proxyprotocol
    netshare.service.quotas
    netshare.service.connectionlog
    netshare.service.records
    netshare.service.notify
    netshare.service.store
    netshare.service.front
    netshare.service.routing
    netshare.service.workers
    netshare.service.desk
    netshare.service.activation
    netshare.service.shared
    netshare.service.takeover
    netshare.service
    netshare.transport.xml
    netshare.transport.xml.binary
    netshare.transport.soap
    netshare.transport.datacontracts
    netshare.transport.xmlserializer
    netshare.transport.channels
    netshare.transport.security
    netshare.transport.encoders.templates
    netshare.transport.encoders
    netshare.transport.encoders.streamed
    netshare.transport.contracts
    netshare.transport.calls
    netshare.transport.hosting
    netshare.transport.clients
    netshare.transport.opentelemetry
    netshare.transport.tools
    netshare.transport
    netshare.testing
    netshare.config
    netshare.tap
    netshare.cli
""".split()

#: Where imports inside of functions are allowed: what every twistd or every command loads is to
#: cost next to nothing.
LATE = ("netshare.tap", "netshare.cli", "netshare.endpointstrings")

#: The one table that is as long as it is, and a module a fifth of which is its picture and the
#: interface of its roles.
LONG = (
    "netshare.transport.xml.binary.dictionary",
    "netshare.transport.channels.connection",
)

#: What makes a logger that is not ours.
OTHERS_LOGGER = re.compile(
    r"^from twisted\.(logger import .*\bLogger\b|(python )?import .*\blog(ger)?\b)", re.MULTILINE
)

#: Modules whose tests still stand with others'.
NO_FILE_YET: list[str] = []


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


FILES = dict(modules())
PACKAGES = [name for name, path in FILES.items() if path.name == "__init__.py"]


@cache
def parsed(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text("utf-8"))


def targets(node: ast.AST) -> Iterator[str]:
    """The modules that an import statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import"
        assert node.module is not None
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield whole if whole in FILES else node.module


def imports(name: str) -> set[str]:
    """Every module that a module imports, wherever in it."""
    return {target for node in ast.walk(parsed(name)) for target in targets(node)}


def ours(name: str) -> set[str]:
    return {target for target in imports(name) if target.partition(".")[0] == "netshare"}


def room(module: str) -> str:
    return max((r for r in ORDER if module == r or module.startswith(r + ".")), key=len)


@pytest.mark.parametrize("name", FILES)
def test_imports_point_one_way(name: str) -> None:
    """No module imports from a room that stands below its own in the list."""
    here = ORDER.index(room(name))
    for target in ours(name):
        assert ORDER.index(room(target)) <= here, f"{name} imports {target}"


def test_no_circles() -> None:
    """No file imports, however indirectly, a file that imports it."""
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for target in ours(name):
                visit(target, (*way, name))
            done.add(name)

    for name in FILES:
        visit(name, ())


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(LATE)])
def test_imports_stand_at_the_top(name: str) -> None:
    """Nothing is imported inside of a function, nor from other rooms for type checkers only."""
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert not [t for inner in ast.walk(node) for t in targets(inner)], node.name
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for target in (t for inner in node.body for t in targets(inner)):
                assert target.partition(".")[0] != "netshare" or room(target) == room(name)


def test_framing_knows_nobody() -> None:
    """The framing knows neither the other rooms, nor Twisted, nor sockets."""
    for name in FILES:
        if room(name) == "netshare.framing":
            for target in imports(name):
                top = target.partition(".")[0]
                assert top not in ("twisted", "zope", "socket", "asyncio", "ssl"), name
                assert top != "netshare" or room(target) == "netshare.framing", (name, target)


def test_the_reactor_is_injected() -> None:
    """The global reactor is imported by twistd's plugin and the command line only."""
    for name in FILES:
        if any(target.startswith("twisted.internet.reactor") for target in imports(name)):
            assert room(name) in ("netshare.tap", "netshare.cli")


@pytest.mark.parametrize("name", FILES)
def test_modules_are_short(name: str) -> None:
    """A module that grows past 400 lines holds two duties."""
    lines = FILES[name].read_text("utf-8").count("\n")
    assert lines <= 400 or name in LONG


def test_there_is_one_logger() -> None:
    """What strangers have sent is made printable wherever it is logged."""
    others = [name for name, path in FILES.items() if OTHERS_LOGGER.search(path.read_text("utf-8"))]
    assert others == ["netshare.logger"]


def test_every_module_has_its_tests() -> None:
    """The tests of a module are where its name says; interfaces are verified here."""
    without = []
    for name in FILES:
        *folders, module = name.split(".")[1:] or [""]
        path = PROJECT.joinpath("tests", *folders, f"test_{module}.py")
        named = name not in PACKAGES and not module.startswith("_") and module != "interfaces"
        if named and not path.exists():
            without.append(name)
    assert sorted(set(without) - set(NO_FILE_YET)) == []


@pytest.mark.parametrize("name", PACKAGES)
def test_faces(name: str) -> None:
    """A package says what it is for, and every name of its public face is there."""
    package = importlib.import_module(name)
    assert package.__doc__
    for public in getattr(package, "__all__", ()):
        assert getattr(package, public) is not None


def public_names() -> list[str]:
    return [
        f"{name}.{public}"
        for name in PACKAGES
        for public in sorted(getattr(importlib.import_module(name), "__all__", ()))
    ]


def test_public_names_come_and_go_announced() -> None:
    """What a program can import is what tests/public_names.txt lists."""
    listed = (PROJECT / "tests" / "public_names.txt").read_text("utf-8").split()
    assert public_names() == listed, "announce it in a newsfragment, then run tests/test_house.py"


def classes() -> Iterator[type]:
    """Every class of the house."""
    for name in FILES:
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
    """Every interface has an implementation."""
    all_of_them = {v for v in vars(interfaces).values() if isinstance(v, InterfaceClass)}
    implemented = set()
    for value in classes():
        implemented |= set(implementedBy(value))
    # What users' protocols provide is told by the tests of the worker and of the channels.
    assert all_of_them - {Interface} - implemented <= {interfaces.ISharedConnectionReceiver}


if __name__ == "__main__":
    print(*public_names(), sep="\n")
