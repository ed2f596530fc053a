"""The command line of ``twistd netshare``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netshare.config import QUOTA_NAMES, ConfigurationError, ListenSpec
from netshare.tap import Options
from netshare.tap.options import control_path


def parsed(*arguments: str) -> Options:
    """The options of a command line."""
    options = Options()
    options.parseOptions(list(arguments))
    return options


def test_every_quota_is_an_option() -> None:
    """A limit can be set by its name, and its help says what it is."""
    text = str(Options())
    assert all(f"--{name}=" in text for name in QUOTA_NAMES)
    assert parsed("--receiveTimeout=3").configuration.quotas.receiveTimeout == 3.0


def test_what_may_be_repeated() -> None:
    """Listeners add up."""
    made = parsed("--listen=tcp:1", "--listen=tcp:2,returned=close").configuration
    assert made.listen == (ListenSpec("tcp:1"), ListenSpec("tcp:2", True))


def test_mistakes_end_the_program_without_the_page_of_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything that is wrong is a line of its own, with the file and line."""
    file = tmp_path / "netshare.toml"
    file.write_text('receiveTimeout = "soon"\nlisten = ["tcp:99999"]\nx = 1\n')
    with pytest.raises(SystemExit) as ended:
        parsed(f"--config={file}")
    assert ended.value.code == os.EX_USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"netshare: {file}:3: x is not known")
    file.write_text('receiveTimeout = "soon"\n[[worker]]\naddress = "net.tcp://+/x"\n')
    with pytest.raises(SystemExit):
        parsed(f"--config={file}")
    said = capsys.readouterr().err.splitlines()
    assert [one.partition(": ")[2][: len(f"{file}:1")] for one in said] == [
        f"{file}:2",
        f"{file}:1",
    ]


def test_a_file_is_read_again(tmp_path: Path) -> None:
    """What the options come to is read anew each time it is asked for."""
    file = tmp_path / "netshare.toml"
    file.write_text("receiveTimeout = 3\n")
    options = parsed(f"--config={file}", "--dispatchTimeout=7")
    file.write_text("receiveTimeout = 4\n")
    quotas = options.read().quotas
    assert (quotas.receiveTimeout, quotas.dispatchTimeout) == (4.0, 7.0)
    file.write_text("receiveTimeout = no\n")
    with pytest.raises(ConfigurationError, match=f"{file}:1: "):
        options.read()


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check looks for what a start would need, and ends the program."""
    with pytest.raises(SystemExit) as ended:
        parsed("--check", f"--control={tmp_path}/control")
    assert ended.value.code == 0
    assert capsys.readouterr().out == "the configuration makes sense\n"
    with pytest.raises(SystemExit) as ended:
        parsed("--check", f"--control={tmp_path}/control", "--connectionLog=/nowhere/log")
    assert ended.value.code == os.EX_USAGE
    assert "there is no directory /nowhere" in capsys.readouterr().err


def test_nowhere_for_a_control_socket(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ordinary user without a runtime directory is told to name one."""
    for name in ("NETSHARE_CONTROL", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit):
        control_path(parsed().configuration)
    assert "--control" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version says netshare's first."""
    with pytest.raises(SystemExit) as ended:
        parsed("--version")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("netshare ")
