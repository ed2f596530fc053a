"""Which encoder a content type means."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import (
    UnknownContentType,
    encoder_for,
)
from netshare.transport.soap import MESSAGE_VERSION_DEFAULT, SOAP11_WSA10


def test_content_types() -> None:
    """Known encodings and .NET's extensible ones have encoders, nothing else has."""
    assert encoder_for().content_type == "application/soap+msbinsession1"
    assert encoder_for("binary").content_type == "application/soap+msbin1"
    assert encoder_for("APPLICATION/soap+msbin1+GZIP").content_type.endswith("gzip")
    assert encoder_for("text", version=SOAP11_WSA10).content_type == "text/xml; charset=utf-8"
    for bad in ("multipart/related", "text/xml; charset=latin-1", "", "text/plain", "+gzip"):
        with pytest.raises(UnknownContentType):
            encoder_for(bad)
    with pytest.raises(UnknownContentType, match=r"SOAP 1\.2 only"):
        encoder_for("binary", version=SOAP11_WSA10)
    with pytest.raises(UnknownContentType, match="not for messages"):
        encoder_for("text/xml", version=MESSAGE_VERSION_DEFAULT)


@pytest.mark.parametrize(
    ("own", "offered", "accepted"),
    [
        ("binary", "application/soap+msbin1", True),
        ("binary", "Application/SOAP+msbin1", True),
        ("binary", "application/soap+msbin1; x=1", True),
        ("binary", "application/soap+msbin1 ;x", True),
        ("binary", "application/soap+msbin1+gzip", False),
        ("binary", "application/soap+msbinsession1", False),
        ("binary-session", "application/soap+msbinsession1;start-info=x", True),
        ("binary-session", "application/soap+msbin1", False),
        ("text", 'application/soap+xml; charset="UTF-8"', True),
        ("text", "application/soap+xml", True),
        ("text", "application/soap+xml; charset=utf-16LE", False),
        ("text", "text/xml; charset=utf-8", False),
    ],
)
def test_accepted(own: str, offered: str, accepted: bool) -> None:
    """A client's content type may have other letters or parameters, but means the same encoding."""
    assert encoder_for(own).accepts(offered) is accepted
