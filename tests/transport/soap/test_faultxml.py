"""How faults stand in messages."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import (
    encoder_for,
)
from netshare.transport.soap import MessageInvalid, SoapFault
from tests.helpers.messages import envelope


def test_faults_that_are_none() -> None:
    """A fault that is malformed, and a message that is none, are errors of their own."""
    encoder = encoder_for("text")
    with pytest.raises(MessageInvalid, match="no fault"):
        SoapFault.from_message(encoder.decode(envelope("")))
    for bad in ("<s:Code/>", "<s:Code><s:Value>q:x</s:Value></s:Code>", "<s:Node><x/></s:Node>"):
        message = encoder.decode(envelope("", f"<s:Fault>{bad}</s:Fault>"))
        with pytest.raises(MessageInvalid, match="fault cannot be read"):
            SoapFault.from_message(message)
    deep = "<s:Subcode>" * 60 + "</s:Subcode>" * 60
    message = encoder.decode(envelope("", f"<s:Fault><s:Code>{deep}</s:Code></s:Fault>"))
    with pytest.raises(MessageInvalid, match="more than 32"):
        SoapFault.from_message(message)
