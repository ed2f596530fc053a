"""
The names that .NET gives to types in XML.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from netshare.transport.datacontracts.errors import InvalidDataContract
from netshare.transport.datacontracts.types import TypeContract, is_builtin_namespace
from netshare.transport.xml import encode_name

__all__ = ["ARRAYS", "collection_namespace", "generic_name", "pair_name"]

#: Where collections of simple types are.
ARRAYS: Final = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"


def collection_namespace(item: TypeContract) -> str:
    """:returns: the namespace of a collection that has none of its own: that of its items."""
    return ARRAYS if is_builtin_namespace(item.namespace) else item.namespace


def _digest(arguments: Sequence[TypeContract]) -> str:
    """:returns: what tells generic types apart whose arguments have the same names."""
    text = f" {len(arguments)}" + "".join(f" {a.namespace}" for a in arguments)
    # No matter of security: this is how .NET makes names.
    raw = hashlib.md5(text.encode("utf-8"), usedforsecurity=False).digest()[:6]
    return b64encode(raw).decode("ascii").replace("/", "_S").replace("+", "_P")


def generic_name(name: str, arguments: Sequence[TypeContract]) -> str:
    """
    :param name: of a generic class; with ``{0}``, ``{1}``, … and ``{#}`` in it these stand for
        the arguments' names and the digest of their namespaces
    :param arguments: the types it is made for
    :returns: its name, e.g. ``PageOfint`` or ``PageOfPersongd6LZdQh``
    :raises InvalidDataContract: there is no such argument
    """
    if "{" not in name:
        name += "Of" + "".join(f"{{{i}}}" for i in range(len(arguments))) + "{#}"
    plain = all(is_builtin_namespace(a.namespace) for a in arguments)
    made = name.replace("{#}", "" if plain else _digest(arguments))
    for index, argument in enumerate(arguments):
        made = made.replace(f"{{{index}}}", argument.name)
    if "{" in made:
        raise InvalidDataContract(f"'{name}' asks for an argument that is not there")
    return encode_name(made)


def pair_name(key: TypeContract, value: TypeContract) -> str:
    """:returns: the name of a dictionary's pairs, e.g. ``KeyValueOfstringint``."""
    return generic_name("KeyValueOf{0}{1}{#}", (key, value))
