"""What the manuals show of the transport is right for pyright, too."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_transport import blocks
from tests.helpers.places import ROOT
from tests.typed import program

#: Pages with whole programs, besides docs/transport.rst.
PAGES = ("testing.rst", "security-transport.rst", "trouble.rst")
#: Manuals leave out annotations of implementations where the contract beside them has these.
OPTIONS = {"typeCheckingMode": "standard", "analyzeUnannotatedFunctions": False}
#: The manual's snippets stand in no function.
EXPECTED = re.compile('"await" allowed only')


def errors(folder: Path) -> list[str]:
    """What pyright says of the files in a folder."""
    if importlib.util.find_spec("basedpyright") is None:
        reason = "basedpyright is missing: pip install -e '.[dev]'"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    options = OPTIONS | {"include": ["."], "extraPaths": [str(ROOT), str(folder)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(options), "utf-8")
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "-p", str(folder)]
    command += ["--pythonpath", sys.executable]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    said = json.loads(result.stdout)
    assert said["summary"]["filesAnalyzed"] == len(list(folder.glob("*.py")))
    return [
        f"{Path(one['file']).name}:{one['range']['start']['line'] + 1}: {one['message']}"
        for one in said["generalDiagnostics"]
        if one["severity"] == "error" and not EXPECTED.search(one["message"])
    ]


def test_the_documented_style(tmp_path: Path) -> None:
    """The manual's programs and snippets, the examples, and the program of tests/typed pass."""
    snippets = "from __future__ import annotations\n\nfrom typing import Any, Protocol\n\n"
    snippets += "from netshare.transport import *\n\n\n"
    for block in blocks():
        if block.name:
            (tmp_path / block.name).write_text(block.code, "utf-8")
        else:
            snippets += re.sub(r"from netshare\.transport import \*", "", block.code) + "\n"
    (tmp_path / "manual.py").write_text(snippets, "utf-8")
    for page in PAGES:
        for block in blocks(ROOT / "docs" / page):
            path = tmp_path / f"{page.partition('.')[0]}_{block.name}"
            path.write_text(block.code, "utf-8")
    for path in (Path(program.__file__), *(ROOT / "examples").glob("calculator*.py")):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    assert errors(tmp_path) == []


def test_the_checker_is_asked(tmp_path: Path) -> None:
    """A wrong argument is found, so a check that passes says something."""
    source = Path(program.__file__).read_text("utf-8")
    (tmp_path / "wrong.py").write_text(source.replace('text="17"', "text=17"), "utf-8")
    assert '"text" of type "str"' in "\n".join(errors(tmp_path))
