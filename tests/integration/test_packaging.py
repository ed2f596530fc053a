"""What an installed distribution has in it."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_namespace_packages
from twisted.internet.utils import getProcessOutputAndValue

PROJECT = Path(__file__).parents[2]


async def test_the_wheel_is_complete(tmp_path: Path) -> None:
    """Every package, the plugin and the typing marker are in the wheel, and no twisted package."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("netshare", "twisted", "setup.cfg", "pyproject.toml", "README.rst", "LICENSE"):
        path = PROJECT / name
        if path.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "dropin.cache")
            shutil.copytree(path, source / name, ignore=ignore)
        else:
            shutil.copy(path, source / name)
    out, err, code = await getProcessOutputAndValue(
        sys.executable,
        ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)],
        env=dict(os.environ),
    )
    assert code == 0, (out + err).decode()
    (wheel,) = tmp_path.glob("txnetshare-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "twisted/plugins/netshare_dropin.py" in names
    assert "netshare/py.typed" in names
    assert not any(name.startswith("twisted/") and "__init__" in name for name in names)
    sources = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "netshare").rglob("*.py")
        if "__pycache__" not in path.parts
    }
    assert sources <= names


def test_every_package_is_found() -> None:
    """setup.cfg finds every package, twisted.plugins too, which has no __init__.py."""
    config = ConfigParser()
    config.read(PROJECT / "setup.cfg")
    options = config["options.packages.find"]
    listed = find_namespace_packages(
        str(PROJECT), options["exclude"].split(), options["include"].split()
    )
    found = {
        ".".join(path.parent.relative_to(PROJECT).parts)
        for path in (PROJECT / "netshare").rglob("__init__.py")
    }
    assert set(listed) == found | {"twisted.plugins"}
