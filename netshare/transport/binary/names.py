"""
What a reader remembers of names between documents.

A name is looked up by the very bytes of its record header, among those met under the same
namespace declarations. Memory is bounded: when too much has been learnt everything is forgotten,
so a peer that never repeats itself gains nothing but a slower reader for itself.
"""

from __future__ import annotations

from netshare.transport.binary.nodes import Attribute, Name

__all__ = ["NameMemory", "Scope"]

#: Declarations larger than this (number, characters) are not kept.
_MAX_DECLARATIONS = 32
_MAX_CHARACTERS = 4096


class Scope:
    """
    Namespaces in force, with the names and attribute runs already met under them.

    :param namespaces: URI by prefix.
    """

    __slots__ = ("attributes", "names", "namespaces")

    def __init__(self, namespaces: dict[str, str]) -> None:
        self.namespaces = namespaces
        self.names: dict[bytes, Name] = {}
        self.attributes: dict[bytes, tuple[Attribute, ...]] = {}


class NameMemory:
    """
    The scopes met so far.

    :param limit: names, attribute runs and scopes kept altogether.
    """

    __slots__ = ("_learnt", "_limit", "_scopes")

    def __init__(self, limit: int) -> None:
        self._scopes: dict[tuple[tuple[str, str], ...], Scope] = {}
        self._limit = limit
        self._learnt = 0

    def scope(self, namespaces: dict[str, str]) -> Scope:
        """:returns: the scope of these declarations; the same one each time, if remembered."""
        key = tuple(namespaces.items())
        scope = self._scopes.get(key)
        if scope is None:
            scope = Scope(namespaces)
            if len(key) <= _MAX_DECLARATIONS and sum(len(u) for _, u in key) <= _MAX_CHARACTERS:
                self.count(scope)
                self._scopes[key] = scope
        return scope

    def count(self, scope: Scope) -> None:
        """Something is about to be added to *scope*: forget everything if that is too much."""
        self._learnt += 1
        if self._learnt > self._limit:
            self._learnt = 0
            self._scopes.clear()
            scope.names.clear()
            scope.attributes.clear()

    def __len__(self) -> int:
        """How many things are remembered."""
        return sum(1 + len(s.names) + len(s.attributes) for s in self._scopes.values())
