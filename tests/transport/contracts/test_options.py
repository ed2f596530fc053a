"""Options of a wrong kind are sentences."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from netshare.transport.contracts import (
    NetTcpBinding,
    SecurityMode,
    ServiceBehavior,
    ServiceThrottle,
)

MINUTE = datetime.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transfer_mode": "Streamed"}, r"transfer_mode is a TransferMode, such as .*\.STREAMED"),
        ({"transfer_mode": "STREAMED"}, r"such as TransferMode\.STREAMED, not 'STREAMED'"),
        ({"security": "None"}, r"security is a SecurityMode, such as SecurityMode\.NONE"),
        ({"host_name_comparison_mode": 1}, "host_name_comparison_mode is a HostName"),
        ({"max_received_message_size": "1"}, "is a whole number, not '1'"),
        ({"max_received_message_size": 1e6}, "max_received_message_size is a whole number"),
        ({"max_received_message_size": None}, "max_received_message_size is a whole number"),
        ({"max_connections": True}, "max_connections is a whole number"),
        ({"send_timeout": MINUTE}, r"send_timeout is a number of seconds, .*; that is 60"),
        ({"idle_timeout": "00:01:00"}, "idle_timeout is a number of seconds, not '00:01:00'"),
        ({"port_sharing_enabled": "yes"}, "port_sharing_enabled is True or False"),
        ({"encoding": "text"}, r"encoding is BinaryEncoding\(\), TextEncoding\(\)"),
        ({"reader_quotas": 5}, "reader_quotas is ReaderQuotas"),
    ],
)
def test_bindings(options: dict[str, Any], message: str) -> None:
    """A binding's option says what kind of value it has, and what was given."""
    with pytest.raises(TypeError, match=f"NetTcpBinding: .*{message}|NetTcpBinding: {message}"):
        NetTcpBinding(**{"security": SecurityMode.NONE} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency_mode": "Multiple"}, r"such as ConcurrencyMode\.MULTIPLE, not 'Multiple'"),
        ({"instance_context_mode": None}, "instance_context_mode is a InstanceContextMode"),
        ({"threads": 4}, "threads is True or False, not 4"),
    ],
)
def test_behaviors(options: dict[str, Any], message: str) -> None:
    """So does a behavior's."""
    with pytest.raises(TypeError, match=f"ServiceBehavior: .*{message}|ServiceBehavior: {message}"):
        ServiceBehavior(**options)


def test_throttles() -> None:
    """And a throttle's."""
    with pytest.raises(TypeError, match="max_concurrent_calls is a whole number, not '5'"):
        ServiceThrottle(max_concurrent_calls="5")  # type: ignore[arg-type]
