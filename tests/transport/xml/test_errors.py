"""Errors of XML say where it happened."""

import pytest

from netshare.transport.xml.errors import QuotaExceeded, SessionInvalid, XmlException


@pytest.mark.parametrize("kind", [XmlException, QuotaExceeded, SessionInvalid])
def test_the_place(kind: type[XmlException]) -> None:
    """The offset is in the text where there is one."""
    assert str(kind("bad", 7)) == "bad (at byte 7)"
    assert str(kind("bad", 0)) == "bad (at byte 0)"
    assert str(kind("bad")) == "bad"
    assert issubclass(kind, XmlException)
