"""
The source of the writers: one function for each class, list, dictionary or tuple.

All of them are called alike, ``write(append, opening, values, place, session)``, and append the
bytes of an element for each of *values*: a member is one value, a list's items are many. An object
of simple members is one ``append``. For a class ``Line`` with a string and a number it reads::

    def write(append, opening, values, place, session):
        start, nil, _, others = opening
        s0, s1, = place.starts
        inner, null = place.inner, place.null
        for value in values:
            if type(value) is not Line:
                if value is None and nil is not None:
                    append(nil)
                elif value is None or others is None:
                    raise Unusual
                else:
                    others.write(append, value, session)
                continue
            v = value.Article
            if type(v) is str and 1 < len(v) < 256 and v.isascii():
                r0 = CHARS[len(v)] + v.encode()
            elif v is None:
                r0 = null
            else:
                r0 = record_of(v)
            v = value.Count
            ...
            append(b"".join((start, s0, r0, s1, r1, END)))

``s0`` is what :class:`.Place` has for the first of :class:`.Slot`; ``record_of`` is the contract's
own way for a value out of the ordinary.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from netshare.transport.datacontracts.classes import ClassContract, child_namespace
from netshare.transport.datacontracts.generated.forms import Form, Kind, Slot, Unknown
from netshare.transport.datacontracts.generated.leaves import (
    END,
    is_leaf,
    offset_records,
    write_leaf,
)
from netshare.transport.datacontracts.generated.source import Source, Store, Unusual
from netshare.transport.datacontracts.offsets import DateTimeOffset
from netshare.transport.datacontracts.sequences import DictContract, ListContract, SetContract
from netshare.transport.datacontracts.simple import ObjectContract, OffsetContract
from netshare.transport.datacontracts.tuples import MOST, TupleContract
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.datacontracts.unknown import UNKNOWN
from netshare.transport.xml.binary.encode import pack_items
from netshare.transport.xml.binary.records import multibyte

__all__ = ["FORMS", "can_be_generated"]


class _Writer:
    """
    The source of one function, and what it needs to know of the elements in it.

    :param contract: whose values it writes
    """

    def __init__(self, contract: TypeContract) -> None:
        self.contract = contract
        self.source = Source(f"writer of {contract.clr or contract.name}")
        self.slots: list[Slot] = []
        #: What has been written of an element, and is not appended yet: expressions.
        self.pending: list[str] = []
        for name, value in _NAMES.items():
            self.source.constant(name, value)

    def make(self) -> tuple[Source, Form]:
        """:returns: the source, and what it does"""
        source = self.source
        usual, content = _KINDS[type(self.contract)]
        with source.block("def write(append, opening, values, place, session):"):
            source.line("start, nil, empty, others = opening")
            unpack = source.reserve()
            source.line("inner, null = place.inner, place.null")
            with source.block("for value in values:"):
                with source.block(f"if {usual(self)}:"):
                    with source.block("if value is None and nil is not None:"):
                        source.line("append(nil)")
                    with source.block("elif value is None or others is None:"):
                        source.line("raise Unusual")
                    with source.block("else:"):
                        source.line("others.write(append, value, session)")
                    source.line("continue")
                content(self)
            unpack("".join(f"s{k}, " for k in range(len(self.slots))) + "= place.starts")
        if not self.slots:
            unpack("pass")
        return source, Form(source.compile("write"), tuple(self.slots))

    # -- what is in them

    def flush(self, *more: str) -> None:
        """Append what has been written, and more."""
        pieces = [*self.pending, *more]
        self.pending.clear()
        if len(pieces) == 1:
            self.source.line(f"append({pieces[0]})")
        elif pieces:
            self.source.line(f'append(b"".join(({", ".join(pieces)})))')

    def slot(self, *args: Any, **kwargs: Any) -> int:
        """:returns: the number of a slot that is needed; parameters as of :class:`.Slot`"""
        self.slots.append(Slot(*args, **kwargs))
        return len(self.slots) - 1

    def element(self, slot: Slot, declared: bool, required: bool = False) -> None:
        """
        Add what writes the element of the value ``v``.

        :param slot: what it is; its kind is found out here
        :param declared: whether its namespace certainly has a prefix where it stands
        :param required: whether it may not be left out, though it is optional
        """
        contract = slot.contract
        assert contract is not None
        leaf = is_leaf(contract)
        if slot.optional:
            # What is pending is the same whether there is a value or not.
            self.flush()
        if leaf and declared and not slot.optional:
            k = self.slot(*slot._replace(kind=Kind.PLAIN))
            write_leaf(self.source, contract, f"r{k}", [f"r{k} = null"])
            self.pending += (f"s{k}", f"r{k}")
            return
        kind = Kind.STRUCTURE if can_be_generated(contract) else Kind.OPENING
        k = self.slot(*slot._replace(kind=kind))
        with self._unless_default(slot, k, required):
            if leaf:
                self.source.line(f"h{k} = s{k}.start")
                write_leaf(self.source, contract, f"r{k}", [f"h{k} = s{k}.nil", f'r{k} = b""'])
                self.pending += (f"h{k}", f"r{k}")
            elif kind is Kind.STRUCTURE:
                self.flush()
                self._structure(k, contract.bare)
            elif isinstance(contract, ObjectContract):
                self.flush()
                self.any(f"s{k}", "v")
            else:
                with self.source.block("if v is not None:"):
                    self.source.line("raise Unusual")
                self.pending.append(f"s{k}.nil")
            if slot.optional:
                self.flush()

    def any(self, opening: str, value: str) -> None:
        """Add what writes an element of any type."""
        with self.source.block(f"if {value} is None:"):
            self.source.line(f"append({opening}.nil)")
        with self.source.block("else:"):
            self.source.line(f"{opening}.others.write(append, {value}, session)")

    def _unless_default(self, slot: Slot, k: int, required: bool) -> AbstractContextManager[object]:
        contract, source = slot.contract, self.source
        if not slot.optional or contract is None:
            return nullcontext()
        if contract.is_struct:
            default = source.constant("contract", contract) + ".default"
        else:
            default = source.constant("default", contract.default)
        with source.block(f"if v == {default}:"):
            source.line("raise Unusual" if required else "pass")
        with source.block(f"elif s{k} is None:"):
            source.line("raise Unknown")
        return source.block("else:")

    def _structure(self, k: int, contract: TypeContract) -> None:
        source = self.source
        with source.block("if v is None:"):
            source.line(f"append(s{k}.nil)")
        if isinstance(contract, ListContract | DictContract):
            # Names of what is inside may never have been in a message.
            taken = contract.taken if isinstance(contract, ListContract) else dict
            with source.block(f"elif not v and isinstance(v, {source.constant('taken', taken)}):"):
                source.line(f"append(s{k}.empty)")
        with source.block("else:"):
            self.enter(k, "(v,)")

    def enter(self, k: int, values: str) -> None:
        """Add what writes values by the function of their own contract."""
        self.source.line(f"p = inner[{k}] or place.enter({k}, session)")
        self.source.line(f"p.write(append, s{k}, {values}, p, session)")


def _class_usual(self: _Writer) -> str:
    contract = self.contract
    assert isinstance(contract, ClassContract)
    return f"type(value) is not {self.source.constant('cls', contract.cls)}"


def _class_content(self: _Writer) -> None:
    contract = self.contract
    assert isinstance(contract, ClassContract)
    source = self.source
    if contract.keep_unknown:
        with source.block(f"if getattr(value, {UNKNOWN!r}, None):"):
            source.line("raise Unusual")
    self.pending.append("start")
    for namespace, members in contract.layers:
        for one in members:
            source.line(f"# {one.name!r}: {one.contract.clr or one.contract.name!r}")
            source.line(f"v = value.{one.attribute}")
            child = child_namespace(one.contract, namespace)
            optional = not one.emit_default
            slot = Slot(Kind.PLAIN, one.name, namespace, one.contract, child, optional)
            self.element(slot, bool(namespace) and namespace == contract.namespace, one.required)
    self.flush("END")


def _list_usual(self: _Writer) -> str:
    contract = self.contract
    assert isinstance(contract, ListContract)
    return f"not isinstance(value, {self.source.constant('taken', contract.taken)})"


def _list_content(self: _Writer) -> None:
    contract, source = self.contract, self.source
    assert isinstance(contract, ListContract)
    item, name, namespace = contract.item, contract.item_name, contract.namespace
    with source.block("if not value:"):
        source.line("append(empty)")
        source.line("continue")
    if contract.array_kind:
        assert contract.scalar is not None
        self.slot(Kind.ARRAY, name, namespace, contract)
        to_wire = source.constant("to_wire", contract.scalar.to_wire)
        source.line(f"items = pack_items({contract.array_kind}, [{to_wire}(v) for v in value])")
        self.pending.append("start")
        self.flush("s0", "multibyte(len(value))", "items", "END")
    elif is_leaf(item):
        self.slot(Kind.OPENING, name, namespace, item)
        source.line("append(start)")
        source.line("head = s0.start")
        with source.block("for v in value:"):
            write_leaf(source, item, "r", ["append(s0.nil)", "continue"])
            source.line("append(head + r)")
        source.line("append(END)")
    elif isinstance(item, ObjectContract):
        self.slot(Kind.OPENING, name, namespace, item)
        source.line("append(start)")
        with source.block("for v in value:"):
            self.any("s0", "v")
        source.line("append(END)")
    else:
        generated = can_be_generated(item)
        self.slot(Kind.STRUCTURE if generated else Kind.OPENING, name, namespace, item)
        source.line("append(start)")
        # Names of what is inside of items may never have been in a message.
        nothing = "not any(v is not None for v in value)"
        with source.block(f"if {'inner[0] is None and ' if generated else ''}{nothing}:"):
            source.line("append(s0.nil * len(value))")
        with source.block("else:"):
            if generated:
                self.enter(0, "value")
            else:
                source.line("raise Unusual")
        source.line("append(END)")


def _dict_usual(self: _Writer) -> str:
    return "not isinstance(value, dict)"


def _dict_content(self: _Writer) -> None:
    contract, source = self.contract, self.source
    assert isinstance(contract, DictContract)
    pair, *names = contract.names
    namespace = contract.namespace
    self.slot(Kind.PLAIN, pair, namespace, None)
    source.line("append(start)")
    with source.block("for key, item in value.items():"):
        with source.block("if key is None:"):
            source.line("raise Unusual")
        self.pending.append("s0")
        types = contract.key_contract, contract.value_contract
        for variable, name, one in zip(("key", "item"), names, types, strict=True):
            source.line(f"v = {variable}")
            child = child_namespace(one, namespace)
            self.element(Slot(Kind.PLAIN, name, namespace, one, child, inside=0), False)
        self.flush("END")
    source.line("append(END)")


def _tuple_usual(self: _Writer) -> str:
    contract = self.contract
    assert isinstance(contract, TupleContract)
    return f"not isinstance(value, tuple) or len(value) != {len(contract.items)}"


def _tuple_content(self: _Writer) -> None:
    contract = self.contract
    assert isinstance(contract, TupleContract)
    namespace = contract.namespace
    self.pending.append("start")
    for at, (name, one) in enumerate(zip(contract.names, contract.items, strict=True)):
        self.source.line(f"v = value[{at}]")
        slot = Slot(Kind.PLAIN, name, namespace, one, child_namespace(one, namespace))
        self.element(slot, True)
    self.flush("END")


def _offset_usual(self: _Writer) -> str:
    return f"type(value) is not {self.source.constant('cls', DateTimeOffset)}"


def _offset_content(self: _Writer) -> None:
    for name in ("DateTime", "OffsetMinutes"):
        self.slot(Kind.PLAIN, name, self.contract.namespace, None)
    records = self.source.constant("offset_records", offset_records)
    self.source.line(f"moment, minutes = {records}(value)")
    self.pending += ("start", "s0", "moment", "s1", "minutes")
    self.flush("END")


#: Of each kind of contract: the condition under which a value is not usual, and the rest.
_KINDS: Final[
    dict[type[TypeContract], tuple[Callable[[_Writer], str], Callable[[_Writer], None]]]
] = {
    ClassContract: (_class_usual, _class_content),
    ListContract: (_list_usual, _list_content),
    SetContract: (_list_usual, _list_content),
    DictContract: (_dict_usual, _dict_content),
    TupleContract: (_tuple_usual, _tuple_content),
    OffsetContract: (_offset_usual, _offset_content),
}
#: Names that all functions know.
_NAMES: Final[dict[str, Any]] = {
    "Unusual": Unusual,
    "Unknown": Unknown,
    "END": END,
    "pack_items": pack_items,
    "multibyte": multibyte,
}


def can_be_generated(contract: TypeContract) -> bool:
    """:returns: whether there is a function for the values of a contract, the usual ones"""
    bare = contract.bare
    if isinstance(bare, ClassContract):
        # What it calls must be called once, and what refers to others knows the document.
        return not (bare.is_reference or bare.calls_before_writing)
    if isinstance(bare, TupleContract):
        return len(bare.items) <= MOST
    return type(bare) in _KINDS


def _make(contract: TypeContract) -> tuple[Source, Form]:
    return _Writer(contract).make()


#: The functions of the process.
FORMS: Final[Store[Form]] = Store(_make)
