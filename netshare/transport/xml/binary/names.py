"""
What a reader remembers of names between documents.

A name is looked up by the very bytes of its record header, among those met under the same
namespace declarations; a start tag with attributes by all of its bytes, which also say what is
declared inside of it. Memory is bounded: when too much has been learnt everything is forgotten,
so a peer that never repeats itself gains nothing but a slower reader for itself.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from netshare.transport.xml.binary.rows import Rows
from netshare.transport.xml.nodes import Attribute, Name, NamespaceDeclaration

__all__ = ["NameMemory", "Scope"]

Attributes: TypeAlias = tuple[Attribute | NamespaceDeclaration, ...]

#: Declarations larger than this (number, characters) are not kept.
_MAX_DECLARATIONS = 32
_MAX_CHARACTERS = 4096


class Scope:
    """
    Namespaces in force, with the names and start tags already met under them.

    :param namespaces: URI by prefix.
    """

    __slots__ = ("names", "namespaces", "tags")

    def __init__(self, namespaces: dict[str, str]) -> None:
        self.namespaces = namespaces
        self.names: dict[bytes, Name] = {}
        #: Of start tags with attributes: name, attributes, the scope inside, and how much they
        #: count as nodes.
        self.tags: dict[bytes, tuple[Name, Attributes, Scope, int]] = {}


class NameMemory:
    """
    The scopes met so far.

    :param limit: names, start tags, scopes and dictionary texts kept altogether.
    """

    __slots__ = ("_learnt", "_limit", "_scopes", "generation", "places", "rows", "texts")

    def __init__(self, limit: int) -> None:
        self._scopes: dict[tuple[tuple[str, str], ...], Scope] = {}
        #: Text records that are dictionary ids: the children they are.
        self.texts: dict[bytes, tuple[str]] = {}
        #: Owned by the generated readers of data contracts: what they have made of names.
        self.places: dict[Any, Any] = {}
        #: Shapes of elements that come in long runs, by their start tag.
        self.rows: dict[bytes, Rows] = {}
        #: How often everything was forgotten.
        self.generation = 0
        self._limit = limit
        self._learnt = 0

    def scope(self, namespaces: dict[str, str]) -> Scope:
        """:returns: the scope of these declarations; the same one each time, if remembered."""
        if len(namespaces) > _MAX_DECLARATIONS:
            return Scope(namespaces)
        key = tuple(namespaces.items())
        scope = self._scopes.get(key)
        if scope is None:
            scope = Scope(namespaces)
            if self.keeps(scope):
                self.count(scope)
                self._scopes[key] = scope
        return scope

    def keeps(self, scope: Scope) -> bool:
        """:returns: whether a scope is small enough to be kept."""
        uris = scope.namespaces.values()
        return len(uris) <= _MAX_DECLARATIONS and sum(map(len, uris)) <= _MAX_CHARACTERS

    def count(self, scope: Scope) -> None:
        """Something is about to be added to *scope*: forget everything if that is too much."""
        self._learnt += 1
        if self._learnt > self._limit:
            self._learnt = 0
            self._scopes.clear()
            self.texts.clear()
            self.places.clear()
            self.rows.clear()
            self.generation += 1
            scope.names.clear()
            scope.tags.clear()

    def __len__(self) -> int:
        """How many things are remembered."""
        return sum(1 + len(s.names) + len(s.tags) for s in self._scopes.values())
