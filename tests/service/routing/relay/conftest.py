"""Fixtures for tests of relays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.relaying import RelayUnderTest


@pytest.fixture
def relay() -> Iterator[RelayUnderTest]:
    """A relay with one server, of which nothing is left at the end."""
    one = RelayUnderTest()
    yield one
    one.finish()


@pytest.fixture
def two() -> Iterator[RelayUnderTest]:
    """A relay with two servers, of which nothing is left at the end."""
    one = RelayUnderTest(True, True)
    yield one
    one.finish()
