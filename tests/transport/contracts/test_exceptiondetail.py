"""Exceptions as clients are told of them."""

from __future__ import annotations

from netshare.transport.contracts.exceptiondetail import ExceptionDetail, read_detail, write_detail
from netshare.transport.xml import XmlCursor
from netshare.transport.xml.binary import BinaryWriter, read_events


def caught(depth: int) -> ExceptionDetail:
    """The detail of an exception with so many behind it."""
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            behind: BaseException = error
            for _ in range(depth - 1):
                link = ValueError("between")
                link.__cause__, behind = behind, link
            raise RuntimeError("last") from behind
    except RuntimeError as error:
        return ExceptionDetail.of(error)


def test_what_it_says() -> None:
    """Type, message and traceback, and what is behind the exception."""
    detail = caught(1)
    assert (detail.Type, detail.Message) == ("builtins.RuntimeError", "last")
    assert detail.StackTrace is not None
    assert "test_exceptiondetail.py" in detail.StackTrace
    assert "KeyError" not in detail.StackTrace
    assert detail.InnerException is not None
    assert detail.InnerException.Type == "builtins.KeyError"
    assert detail.InnerException.InnerException is None


def test_what_is_suppressed() -> None:
    """``raise … from None`` hides what is behind it here as well."""
    error = ValueError("x")
    error.__context__ = KeyError()
    assert ExceptionDetail.of(error).InnerException is not None
    error.__suppress_context__ = True
    assert ExceptionDetail.of(error).InnerException is None


def test_a_long_chain_ends() -> None:
    """Not more than eight exceptions behind it are told."""
    detail, count = caught(100), 0
    inner = detail.InnerException
    while inner is not None:
        inner, count = inner.InnerException, count + 1
    assert count == 8


def test_it_goes_over_the_wire() -> None:
    """It is read as it was written, and something else is not read."""
    detail = caught(2)
    writer = BinaryWriter()
    write_detail(detail, writer)
    cursor = XmlCursor(read_events(writer.getvalue()))
    cursor.next()
    assert read_detail(cursor) == detail
    writer = BinaryWriter()
    writer.element("ExceptionDetail", "x", "urn:other")
    cursor = XmlCursor(read_events(writer.getvalue()))
    cursor.next()
    assert read_detail(cursor) is None
