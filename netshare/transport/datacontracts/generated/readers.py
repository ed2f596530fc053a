"""
The source of the readers: one function for each class, list, dictionary or tuple.

All of them are called alike, ``read(tokens, i, place, left, header, append)``; see
:data:`~.readplaces.Read`. They walk the scanner's tokens: ``h``, ``a``, ``t`` and ``o`` are the
header, attributes and text of a start tag, or a run of ends. For a class ``Line`` with a string
and a number it reads::

    def read(tokens, i, place, left, header, append):
        if left < 1:
            raise Unusual
        h0, h1, = place.headers
        while True:
            h, a, t, o = tokens[i]
            v0 = default
            v1 = default2
            while True:
                at = i
                if h == h0:
                    i += 1
                    if a:
                        if t != END or not (h + a in place.nils or place.is_nil(h, a)):
                            raise Unusual
                        v0 = None
                    else:
                        ...
                    h, a, t, o = tokens[i]
                if h == h1:
                    ...
                if not h:
                    break
                if i == at:
                    i, ends = place.skip(tokens, i, left)
                    ...
            i += 1
            made = new(Line)
            made.Article = v0
            made.Count = v1
            append(made)
            ends = len(o)
            if ends > 1:
                return i, ends - 1
            h, a, t, o = tokens[i]
            if h != header or a or t:
                return i, 0
            i += 1

``h0`` is what :class:`.ReadPlace` has for the first of :class:`.Expected`; ``value_of`` is the
contract's own way for a record out of the ordinary. The inner loop goes round once where the
members are in their order, and once more for each that is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from netshare.transport.datacontracts.classes import ClassContract
from netshare.transport.datacontracts.generated.leaves import END, is_leaf
from netshare.transport.datacontracts.generated.objects import make_object, maker_of
from netshare.transport.datacontracts.generated.readable import (
    can_be_read,
    empty_of,
    passes_over,
)
from netshare.transport.datacontracts.generated.readleaves import offset_of, read_leaf
from netshare.transport.datacontracts.generated.readplaces import Expected, Read, ReadForm
from netshare.transport.datacontracts.generated.readrows import add_read_rows, row_form_of
from netshare.transport.datacontracts.generated.source import Source, Store, Unusual
from netshare.transport.datacontracts.sequences import DictContract, ListContract, SetContract
from netshare.transport.datacontracts.simple import ObjectContract, OffsetContract
from netshare.transport.datacontracts.tuples import TupleContract
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.xml.binary.arrays import ARRAY
from netshare.transport.xml.binary.rows import MARK

__all__ = ["READ_FORMS"]


_ABSENT: Final = object()


class _Reader:
    """
    The source of one function, and the elements that it knows.

    :param contract: whose values it reads
    """

    def __init__(self, contract: TypeContract) -> None:
        self.contract = contract
        self.source = Source(f"reader of {contract.clr or contract.name}")
        self.expected: list[Expected] = []
        self.source.constant("Unusual", Unusual)
        self.source.constant("END", END)

    def make(self) -> tuple[Source, ReadForm]:
        """:returns: the source, and what it does"""
        source = self.source
        with source.block("def read(tokens, i, place, left, header, append):"):
            with source.block("if left < 1:"):
                source.line("raise Unusual")
            headers = source.reserve()
            with source.block("while True:"):
                source.line("h, a, t, o = tokens[i]")
                made = _KINDS[type(self.contract)](self)
                self.close()
                source.line(f"append({made})")
                source.line("ends = len(o)")
                with source.block("if ends > 1:"):
                    source.line("return i, ends - 1")
                source.line("h, a, t, o = tokens[i]")
                with source.block("if h != header or a or t:"):
                    source.line("return i, 0")
                source.line("i += 1")
        names = "".join(f"h{k}, " for k in range(len(self.expected)))
        headers(f"{names}= place.headers" if names else "pass")
        rows = row_form_of(self.contract)
        if rows is not None:
            add_read_rows(source, self.contract, rows)
        read: Read = source.compile("read")
        if rows is not None:
            rows = rows._replace(read=source.function("read_rows"))
        return source, ReadForm(
            read, tuple(self.expected), rows, passes_over(self.contract), empty_of(self.contract)
        )

    def expect(self, name: str, namespace: str, contract: TypeContract) -> int:
        """:returns: the number of an element that is known; parameters as of :class:`.Expected`"""
        self.expected.append(Expected(name, namespace, contract))
        return len(self.expected) - 1

    def close(self) -> None:
        """Add what makes sure that the element ends here."""
        with self.source.block("if h:"):
            self.source.line("place.unexpected(h, a)")
        with self.source.block("if o[0] != 1:"):
            self.source.line("raise Unusual")
        self.source.line("i += 1")

    def value(self, k: int, value: str) -> None:
        """
        Add what makes the value of an element whose start tag is the current token, and goes on to
        the token behind it.

        :param k: the number of the element
        :param value: what to call the value
        """
        source, contract = self.source, self.expected[k].contract
        bare = contract.bare
        source.line("i += 1")
        if is_leaf(contract):
            with source.block("if a:"):
                self._null(contract, value)
            with source.block("else:"):
                read_leaf(source, contract, value)
            source.line("h, a, t, o = tokens[i]")
            return
        with source.block("if t:"):
            if isinstance(bare, ObjectContract):
                self._boxed(k, value)
            else:
                with source.block("if t != END:"):
                    source.line("raise Unusual")
                with source.block("if h + a in place.nils or place.is_nil(h, a):"):
                    source.line(f"{value} = None" if contract.nullable else "raise Unusual")
                with source.block("else:"):
                    self._empty(k, value)
            source.line("h, a, t, o = tokens[i]")
        with source.block("else:"):
            if not (can_be_read(bare) or isinstance(bare, ObjectContract)):
                source.line("raise Unusual")
                return
            source.line(f"p = place.inner[{k}].get(a) or place.enter({k}, h, a)")
            source.line("several = []")
            source.line("i, ends = p.read(tokens, i, p, left - 1, None, several.append)")
            source.line(f"{value} = several[0]")
            self.go_on()

    def _boxed(self, k: int, value: str) -> None:
        """Add what makes the value of the text of an element of any type."""
        source = self.source
        source.line("c = place.boxed.get(h + a)")
        with source.block("if c is not None:"):
            source.line(f"{value} = c(t)")
        with source.block("elif t == END and (h + a in place.nils or place.is_nil(h, a)):"):
            source.line(f"{value} = None")
        with source.block("else:"):
            source.line(f"{value} = place.box({k}, h, a)(t)")

    def go_on(self) -> None:
        """Add what takes the next token, or the ends that one inside has found of those around."""
        source = self.source
        with source.block("if ends:"):
            source.line("i -= 1")
            source.line('h, a, t, o = b"", b"", b"", END * ends')
        with source.block("else:"):
            source.line("h, a, t, o = tokens[i]")

    def _null(self, contract: TypeContract, value: str) -> None:
        if contract.nullable:
            with self.source.block(
                "if t != END or not (h + a in place.nils or place.is_nil(h, a)):"
            ):
                self.source.line("raise Unusual")
            self.source.line(f"{value} = None")
        else:
            self.source.line("raise Unusual")

    def _empty(self, k: int, value: str) -> None:
        """Add what an element with nothing in it is."""
        contract, source = self.expected[k].contract, self.source
        if not can_be_read(contract):
            source.line("raise Unusual")
            return
        made = empty_of(contract)
        with source.block("if a:"):
            source.line(f"p = place.inner[{k}].get(a) or place.enter({k}, h, a)")
            source.line(f"{value} = p.empty(t)")
        with source.block("else:"):
            constant = made and source.constant("empty", made)
            source.line(f"{value} = {constant}()" if constant else "raise Unusual")


def _class(self: _Reader) -> str:
    contract, source = self.contract, self.source
    assert isinstance(contract, ClassContract)
    names: dict[str, str] = {}
    missing: list[str] = []
    for namespace, members in contract.layers:
        for one in members:
            k = self.expect(one.name, namespace, one.contract)
            value = names[one.attribute] = f"v{k}"
            if one.required or one.contract.is_struct:
                # Of a struct, the default is another one each time.
                source.line(f"{value} = {source.constant('ABSENT', _ABSENT)}")
                missing.append(f"{value} is ABSENT")
            else:
                source.line(f"{value} = {source.constant('default', one.contract.default)}")
    with source.block("while True:"):
        source.line("at = i")
        for k, element in enumerate(self.expected):
            source.line(f"# {element.name!r}: {element.contract.clr or element.contract.name!r}")
            with source.block(f"if h == h{k}:"):
                self.value(k, f"v{k}")
        with source.block("if not h:"):
            source.line("break")
        with source.block("if i == at:"):
            source.line("i, ends = place.skip(tokens, i, left)")
            self.go_on()
    if missing:
        with source.block(f"if {' or '.join(missing)}:"):
            source.line("raise Unusual")
    make_object(source, contract, names)
    return "made"


def _list(self: _Reader) -> str:
    contract, source = self.contract, self.source
    assert isinstance(contract, ListContract)
    k = self.expect(contract.item_name, contract.namespace, contract.item)
    source.line("items = []")
    rows = row_form_of(contract.item.bare)
    if rows is not None:
        source.line("cut = 0")
        source.constant("MARK", MARK)
    with source.block("while h == h0:"):
        if contract.scalar is not None and contract.scalar.array_kind:
            source.constant("ARRAY", ARRAY)
            with source.block("if t == ARRAY:"):
                from_wire = source.constant("from_wire", contract.scalar.from_wire)
                source.line(f"items.extend(map({from_wire}, o.values()))")
                source.line("i += 1")
                source.line("h, a, t, o = tokens[i]")
                source.line("continue")
        if is_leaf(contract.item) or not can_be_read(contract.item.bare):
            self.value(k, "v")
            source.line("items.append(v)")
        else:
            if rows is not None:
                with source.block("if t == MARK:"):
                    with source.block(f"if left < {1 + rows.depth}:"):
                        source.line("raise Unusual")
                    source.line("p = place.inner[0].get(a) or place.enter(0, h, a)")
                    source.line("p.rows.read(p, o, items.append)")
                    source.line("cut += len(o.texts)")
                    source.line("i += 1")
                    source.line("h, a, t, o = tokens[i]")
                    source.line("continue")
            # Items that are alike are read at once.
            with source.block("if a or t:"):
                self.value(k, "v")
                source.line("items.append(v)")
            with source.block("else:"):
                source.line("p = place.inner[0].get(a) or place.enter(0, h, a)")
                source.line("i += 1")
                source.line("i, ends = p.read(tokens, i, p, left - 1, h, items.append)")
                self.go_on()
    if rows is not None:
        with source.block("if len(items) - cut > 3:"):
            source.line('p = place.inner[0].get(b"")')
            with source.block("if p is not None:"):
                source.line("p.rows.saw(p, h0, len(items) - cut)")
    if contract.cls is list:
        return "items"
    return f"{source.constant('made_of', contract.made_of)}(items)"


def _dict(self: _Reader) -> str:
    contract, source = self.contract, self.source
    assert isinstance(contract, DictContract)
    pair, key, value = contract.names
    namespace = contract.namespace
    self.expect(pair, namespace, contract)
    source.line(f"items = {source.constant('new_dict', maker_of(contract.cls))}()")
    source.constant("set_item", dict.__setitem__)
    with source.block("while h == h0:"):
        with source.block("if a or t or left < 2:"):
            source.line("raise Unusual")
        source.line("i += 1")
        source.line("h, a, t, o = tokens[i]")
        for name, variable, one in (
            (key, "key", contract.key_contract),
            (value, "item", contract.value_contract),
        ):
            k = self.expect(name, namespace, one)
            with source.block(f"if h != h{k}:"):
                source.line("place.unexpected(h, a)")
            self.value(k, variable)
        with source.block("if key is None:"):
            source.line("raise Unusual")
        source.line("set_item(items, key, item)")
        self.close()
        source.line("ends = len(o) - 1")
        self.go_on()
    return "items"


def _tuple(self: _Reader) -> str:
    contract, source = self.contract, self.source
    assert isinstance(contract, TupleContract)
    values: list[str] = []
    for name, one in zip(contract.names, contract.items, strict=True):
        k = self.expect(name, contract.namespace, one)
        with source.block(f"if h != h{k}:"):
            source.line("place.unexpected(h, a)")
        self.value(k, f"v{k}")
        values.append(f"v{k}")
    return f"({', '.join(values)},)"


def _offset(self: _Reader) -> str:
    source = self.source
    for name in ("DateTime", "OffsetMinutes"):
        k = self.expect(name, self.contract.namespace, self.contract)
        with source.block(f"if h != h{k} or a or not t:"):
            source.line("place.unexpected(h, a)")
        source.line(f"t{k} = t")
        source.line("i += 1")
        source.line("h, a, t, o = tokens[i]")
    return f"{source.constant('offset_of', offset_of)}(t0, t1)"


#: Of each kind of contract: what adds the content, and returns the expression of the value.
_KINDS: Final[dict[type[TypeContract], Callable[[_Reader], str]]] = {
    ClassContract: _class,
    ListContract: _list,
    SetContract: _list,
    DictContract: _dict,
    TupleContract: _tuple,
    OffsetContract: _offset,
}


def _make(contract: TypeContract) -> tuple[Source, ReadForm]:
    return _Reader(contract).make()


#: The functions of the process.
READ_FORMS: Final[Store[ReadForm]] = Store(_make)
