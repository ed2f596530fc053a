"""From events to a tree."""

from __future__ import annotations

from netshare.transport.xml import END, Comment, Element, Name, Start, build_tree

A, B = Name("", "a"), Name("", "b")


def test_what_stands_in_what() -> None:
    """Elements, leaves, comments and text come to stand where they were."""
    events = [Comment("c"), Start(A, ()), "x", Element(B, (), (1,)), Start(B, ()), END, END]
    leaf, empty = Element(B, (), (1,)), Element(B, (), ())
    assert build_tree(events).nodes == (Comment("c"), Element(A, (), ("x", leaf, empty)))


def test_nothing() -> None:
    """An empty document has no nodes."""
    assert build_tree([]).nodes == ()
