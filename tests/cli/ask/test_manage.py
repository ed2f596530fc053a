"""``netshare start``, ``stop``, ``recycle`` and ``drain``."""

from __future__ import annotations

import argparse

import pytest

from netshare.cli.ask.manage import configure, line
from netshare.cli.exits import Exit
from netshare.control.management import NoSuchWorker, NotDone, Start
from tests.cli.ask.test_client import Asking


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ({"address": "net.tcp://+/a", "worker": "serving"}, "net.tcp://+/a is serving"),
        (
            {"address": "net.tcp://+/a", "worker": "out-of-service", "trouble": "it\x1b[2J ended"},
            r"net.tcp://+/a is out-of-service (it\x1b[2J ended)",
        ),
        ({"address": "net.tcp://+/a"}, "net.tcp://+/a"),
    ],
)
def test_for_people(described: dict[str, str], expected: str) -> None:
    """One line says how the workers are; control characters are escapes."""
    assert line(described) == expected


@pytest.mark.parametrize(("name", "has_pid"), [("recycle", False), ("drain", True)])
def test_options(name: str, has_pid: bool) -> None:
    """Only a drain is of one process, and has a time."""
    parser = argparse.ArgumentParser(f"netshare {name}")
    configure(parser)
    options = parser.parse_args(["net.tcp://+/a", "--wait"])
    assert (options.address, options.wait) == ("net.tcp://+/a", True)
    assert hasattr(options, "pid") is hasattr(options, "deadline") is has_pid


def test_an_address_without_workers() -> None:
    """The code is that of nothing there."""
    asking = Asking()
    failed = asking.fails(asking.client.manage(Start, "net.tcp://+/a", False))
    assert failed.code is Exit.NO_ENDPOINT
    assert "starts no worker for net.tcp://+/a" in str(failed)
    failed = asking.fails(asking.client.manage(Start, "http://a/", True))
    assert failed.code is Exit.USAGE
    asking.link.lose()
    asking.reactor.close()


def test_errors() -> None:
    """Those two are for people, too."""
    assert str(NoSuchWorker("a")) == "a"
    assert str(NotDone("b")) == "b"
