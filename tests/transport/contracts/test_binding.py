"""NetTcpBinding: WCF's defaults, and values that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.channels.settings import default_max_pending_connections
from netshare.transport.contracts import (
    BinaryEncoding,
    Compression,
    NetTcpBinding,
    SecurityMode,
    TextEncoding,
    TransferMode,
)
from netshare.transport.security import (
    ProtectionLevel,
    SecurityNotAvailable,
    TcpClientCredentialType,
    TransportSecurity,
)


def binding(**options: Any) -> NetTcpBinding:
    return NetTcpBinding(security=SecurityMode.NONE, **options)


def test_security_has_to_be_said() -> None:
    """The default security is WCF's; what is not there is not left out without a word."""
    assert NetTcpBinding().transport_security() == TransportSecurity()
    assert binding().transport_security() is None
    with pytest.raises(SecurityNotAvailable, match="say so with security=SecurityMode"):
        NetTcpBinding(security=SecurityMode.MESSAGE)
    with pytest.raises(ValueError, match="protection_level Sign is for Windows"):
        NetTcpBinding(
            client_credential_type=TcpClientCredentialType.NONE,
            protection_level=ProtectionLevel.SIGN,
        )


@pytest.mark.parametrize(
    ("options", "content_type"),
    [
        ({}, "application/soap+msbinsession1"),
        ({"transfer_mode": TransferMode.STREAMED}, "application/soap+msbin1"),
        (
            {"encoding": BinaryEncoding(Compression.GZIP)},
            "application/soap+msbinsession1+gzip",
        ),
        ({"encoding": TextEncoding()}, "application/soap+xml; charset=utf-8"),
        ({"encoding": TextEncoding.soap11("utf-16LE")}, "text/xml; charset=utf-16LE"),
        ({"encoding": TextEncoding(content_type="text/odd")}, "text/odd"),
    ],
)
def test_content_types(options: dict[str, Any], content_type: str) -> None:
    """The encoding and the transfer mode make the content type of the preamble."""
    assert binding(**options).make_encoder().content_type == content_type


def test_defaults() -> None:
    """Limits that are not given are WCF's."""
    assert binding().max_pending_connections() == default_max_pending_connections()
    assert binding().buffer_size == 65536
    streamed = binding(transfer_mode=TransferMode.STREAMED, max_received_message_size=1 << 40)
    assert streamed.buffer_size == 65536
    assert binding().channel_settings(server=False).receive_timeout is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_connections": 0}, "max_connections must be more than 0"),
        ({"max_buffer_size": 70000}, "cannot be more than max_received_message_size"),
        ({"max_buffer_size": 60000}, "must be the same as max_received_message_size"),
        ({"send_timeout": 0}, "send_timeout must be more than 0"),
    ],
)
def test_what_cannot_be(options: dict[str, Any], message: str) -> None:
    """A limit that cannot be is refused when the binding is made, by its name."""
    with pytest.raises(ValueError, match=message):
        binding(**options)


def test_but() -> None:
    """A copy with other values is checked as well."""
    assert binding().but(port_sharing_enabled=True).port_sharing_enabled
    with pytest.raises(ValueError, match="close_timeout"):
        binding().but(close_timeout=-1)
