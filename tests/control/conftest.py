"""What the tests of the control room share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from netshare.control.protocol import ControlProtocol
from netshare.testing import linkedUNIXTransports
from tests.helpers.control import Answering, Pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of a control link."""
    asking, answering = ControlProtocol(), Answering()
    link = linkedUNIXTransports(asking, answering)
    yield asking, answering, link
    link.lose()


@pytest.fixture
def pipe() -> Iterator[int]:
    """A descriptor to send."""
    read, write = os.pipe()
    yield read
    os.close(read)
    os.close(write)
