"""What the manuals show of the transport passes mypy's strictest checks."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from netshare.transport.contracts import describe
from netshare.transport.contracts.checks import check_contract, check_implementation
from tests.docs.test_transport import blocks
from tests.helpers.places import ROOT
from tests.typed import program

#: Manuals leave out annotations of implementations where the contract beside them has these.
OF_MANUALS = ("--allow-untyped-defs", "--allow-incomplete-defs")


def checked(*paths: Path | str, options: tuple[str, ...] = ()) -> None:
    """Fails with what mypy says."""
    if importlib.util.find_spec("mypy") is None:
        reason = "mypy is missing: pip install -e '.[dev]'"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", *options]
    # What Twisted does not annotate is no matter of this style.
    command.append("--allow-untyped-calls")
    environ = os.environ | {"MYPYPATH": str(ROOT)}
    result = subprocess.run(
        [*command, *map(str, paths)], cwd=ROOT, capture_output=True, text=True, env=environ
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_program_in_the_documented_style() -> None:
    """Contracts, services and all three clients have the types that they should have."""
    checked("tests/typed/program.py")


def test_examples() -> None:
    """The examples of WCF in Python are typed throughout."""
    checked("examples/calculator.py", "examples/calculator_client.py")


def test_the_manual(tmp_path: Path) -> None:
    """The files and the snippets of the manual are right for a type checker."""
    snippets = "from __future__ import annotations\n\nfrom typing import Any, Protocol\n\n"
    snippets += "from netshare.transport import *\n\n\nasync def manual() -> None:\n"
    paths = []
    for block in blocks():
        if block.name:
            paths.append(tmp_path / block.name)
            paths[-1].write_text(block.code, "utf-8")
        else:
            code = re.sub(r"from netshare\.transport import \*", "", block.code)
            snippets += textwrap.indent(code, "    ") + "\n"
    (tmp_path / "manual.py").write_text(snippets, "utf-8")
    checked(*paths, tmp_path / "manual.py", options=OF_MANUALS)


@pytest.mark.parametrize("page", ["testing.rst", "security-transport.rst", "trouble.rst"])
def test_programs_of_other_pages(page: str, tmp_path: Path) -> None:
    """So are the programs and the tests that other pages show."""
    paths = []
    for block in blocks(ROOT / "docs" / page):
        assert block.name
        paths.append(tmp_path / block.name)
        paths[-1].write_text(block.code, "utf-8")
    assert paths
    checked(*paths, options=OF_MANUALS)


def test_readme(tmp_path: Path) -> None:
    """What the README shows is right for a type checker, one piece after the other."""
    text = (ROOT / "README.rst").read_text("utf-8")
    code = "from typing import Any\n\nfrom netshare.service import SharedPort\n"
    code += "from twisted.internet.endpoints import serverFromString\n\n\n"
    code += "async def readme(reactor: Any, factory: Any, ordersFactory: Any) -> None:\n"
    pieces = [one for one in re.findall(r"::\n\n((?:   .*\n|\n)+)", text) if "   $ " not in one]
    pieces = [one for one in pieces if re.search(r"await|import|with ", one)]
    # Without the plugin for zope's interfaces a checker takes their methods for functions.
    pieces = [one for one in pieces if "await endpoint.listen" not in one]
    assert len(pieces) == 3
    code += "".join(textwrap.indent(textwrap.dedent(one), "    ") for one in pieces)
    (tmp_path / "readme.py").write_text(code, "utf-8")
    checked(tmp_path / "readme.py", options=OF_MANUALS)


def test_the_checker_is_asked(tmp_path: Path) -> None:
    """A wrong argument is found, so a check that passes says something."""
    source = Path(program.__file__).read_text("utf-8")
    wrong = tmp_path / "wrong.py"
    wrong.write_text(source.replace('text="17"', "text=17"), "utf-8")
    with pytest.raises(AssertionError, match='"text" to "TryParse"'):
        checked(wrong)


def test_the_program_could_run() -> None:
    """The contract of the program, a Protocol, is one when the program runs as well."""
    contract = describe(program.IShop)
    check_contract(contract)
    check_implementation(contract, program.Shop)
    assert [one.method for one in contract.operations][:2] == ["Ping", "Buy"]
