"""Start tags, made by the ordinary writer."""

from __future__ import annotations

from typing import Any

import pytest

from netshare.transport.datacontracts import Serializer
from netshare.transport.datacontracts.generated import places
from netshare.transport.datacontracts.generated.forms import Unknown
from netshare.transport.datacontracts.generated.places import keep, place_at, start_tags
from netshare.transport.datacontracts.generated.source import Unusual
from netshare.transport.datacontracts.known import KnownTypes
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.xml import XSI
from netshare.transport.xml.binary import BinaryWriter, WriterSession
from netshare.transport.xml.writer import WriterScope
from tests.helpers.sampletypes import Base, P

KNOWN = KnownTypes()
SCOPE = WriterScope({"": "urn:r", "i": XSI, "a": "urn:b"})


def learnt(value: Any) -> WriterSession:
    """A session that has written a value once."""
    session = WriterSession()
    Serializer(type(value)).write_ordinarily(BinaryWriter(session), "r", "urn:r", value)
    return session


def test_nothing_is_given_out() -> None:
    """A string without an id gets none by looking for start tags."""
    session = WriterSession()
    before = session.mark()
    with pytest.raises(Unknown):
        place_at(contract_of(P), SCOPE, session, KNOWN)
    assert session.mark() == before
    assert session.take_table() == b"\0"


def test_a_place_is_made_once() -> None:
    """What was made for a spot of a session's documents is kept by the session."""
    session = learnt(Base(M=1, Pp=P(A=1), Ls=[]))
    made = place_at(contract_of(Base), SCOPE, session, KNOWN)
    assert place_at(contract_of(Base), WriterScope(SCOPE), session, KNOWN) is made
    assert (
        place_at(contract_of(Base), WriterScope({**SCOPE, "b": "urn:t"}), session, KNOWN)
        is not made
    )


def test_going_back_forgets_places() -> None:
    """Ids that are taken back are in no place."""
    session = WriterSession()
    mark = session.mark()
    Serializer(P).write_ordinarily(BinaryWriter(session), "r", "urn:t", P(A=1))
    scope = WriterScope({"": "urn:t", "i": XSI})
    place_at(contract_of(P), scope, session, KNOWN)
    session.go_back(mark)
    assert not session.places
    with pytest.raises(Unknown):
        place_at(contract_of(P), scope, session, KNOWN)


def test_a_full_session_knows_everything() -> None:
    """When no more strings get ids, names are written out, in start tags as well."""
    session = WriterSession(0)
    session.id_of("fills it")
    place = place_at(contract_of(P), SCOPE, session, KNOWN)
    assert b"\x01A" in place.starts[0]


def test_places_are_bounded() -> None:
    """A session that has very many places makes them anew, and has no more."""
    kept: dict[Any, Any] = {}
    for number in range(3 * places.MAX_PLACES):
        keep(kept, number, number)
        assert len(kept) <= places.MAX_PLACES
    assert kept[3 * places.MAX_PLACES - 1]


def test_null_needs_its_prefix() -> None:
    """Where the prefix of null is not declared, nothing is generated."""
    with pytest.raises(Unusual):
        start_tags(WriterScope({"": "urn:r"}), None).null()


def test_prefixes_that_depend_on_the_depth() -> None:
    """Where all letters are taken, a prefix names the depth, so nothing is generated."""
    taken = {letter: f"urn:{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"}
    writer = start_tags(WriterScope({"": "", **taken}), None)
    writer.start_element("x")
    with pytest.raises(Unusual):
        writer.declare_any("urn:new")
