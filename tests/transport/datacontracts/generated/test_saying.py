"""What the attributes of an element say."""

from __future__ import annotations

import pytest

from netshare.transport.datacontracts.generated.saying import Said, said_by
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.xml import XSI, Attribute, Name, NamespaceDeclaration, QualifiedName, Value
from netshare.transport.xml.binary.names import Scope

NIL, DECLARED = Attribute(Name("i", "nil", XSI), True), NamespaceDeclaration("b", "urn:b")


def typed(value: Value) -> Attribute:
    """What says of which type an element is."""
    return Attribute(Name("i", "type", XSI), value)


INNER = Scope({"": "urn:d", "b": "urn:b"})


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ((NIL,), Said(INNER, True)),
        ((NIL, DECLARED), Said(INNER, True)),
        ((DECLARED,), Said(INNER)),
        ((typed("b:T"),), Said(INNER, named=("urn:b", "T"))),
        ((DECLARED, typed(QualifiedName("b", "T"))), Said(INNER, named=("urn:b", "T"))),
        ((typed(" T\n"),), Said(INNER, named=("urn:d", "T"))),
        ((typed("c:T"),), None),
        ((Attribute(Name("i", "nil", XSI), False),), None),
        ((NIL, typed("T")), None),
        ((NIL, Attribute(Name("", "a", ""), "1")), None),
        ((Attribute(Name("", "nil", ""), True),), None),
        ((Attribute(Name("z", "Id", "urn:z"), "i1"),), None),
    ],
)
def test_what_they_say(
    run: tuple[Attribute | NamespaceDeclaration, ...], expected: Said | None
) -> None:
    """Attributes say null, or a type, or nothing, or something unusual."""
    scope = Scope({})
    scope.tags[b"\x42\x01\x06"] = Name("", "X", "urn:p"), run, INNER, 0
    if expected is None:
        with pytest.raises(Unusual):
            said_by(scope, b"\x42\x01", b"\x06")
    else:
        assert said_by(scope, b"\x42\x01", b"\x06") == expected


def test_no_attributes() -> None:
    """None says nothing."""
    scope = Scope({})
    assert said_by(scope, b"\x42\x01", b"") == Said(scope)


def test_attributes_that_were_not_met() -> None:
    """Nothing is guessed about attributes that the ordinary reader has not met."""
    with pytest.raises(Unusual):
        said_by(Scope({}), b"\x42\x01", b"\x06")
