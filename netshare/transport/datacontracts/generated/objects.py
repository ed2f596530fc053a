"""
How an object of a class is made of the values of its members, as source: without its initializer,
as the ordinary reader does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import getattr_static
from keyword import iskeyword
from typing import Any

from netshare.transport.datacontracts.classes import ClassContract
from netshare.transport.datacontracts.generated.source import Source

__all__ = ["is_set_plainly", "make_object", "maker_of", "object_of_defaults"]


def make_object(source: Source, contract: ClassContract, values: dict[str, str]) -> None:
    """
    Add what makes the object ``made``.

    :param source: to add to
    :param contract: of its class
    :param values: by attribute what its value is called; those that are no members are added
    """
    cls, others = contract.cls, contract.others
    source.line(f"made = {source.constant('new', cls.__new__)}({source.constant('cls', cls)})")
    if is_set_plainly(contract, [*others, *values]):
        # An object whose attributes are set has no dictionary until somebody asks for it.
        for attribute, value in others.items():
            source.line(f"made.{attribute} = {source.constant('other', value)}")
        for attribute, name in values.items():
            source.line(f"made.{attribute} = {name}")
        return
    pairs = [f"**{source.constant('others', others)}"] if others else []
    pairs += [f"{attribute!r}: {name}" for attribute, name in values.items()]
    source.line(f"{source.constant('fill', contract.fill)}(made, {{{', '.join(pairs)}}})")


def is_set_plainly(contract: ClassContract, attributes: Sequence[str]) -> bool:
    """
    :returns: whether setting attributes of an object of a class does nothing but put them into its
        dictionary: it may be frozen, or have a property or a descriptor of that name
    """
    cls = contract.cls
    return (
        contract.is_plain
        and getattr_static(cls, "__setattr__") is object.__setattr__
        and all(name.isidentifier() and not iskeyword(name) for name in attributes)
        and not any(hasattr(getattr_static(cls, name, None), "__set__") for name in attributes)
    )


def object_of_defaults(contract: ClassContract) -> Callable[[], Any] | None:
    """
    :returns: what makes an object whose members have their defaults; None: one has to be there
    """
    members = [member for layer in contract.layers for member in layer.members]
    if any(member.required for member in members):
        return None
    new, others = maker_of(contract.cls), contract.others

    def make() -> Any:
        made = new()
        contract.fill(made, {**others, **{one.attribute: one.contract.default for one in members}})
        return made

    return make


def maker_of(cls: type[Any]) -> Callable[[], Any]:
    """:returns: what makes an object of a class, which has no attributes yet"""
    if cls is dict:
        return dict
    return lambda: cls.__new__(cls)  # type: ignore[call-overload]
