"""The details of declared faults."""

from __future__ import annotations

from netshare.transport.calls.declaredfault import DeclaredFault
from netshare.transport.contracts.description import FaultDescription
from netshare.transport.datacontracts import data_contract
from netshare.transport.xml.binary import BinaryWriter, read_document


@data_contract(namespace="urn:f")
class Trouble:
    Why: str


DECLARED = DeclaredFault(FaultDescription(Trouble, "urn:action", None, None), ())


def test_takes_its_details_only() -> None:
    """A detail is of the fault that declares its class."""
    assert DECLARED.takes(Trouble(Why="x"))
    assert not DECLARED.takes("x")


def test_writes_an_element() -> None:
    """A detail is written as the element of its contract."""
    writer = BinaryWriter()
    DECLARED.write(Trouble(Why="x"), writer)
    assert read_document(writer.getvalue()).root.name[1:] == ("Trouble", "urn:f")
