"""Errors are collected."""

from __future__ import annotations

import pytest

from netshare.config.errors import ConfigurationError, Problems


def test_one_error_does_not_hide_the_next() -> None:
    """What is wrong in each block is kept with its place; other errors pass."""
    problems = Problems()
    problems.check()
    for key in ("a", "b"):
        with problems.noting(lambda key: key and f"line {key}"):
            raise ConfigurationError("wrong", key=key)
    with problems.noting(lambda key: ""):
        raise ConfigurationError("one", "two")
    with pytest.raises(KeyError), problems.noting(str):
        raise KeyError
    with pytest.raises(ConfigurationError) as caught:
        problems.check()
    assert caught.value.problems == ("line a: wrong", "line b: wrong", "one", "two")
    assert str(caught.value) == "line a: wrong\nline b: wrong\none\ntwo"
