"""The page about security: each of its claims names tests, and those exist."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.docs.test_documents import page, rows
from tests.helpers.places import ROOT

PAGE = page("docs/security.rst")

#: A test as pytest takes it on its command line.
POINTER = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


@cache
def defined_in(path: str) -> frozenset[str]:
    """The names of the tests that pytest finds in a file; none if there is no such file."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def test_every_test_that_is_named_exists() -> None:
    """What follows a path and two colons is a test of that file."""
    pointers = POINTER.findall(PAGE)
    missing = [f"{path}::{name}" for path, name in pointers if name not in defined_in(path)]
    assert missing == []
    assert len(pointers) > 100


def test_every_claim_names_its_tests() -> None:
    """A row of a table of claims has nothing but tests in its second column, one at least."""
    claims = [row for row in rows(PAGE, 2) if row[0] != "Claim"]
    others = len(rows(PAGE, 3)) + PAGE.count("\n   * - Claim\n")
    assert len(claims) + others == PAGE.count("\n   * - ")
    for claim, shown in claims:
        assert POINTER.search(shown), f"no test shows that: {claim}"
        assert re.sub(r"``tests/[\w/]+\.py::\w+``", "", shown).strip(" ,") == "", claim


def test_pointers_are_whole() -> None:
    """No path of a test stands there without the test that is meant."""
    assert len(re.findall(r"tests/[\w/]+\.py", PAGE)) == len(POINTER.findall(PAGE))


def test_how_to_report_is_said() -> None:
    """SECURITY.md says where to, for which versions, and what the claims are."""
    text = page("SECURITY.md")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "Reporting a weakness",
        "What counts",
        "Supported versions",
    ]
    for name in re.findall(r"\bdocs/[\w/-]+\.rst", text):
        assert (ROOT / name).is_file()
    assert "SECURITY.md" in PAGE
