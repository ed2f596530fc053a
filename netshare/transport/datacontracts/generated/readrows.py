"""
The source of the readers of rows: objects whose members' texts were all cut at once.

For a class ``Item`` with a string, a nested ``Place`` with a number, and a list of strings it
reads::

    def read_rows(rows, append, items):
        s0, = items
        for t0, t1, t2, _ in rows:
            t = t0
            ...
            if t1:
                t = t1
                ...
                made = new(Place)
                made.Zip = v1
                v2 = made
            else:
                v2 = None
            if t2:
                several = []
                for t in s0(t2):
                    ...
                    several.append(v)
                v3 = several
            else:
                v3 = None
            ...
            append(made)

A text of nothing says that the member, or what it is in, is null: no record is so short.
"""

from __future__ import annotations

import itertools

from netshare.transport.datacontracts.classes import ClassContract
from netshare.transport.datacontracts.generated.leaves import is_leaf
from netshare.transport.datacontracts.generated.objects import make_object
from netshare.transport.datacontracts.generated.readable import can_be_read
from netshare.transport.datacontracts.generated.readleaves import (
    has_fixed_length,
    offset_of,
    read_leaf,
)
from netshare.transport.datacontracts.generated.rowplaces import (
    RowForm,
    RowList,
    RowPart,
    RowText,
    lists_of,
    texts_of,
)
from netshare.transport.datacontracts.generated.source import Source, Unusual
from netshare.transport.datacontracts.sequences import ListContract
from netshare.transport.datacontracts.simple import OffsetContract
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.xml.binary.rows import MOST_TEXTS

__all__ = ["add_read_rows", "row_form_of"]

#: How deep classes in a row may be nested.
_MAX_NESTED = 4
_OFFSET = RowForm(None, (RowText(True), RowText(True)), 1)


def row_form_of(contract: TypeContract, nested: int = 0) -> RowForm | None:
    """
    :param contract: a type
    :param nested: how many classes are around it
    :returns: what its objects look like as rows, without the function that reads them; None: they
        are read one by one
    """
    bare = contract.bare
    if isinstance(bare, OffsetContract):
        return _OFFSET
    if not isinstance(bare, ClassContract) or not can_be_read(bare) or nested > _MAX_NESTED:
        return None
    parts: list[RowPart] = []
    texts = 0
    for layer in bare.layers:
        for member in layer.members:
            part = _part_of(member.contract, nested + 1)
            if part is None:
                return None
            parts.append(part)
            texts += texts_of(part)
            if texts > MOST_TEXTS:
                return None
    if not any(isinstance(part, RowText) for part in parts):
        # By the text of a member it is told whether an object is null.
        return None
    return RowForm(None, tuple(parts), 1 + max(map(_depth_of, parts)))


def _part_of(contract: TypeContract, nested: int) -> RowPart | None:
    bare = contract.bare
    if is_leaf(bare):
        return RowText(has_fixed_length(bare))
    if isinstance(bare, ListContract) and can_be_read(bare):
        return RowList(RowText(has_fixed_length(bare.item))) if is_leaf(bare.item) else None
    return row_form_of(bare, nested)


def _depth_of(part: RowPart) -> int:
    return part.depth if isinstance(part, RowForm) else int(isinstance(part, RowList))


def add_read_rows(source: Source, contract: TypeContract, form: RowForm) -> None:
    """
    Add the function ``read_rows``.

    :param source: to add to
    :param contract: whose objects it reads
    :param form: what they look like
    """
    texts, lists = texts_of(form), lists_of(form)
    names = "".join(f"t{k}, " for k in range(texts))
    with source.block("def read_rows(rows, append, items):"):
        if lists:
            source.line("".join(f"s{k}, " for k in range(lists)) + "= items")
        with source.block(f"for {names}_ in rows:"):
            source.line(f"append({_RowReader(source).object(contract.bare, form)})")


class _RowReader:
    """
    The source of what reads one row.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._values = itertools.count()
        self._lists = itertools.count()
        self._text = 0

    def object(self, contract: TypeContract, form: RowForm) -> str:
        """Add what makes an object; :returns: what it is called then"""
        source = self._source
        if isinstance(contract, OffsetContract):
            self._text += 2
            moment, minutes = self._text - 2, self._text - 1
            return f"{source.constant('offset_of', offset_of)}(t{moment}, t{minutes})"
        assert isinstance(contract, ClassContract)
        members = [member for layer in contract.layers for member in layer.members]
        values: dict[str, str] = {}
        for member, part in zip(members, form.parts, strict=True):
            one = member.contract
            source.line(f"# {member.name!r}: {one.clr or one.name!r}")
            value = values[member.attribute] = f"v{next(self._values)}"
            if isinstance(part, RowText):
                source.line(f"t = t{self._text}")
                self._text += 1
                read_leaf(source, one, value, or_nil=True)
                continue
            with source.block(f"if t{self._text + _first_text(part)}:"):
                if isinstance(part, RowList):
                    made = self._list(one.bare)
                else:
                    made = self.object(one.bare, part)
                source.line(f"{value} = {made}")
            with source.block("else:"):
                source.constant("Unusual", Unusual)
                source.line(f"{value} = None" if one.nullable else "raise Unusual")
        make_object(source, contract, values)
        return "made"

    def _list(self, contract: TypeContract) -> str:
        """Add what makes a list, :returns: its expression"""
        assert isinstance(contract, ListContract)
        source = self._source
        source.line("several = []")
        with source.block(f"for t in s{next(self._lists)}(t{self._text}):"):
            read_leaf(source, contract.item, "v", or_nil=True)
            source.line("several.append(v)")
        self._text += 1
        if contract.cls is list:
            return "several"
        return f"{source.constant('made_of', contract.made_of)}(several)"


def _first_text(part: RowList | RowForm) -> int:
    """:returns: the index, from its own first, of a text that a member has if it is not null"""
    at = 0
    for one in part.parts if isinstance(part, RowForm) else ():
        if isinstance(one, RowText):
            break
        at += texts_of(one)
    return at
