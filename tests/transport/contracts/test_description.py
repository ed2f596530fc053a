"""What a description answers."""

from __future__ import annotations

from netshare.transport.contracts import Stream, describe, operation, service_contract
from netshare.transport.contracts.description import PartDescription


@service_contract
class ITwo:
    @operation
    def Known(self) -> None: ...
    @operation(action="*")
    def Other(self) -> None: ...


@service_contract
class IOne:
    @operation
    def Known(self) -> None: ...


def test_operations_are_found_by_action() -> None:
    """An action belongs to its operation, any other to that which takes all."""
    two, one = describe(ITwo), describe(IOne)
    for action, method in (
        ("http://tempuri.org/ITwo/Known", "Known"),
        ("urn:x", "Other"),
        (None, "Other"),
    ):
        found = two.operation_for(action)
        assert found is not None
        assert found.method == method
    assert one.operation_for("urn:x") is None


def test_a_stream_is_known_by_its_type() -> None:
    """A part is a stream where the annotation says Stream, alone or among others."""
    assert PartDescription("a", "", Stream, "a").is_stream
    assert PartDescription("a", "", Stream | bytes, "a").is_stream
    assert not PartDescription("a", "", bytes, "a").is_stream
