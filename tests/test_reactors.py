"""netshare.reactors: the reactors that Twisted has for POSIX offer what the annotations say."""

from __future__ import annotations

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor

from netshare.reactors import IReactor


@pytest.mark.parametrize("kind", [EPollReactor, PollReactor, SelectReactor])
def test_a_reactor(kind: type) -> None:
    """Each implements every interface that makes IReactor up."""
    assert [base for base in IReactor.__bases__ if not base.implementedBy(kind)] == []
