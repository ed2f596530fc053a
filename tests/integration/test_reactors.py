"""Taking sockets out of transports depends on the poller: the same tests under each reactor."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from twisted.internet.utils import getProcessOutputAndValue

HERE = Path(__file__).parent

TESTS = ("adoption", "bad_input", "handover", "return")

# pytest-twisted knows only some reactors by name; the default one is what Twisted says it is.
RUN = """
import sys
from twisted.internet import default, {name}reactor
default.install = {name}reactor.install
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def start(name: str) -> list[str]:
    """How pytest is run under a reactor."""
    if name == "asyncio":
        return ["-m", "pytest", "--reactor=asyncio"]
    return ["-c", RUN.format(name=name)]


@pytest.mark.parametrize("name", ["poll", "select", "asyncio"])
async def test_under_another_reactor(name: str) -> None:
    """Hand-over, return and bad input behave alike under every supported reactor."""
    files = [str(HERE / f"test_{what}.py") for what in TESTS]
    if name == "select":
        files += ["-k", "not crowd"]  # select(2) knows 1,024 descriptors
    out, err, code = await getProcessOutputAndValue(
        sys.executable,
        [*start(name), "-q", "-p", "no:cacheprovider", *files],
        env=dict(os.environ),
    )
    assert code == 0, (out + err).decode()
