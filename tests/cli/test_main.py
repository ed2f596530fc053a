"""The command line of ``netshare`` itself."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from netshare import __version__
from netshare.cli import COMMANDS, main


def failing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and the complaint of a call that argparse ends."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def test_without_a_command_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    """Called with nothing it shows what there is, and that this was not enough."""
    assert main([]) == 2
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command has a help of its own, with --json."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "--json" in out
    assert max(map(len, out.splitlines())) <= 100


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is netshare's own."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"netshare {__version__.public()} ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["lost"], "invalid choice: 'lost'"),
        (["list", "too", "much"], "unrecognized arguments: too much"),
        (["who"], "required: URI"),
        (["probe"], "required: URI"),
        (["probe", "--port", "65536", "net.tcp://h/"], "'65536' is not a port number"),
        (["probe", "--port", "x", "net.tcp://h/"], "'x' is not a port number"),
        (["probe", "--timeout", "0", "net.tcp://h/"], "'0' is not a number of seconds"),
        (["probe", "--timeout", "nan", "net.tcp://h/"], "'nan' is not a number of seconds"),
        (["stats", "--watch", "0"], "'0' is not a number of seconds"),
        (["stats", "--watch", "soon"], "'soon' is not a number of seconds"),
    ],
)
def test_usage_errors(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What makes no sense ends with code 2 and says what was wrong."""
    code, said = failing(arguments, capsys)
    assert code == 2
    assert complaint in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_keeps_its_contract(name: str) -> None:
    """Every module in the table has what the table promises."""
    module = import_module(COMMANDS[name].module)
    assert callable(module.configure)
    assert callable(module.run)


def test_help_does_not_wait_for_twisted() -> None:
    """The overview is shown without importing a reactor, or Twisted at all."""
    code = (
        "import sys, netshare.cli\n"
        "try: netshare.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('twisted.internet' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0
