"""docs/trouble.rst has a row for everything that can be said to a client."""

from __future__ import annotations

import builtins
import inspect
from types import ModuleType

import pytest
from twisted.internet.testing import MemoryReactorClock

from netshare.transport import errors
from netshare.transport.opentelemetry.spans import trace
from tests.docs.test_documents import page, rows
from tests.docs.test_transport import blocks
from tests.helpers.places import ROOT

PAGE = ROOT / "docs" / "trouble.rst"


def test_every_error_has_a_row() -> None:
    """Each error that a client can raise is in the table, and what the table names is there."""
    named = {row[0].split("``")[1] for row in rows(page("docs/trouble.rst"), 3)[1:]}
    there = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.TransportError)
    }
    assert named - {"FaultError"} == there - {"TransportError"}
    assert issubclass(errors.TimeoutError, builtins.TimeoutError)


@pytest.mark.skipif(trace is None, reason="pip install -e '.[test]'")
def test_the_program() -> None:
    """The host and the client of the page can be made."""
    (block,) = blocks(PAGE)
    module = ModuleType("traced")
    exec(compile(block.code, block.name, "exec"), module.__dict__)
    reactor = MemoryReactorClock()
    host = module.traced_host(reactor, "net.tcp://127.0.0.1:9000/echo")
    assert [one.contract.name for one in host.endpoints] == ["IEcho"]
    module.traced_client(reactor).create_channel("net.tcp://127.0.0.1:9000/echo")
