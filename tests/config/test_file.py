"""The TOML file: its keys and its lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from netshare.config import ConfigurationError, load_file
from netshare.config.file import Places

TEXT = '''
receiveTimeout = 3
"control" = "/c"
[[worker]]
address = "net.tcp://+/a"
command = """
factory = "not a key"
[[relay]]
"""
[worker.environment]
A = "b"

[[ worker ]]
  address = "net.tcp://+/b"
'''


def test_places() -> None:
    """A key has its line, in its table; a key that is not there has its table's."""
    places = Places("f", TEXT)
    assert places.of("receiveTimeout") == "f:2"
    assert places.of("control") == "f:3"
    assert places.of("address", "worker", 0) == "f:5"
    assert places.of("address", "worker", 1) == "f:14"
    assert places.of("environment", "worker", 0) == "f:10"
    assert places.of("factory", "worker", 0) == "f:4"
    assert places.of("x", "worker", 1) == "f:13"
    assert places.of("to", "relay", 0) == "f"
    assert places.of("unknown") == "f"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", [": Expected"]),
        ("a = 1\nb = \nc = 3", [":2: Invalid value"]),
        ("receiveTimeOut = 3", [":1: receiveTimeOut is not known; did you mean receiveTimeout?"]),
        ("zzz = 3\nyyy = 4", [":1: zzz is not known; it knows", ":2: yyy is not known"]),
        ("worker = 3", [":1: worker is written [[worker]]"]),
        (
            '[[worker]]\nadress = "x"',
            [":2: [[worker]]: adress is not known; did you mean address?", ":1: [[worker]] needs"],
        ),
        ("interface = [7]", [":1: interface: 7 is no text"]),
    ],
)
def test_mistakes(text: str, expected: list[str], tmp_path: Path) -> None:
    """What cannot be read, or is not known, is said with its line."""
    path = tmp_path / "netshare.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_file(path)
    for problem, beginning in zip(caught.value.problems, expected, strict=True):
        assert problem.startswith(f"{path}{beginning}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there, or no text, is a sentence."""
    with pytest.raises(ConfigurationError, match="No such file"):
        load_file(tmp_path / "absent")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="utf-8"):
        load_file(tmp_path / "binary")
