"""What tables of workers and of relays have in common."""

from __future__ import annotations

import pytest

from netshare.config import ConfigurationError
from netshare.config.rows import read_address, with_values


def test_values_behind_a_text() -> None:
    """They have names, and only known ones."""
    assert with_values("a:b,x=1,y=", ("x", "y"), "here") == ("a:b", {"x": "1", "y": ""})
    with pytest.raises(ConfigurationError, match="here: 'x' is not of the form name=value"):
        with_values("a:b,x", ("x",), "here")
    with pytest.raises(ConfigurationError, match="z"):
        with_values("a:b,z=1", ("x",), "here")


def test_addresses() -> None:
    """What is none is refused, with where it stands."""
    assert str(read_address("net.tcp://+/a", "here")) == "net.tcp://+/a"
    with pytest.raises(ConfigurationError, match=r"here http://a"):
        read_address("http://a", "here")
