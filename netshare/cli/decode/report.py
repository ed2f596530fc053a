"""
How ``netshare decode`` shows records, for people and for programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from netshare.cli.terminal import clean
from netshare.transport.tools import Content, Record
from netshare.transport.xml import XmlException

#: Where what belongs to a record stands, below it.
_INDENT = " " * 8


def lines(records: Sequence[Record], brief: bool = False) -> Iterator[str]:
    """
    A line for each record, below it what is in it.

    :param records: of one connection
    :param brief: without the envelopes
    """
    widest = max([6, *(len(str(record.offset)) for record in records)])
    yield f"  SIDE    {'OFFSET':>{widest}}  {'RECORD':<18}  BYTES"
    session = 0
    for record in records:
        if record.session != session:
            yield ""
            session = record.session
            yield f"session {session}"
        text = _text(record)
        start = f"  {record.side.value}  {record.offset:>{widest}}  {record.name:<18}"
        yield f"{start} {record.size:>6}  {text}".rstrip()
        if record.problem:
            yield f"{_INDENT}!! {clean(record.problem)}"
        if record.content is not None and not brief:
            yield from _content(record.content)


def _text(record: Record) -> str:
    """What a record says, in one line."""
    content = record.content
    parts = [record.text]
    if content is not None:
        if content.expanded is not None:
            parts.append(f"{content.expanded} bytes when expanded")
        parts.append(content.fault and f"fault {content.fault}")
        parts.append(content.action)
    return clean(", ".join(part for part in parts if part))


def _content(content: Content) -> Iterator[str]:
    for number, string in enumerate(content.strings):
        yield f"{_INDENT}string {content.first_id + 2 * number} is {clean(string)!r}"
    for line in printed(content).split("\n") if content.document is not None else ():
        yield _INDENT + line


def printed(content: Content) -> str:
    """:returns: the document for people, on one line where it cannot be on more."""
    try:
        return content.indented()
    except XmlException:
        return content.xml()


def as_json(records: Sequence[Record], brief: bool = False) -> list[dict[str, Any]]:
    """
    The same for programs.

    :param records: of one connection
    :param brief: without the envelopes
    """
    return [_record(record, brief) for record in records]


def _record(record: Record, brief: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "side": record.side.value,
        "session": record.session,
        "offset": record.offset,
        "size": record.size,
        "record": record.name,
        "text": record.text,
        "problem": record.problem or None,
    }
    content = record.content
    if content is not None:
        shown["envelope"] = {
            "contentType": content.content_type,
            "size": content.size,
            "expanded": content.expanded,
            "action": content.action,
            "fault": content.fault or None,
        }
        if not brief:
            ids = range(content.first_id, content.first_id + 2 * len(content.strings), 2)
            shown["envelope"]["strings"] = dict(zip(map(str, ids), content.strings, strict=True))
            shown["envelope"]["xml"] = None if content.document is None else content.xml()
    return shown
