"""Namespaces that are the same in every document."""

from netshare.transport.xml import parse_events
from netshare.transport.xml.namespaces import XML_NAMESPACE, XMLNS_NAMESPACE, XSI


def test_they_are_bound() -> None:
    """The prefix xml needs no declaration, and xsi one like any other."""
    events = parse_events(f'<a xml:lang="de" xmlns:i="{XSI}" i:nil="true"/>'.encode())
    assert XML_NAMESPACE in repr(events)
    assert XSI in repr(events)
    assert XMLNS_NAMESPACE == "http://www.w3.org/2000/xmlns/"
