"""What the tests of the worker share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.worker import Setting
from tests.helpers.workersessions import end_links


@pytest.fixture
def setting() -> Iterator[Setting]:
    """A worker with its link; nothing of it is left at the end."""
    one = Setting()
    yield one
    one.link.lose()
    for client in one.clients:
        client.close()
    for held, _, _ in one.service.returned:
        held.close()
    one.reactor.settle()
    one.reactor.close()


@pytest.fixture(autouse=True)
def no_links() -> Iterator[None]:
    """In the end none is left."""
    yield
    end_links()
