"""docs/testing.rst: the tests it shows are run."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

import netshare.testing
from tests.docs.test_transport import Block, blocks
from tests.helpers.places import ROOT

PAGE = ROOT / "docs" / "testing.rst"


@pytest.mark.parametrize("block", list(blocks(PAGE)), ids=lambda block: block.name)
def test_blocks(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file of the page is whole, and its tests pass."""
    module = ModuleType(block.name.removesuffix(".py"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block.code, block.name, "exec"), module.__dict__)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


def test_every_public_name_is_described() -> None:
    """The page has every name of the room's face."""
    text = PAGE.read_text("utf-8")
    assert [name for name in netshare.testing.__all__ if name not in text] == []
