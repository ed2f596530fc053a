"""What the command's exit codes mean."""

from __future__ import annotations

import re

import pytest

from netshare.cli.exits import CommandFailed, Exit
from tests.helpers.places import ROOT


def test_every_code_is_in_the_manual() -> None:
    """The table for people has every code."""
    text = (ROOT / "docs" / "command.rst").read_text("utf-8")
    table = text[text.index("Exit codes") :]
    named = {int(number) for number in re.findall(r"^(\d+)  +\S", table, flags=re.MULTILINE)}
    assert named >= {int(code) for code in Exit}


@pytest.mark.parametrize("code", list(Exit))
def test_a_failure_has_its_code(code: Exit) -> None:
    """A command that ends early says why, and with which code."""
    failed = CommandFailed(code, "why")
    assert (failed.code, str(failed)) == (code, "why")
