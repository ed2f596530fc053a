"""Files whose change makes a worker's processes out of date."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.task import Clock

from netshare.service.activation.files import WatchedFiles
from netshare.service.activation.generation import Generation
from netshare.service.activation.limits import Limits
from tests.service.activation.test_recycling import Owner


def generation() -> Generation:
    return Generation(Clock(), "one", 1, Limits(), Owner())


def test_a_change(tmp_path: Path) -> None:
    """It counts when nothing more has changed until the next look, for processes from before."""
    code, settings = tmp_path / "code", tmp_path / "settings"
    code.write_text("one")
    settings.write_text("one")
    files = WatchedFiles(["code", str(settings)], str(tmp_path))
    old = generation()
    files.note(old)
    files.look()
    files.look()
    assert files.changed_since(old) is None
    settings.write_text("two, half")
    files.look()
    assert files.changed_since(old) is None
    settings.write_text("two, all of it")
    files.look()
    assert files.changed_since(old) is None
    files.look()
    assert files.changed_since(old) == str(settings)
    new = generation()
    files.note(new)
    assert files.changed_since(new) is None
    assert files.changed_since(old) == str(settings)
    code.write_text("three")
    files.look()
    files.look()
    assert files.changed_since(new) == "code"


def test_a_file_that_is_replaced(tmp_path: Path) -> None:
    """While one is missing nothing has changed yet; another one of the same age and size has."""
    path, other = tmp_path / "code", tmp_path / "other"
    for one in (path, other):
        one.write_text("same")
        os.utime(one, (1, 1))
    files = WatchedFiles([str(path)])
    old = generation()
    files.note(old)
    path.unlink()
    files.look()
    files.look()
    assert files.changed_since(old) is None
    other.rename(path)
    files.look()
    files.look()
    assert files.changed_since(old) == str(path)


def test_a_link_that_is_turned(tmp_path: Path) -> None:
    """A release that is a link to a directory changes with the link, and with names in it."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    current = tmp_path / "current"
    current.symlink_to("one")
    files = WatchedFiles(["current"], str(tmp_path))
    old = generation()
    files.note(old)
    current.unlink()
    current.symlink_to("two")
    files.look()
    files.look()
    assert files.changed_since(old) == "current"
    files.note(old)
    (tmp_path / "two" / "module.py").touch()
    files.look()
    files.look()
    assert files.changed_since(old) == "current"


def test_a_process_from_elsewhere(tmp_path: Path) -> None:
    """What has changed before it was asked for is not known."""
    path = tmp_path / "code"
    path.write_text("one")
    files = WatchedFiles([str(path)])
    files.look()
    files.look()
    taken = generation()
    assert files.changed_since(taken) is None
    path.write_text("two, longer")
    files.look()
    files.look()
    assert files.changed_since(taken) == str(path)
