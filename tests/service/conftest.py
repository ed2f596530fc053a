"""Fronts, for the tests of all that stands behind one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netshare.service.quotas import Quotas
from tests.helpers.front import Front


@pytest.fixture(params=[False, True], ids=["twisted", "batches"])
def open_front(request: pytest.FixtureRequest) -> Iterator[Callable[..., Front]]:
    """Makes fronts with some quotas, and checks at the end that nothing of them is left."""
    fronts: list[Front] = []

    def make(**quotas: Any) -> Front:
        fronts.append(Front(Quotas(**quotas), request.param))
        return fronts[-1]

    yield make
    for front in fronts:
        front.finish()


@pytest.fixture
def front(open_front: Callable[..., Front]) -> Front:
    """A front with the default quotas."""
    return open_front()
