"""As whom, where and with what a worker runs, as keys of its table."""

from __future__ import annotations

import os
from typing import Any

import pytest

from netshare.config import ConfigurationError
from netshare.config.isolation import isolation_from_table
from netshare.service.activation.isolation import Isolation, ResourceLimit

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can name users")


def test_nothing() -> None:
    """Nothing is as the service has it not."""
    assert isolation_from_table({}, "here") == Isolation()


def test_all_of_it() -> None:
    """Each key is read as it is meant."""
    table = {
        "umask": "0027",
        "directory": "/srv/orders",
        "environment": {"MODE": "test", "LEVEL": 3},
        "passEnvironment": ["DB_HOST"],
        "resourceLimits": {
            "NOFILE": 4096,
            "AS": "2G",
            "CORE": "0:Infinite",
            "CPU": "Infinite",
            "DATA": "1K:1M",
        },
        "noNewPrivileges": True,
    }
    assert isolation_from_table(table, "here") == Isolation(
        umask=0o27,
        directory="/srv/orders",
        environment={"MODE": "test", "LEVEL": "3"},
        passEnvironment=("DB_HOST",),
        resourceLimits={
            "NOFILE": ResourceLimit(4096, 4096),
            "AS": ResourceLimit(2 * 1024**3, 2 * 1024**3),
            "CORE": ResourceLimit(0, -1),
            "CPU": ResourceLimit(-1, -1),
            "DATA": ResourceLimit(1024, 1024**2),
        },
        noNewPrivileges=True,
    )


@NEEDS_ROOT
def test_who() -> None:
    """Users and groups are names or numbers; whether they are there is seen at the start."""
    table = {"user": "orders", "group": "65534", "groups": []}
    assert isolation_from_table(table, "here") == Isolation("orders", "65534", ())


@pytest.mark.parametrize(
    ("key", "value"), [("user", "daemon"), ("group", "daemon"), ("groups", ["daemon"])]
)
def test_only_root(monkeypatch: pytest.MonkeyPatch, key: str, value: Any) -> None:
    """A service that is not root cannot choose."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ConfigurationError, match="only root can start workers as another"):
        isolation_from_table({key: value}, "here")


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        pytest.param("user", 1000, "user is a text, in quotation marks", marks=NEEDS_ROOT),
        pytest.param("groups", "adm", r"groups is a list, such as \['adm'\]", marks=NEEDS_ROOT),
        ("umask", 27, "a text of octal digits, such as '0027'"),
        ("umask", "0088", "a text of octal digits"),
        ("umask", "1777", "a text of octal digits"),
        ("directory", "", "directory is a text"),
        ("directory", "a\0b", "directory is a text"),
        ("environment", ["A"], "environment is a table of names and texts"),
        ("environment", {"A=B": "c"}, "environment: 'A=B' cannot be set"),
        ("environment", {"A": "b\0"}, "environment: 'A' cannot be set"),
        ("passEnvironment", "HOST", r"passEnvironment is a list, such as \['DB_HOST'\]"),
        ("passEnvironment", ["LISTEN_FDS"], "LISTEN_FDS is said to the service"),
        ("passEnvironment", ["NOTIFY_SOCKET"], "NOTIFY_SOCKET is said to the service"),
        ("resourceLimits", 5, "resourceLimits is a table, such as { NOFILE = 4096 }"),
        ("resourceLimits", {"FILES": 5}, "FILES is none of AS, CORE"),
        ("resourceLimits", {"NOFILE": -1}, "NOFILE: '-1' is no number"),
        ("resourceLimits", {"NOFILE": True}, "NOFILE: 'True' is no number"),
        ("resourceLimits", {"NOFILE": "5:"}, "NOFILE: '' is no number"),
        ("resourceLimits", {"NOFILE": "5:4"}, "the first limit, 5, is above the second, 4"),
        ("resourceLimits", {"NOFILE": "Infinite:4"}, "the first limit, Infinite, is above"),
        ("noNewPrivileges", "yes", "noNewPrivileges is true or false"),
    ],
)
def test_what_makes_no_sense(key: str, value: Any, says: str) -> None:
    """The sentence names the worker and the key."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        isolation_from_table({key: value}, "here")
    assert str(caught.value).startswith(f"here: {key}")
