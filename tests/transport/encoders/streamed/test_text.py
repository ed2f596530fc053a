"""Streamed messages as text."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import encoder_for
from netshare.transport.soap import SOAP11_WSA10
from netshare.transport.xml import XmlException
from tests.helpers.streamed import receive


@pytest.mark.parametrize(
    "body",
    [
        "<x>AAAA<y/></x>",
        "<x><y>AAAA</y><z/></x>",
        "<x><y>AAAA</y>more</x>",
        "<x>A?AA</x>",
        "<x>AAA</x>",
        "<x>AA==AAAA</x>",
    ],
)
def test_no_stream(body: str) -> None:
    """A body that is not base64 in one innermost element is an error."""
    encoder = encoder_for("text/xml")
    envelope = SOAP11_WSA10.soap.namespace
    text = f'<s:Envelope xmlns:s="{envelope}"><s:Body>{body}</s:Body></s:Envelope>'
    for cut in (1, 1000):
        with pytest.raises(XmlException):
            receive(encoder, text.encode(), cut)
