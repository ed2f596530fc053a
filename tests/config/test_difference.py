"""What is different between two configurations."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.config import configure
from netshare.config.difference import Difference

BEFORE: dict[str, Any] = {
    "listen": ["tcp:1"],
    "worker": ["net.tcp://+:8808/a=json:loads"],
    "relay": ["net.tcp://+:8808/b=tcp:h:1"],
}


def between(**changes: Any) -> dict[str, list[str]]:
    """The difference that a change makes, in words, without what is empty."""
    change = Difference.between(configure(BEFORE, {}), configure({**BEFORE, **changes}, {}))
    return {key: value for key, value in change.described().items() if value}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"listen": []}, {"removed": ["listen tcp:1"]}),
        ({"listen": ["tcp:1", "tcp:2"]}, {"added": ["listen tcp:2"]}),
        ({"listen": ["tcp:1,returned=close"]}, {"changed": ["listen tcp:1"]}),
        ({"worker": []}, {"removed": ["worker net.tcp://+:8808/a"]}),
        (
            {"worker": ["net.tcp://+:8808/a=json:loads,processes=2"]},
            {"changed": ["worker net.tcp://+:8808/a"]},
        ),
        ({"relay": ["net.tcp://+:8808/b=tcp:h:2"]}, {"changed": ["relay net.tcp://+:8808/b"]}),
        (
            {"relay": [], "worker": [*BEFORE["worker"], "net.tcp://+:8808/b=json:loads"]},
            {"added": ["worker net.tcp://+:8808/b"], "removed": ["relay net.tcp://+:8808/b"]},
        ),
        ({"allow-user": ["root"], "allow-port": ["1-"]}, {"changed": ["allow-user", "allow-port"]}),
        (
            {"receiveTimeout": "5", "control": "/c", "interface": ["::1"]},
            {"restart": ["control", "interface", "receiveTimeout"]},
        ),
    ],
)
def test_differences(changes: dict[str, Any], expected: dict[str, list[str]]) -> None:
    """What is added, removed, changed, and what takes a restart."""
    assert between(**changes) == expected
