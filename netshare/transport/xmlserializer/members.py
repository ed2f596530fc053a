"""
The members of a class, as they are in XML.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from netshare.transport.datacontracts.errors import UnencodableValue
from netshare.transport.xmlserializer.elements import ElementPlace
from netshare.transport.xmlserializer.hints import NOTHING
from netshare.transport.xmlserializer.types import TextMapping

__all__ = ["AttributeMember", "ChoiceMember", "ElementMember", "Members"]


@dataclasses.dataclass(slots=True)
class AttributeMember:
    """
    A member that is an attribute.

    :param field: the field
    :param name: of the attribute
    :param namespace: of the attribute, mostly none
    :param mapping: of its text
    :param optional: whether there may be None
    :param default_value: the value with which it is not written
    :param specified: the field that says whether it is written
    """

    field: str
    name: str
    namespace: str
    mapping: TextMapping
    optional: bool
    default_value: Any = NOTHING
    specified: str = ""


@dataclasses.dataclass(slots=True)
class ElementMember:
    """
    A member that is an element, or with ``repeated`` a list of elements.

    :param field: the field
    :param place: the element
    :param repeated: whether it is a list of such elements, with nothing around them
    :param default_value: as of :class:`AttributeMember`
    :param specified: as of :class:`AttributeMember`
    """

    field: str
    place: ElementPlace
    repeated: bool = False
    default_value: Any = NOTHING
    specified: str = ""


@dataclasses.dataclass(slots=True)
class ChoiceMember:
    """
    A member that is one of several elements.

    :param field: the field
    :param places: the elements
    :param repeated: whether it is a list of them
    :param identifier: the field that has the element's name; empty: its type tells
    :param name_of: from the identifier's value to a name
    :param identify: and back
    """

    field: str
    places: tuple[ElementPlace, ...]
    repeated: bool
    identifier: str
    name_of: Callable[[Any], str]
    identify: Callable[[str], Any]

    def place_for(self, value: Any, said: Any) -> ElementPlace:
        """:returns: the element of a value; :raises UnencodableValue: there is none"""
        if self.identifier:
            name = self.name_of(said)
            for place in self.places:
                if place.name == name:
                    return place
            raise UnencodableValue(f"{said!r} names none of its elements", self.identifier)
        for place in self.places:
            if place.mapping.takes(value):
                return place
        raise UnencodableValue(f"{type(value).__name__} is none of its types", self.field)


@dataclasses.dataclass(slots=True)
class Members:
    """What a class consists of, its own members and those it inherits."""

    attributes: list[AttributeMember] = dataclasses.field(default_factory=list)
    #: In the order in which they are written; a text is the name of the field that is text.
    content: list[ElementMember | ChoiceMember | tuple[str, TextMapping] | str] = dataclasses.field(
        default_factory=list
    )
    any_element: str = ""
    any_elements_are_list: bool = False
    any_attribute: str = ""
