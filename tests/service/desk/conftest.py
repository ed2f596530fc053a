"""What the tests of links to the desk share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.desk import Setting


@pytest.fixture
def setting() -> Iterator[Setting]:
    one = Setting()
    yield one
    for link in one.links:
        link.lose()
    assert one.shared.admission.links == 0
    assert one.shared.desk.budgets._users == {}
    assert one.reactor.getDelayedCalls() == []
