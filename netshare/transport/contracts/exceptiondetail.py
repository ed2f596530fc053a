"""
An exception as a client is told of it, where a service says so. (ExceptionDetail)
"""

from __future__ import annotations

import traceback
from typing import Final

from netshare.transport.datacontracts import contract_name, data_contract, serializer_for
from netshare.transport.xml import XmlCursor, XmlWriter

__all__ = ["ExceptionDetail", "read_detail", "write_detail"]

#: How many exceptions behind an exception are told.
_MAX_INNER: Final = 8


@data_contract(namespace="http://schemas.datacontract.org/2004/07/System.ServiceModel")
class ExceptionDetail:
    """
    What ``include_exception_detail_in_faults`` tells clients, .NET's included.
    """

    HelpLink: str | None = None
    #: The exception that it was raised from, or while handling.
    InnerException: ExceptionDetail | None = None
    Message: str | None = None
    #: The traceback, as Python prints it.
    StackTrace: str | None = None
    #: The exception's class, with its module.
    Type: str | None = None

    @classmethod
    def of(cls, error: BaseException, inner: int = _MAX_INNER) -> ExceptionDetail:
        """
        :param error: what was raised
        :param inner: how many exceptions behind it are told at most
        """
        behind = error.__cause__
        if behind is None and not error.__suppress_context__:
            behind = error.__context__
        lines = traceback.format_exception(type(error), error, error.__traceback__, chain=False)
        kind = type(error)
        return cls(
            Type=f"{kind.__module__}.{kind.__qualname__}",
            Message=str(error),
            StackTrace="".join(lines),
            InnerException=cls.of(behind, inner - 1) if behind is not None and inner else None,
        )


_SERIALIZER: Final = serializer_for(ExceptionDetail)
_NAME: Final = contract_name(ExceptionDetail)


def write_detail(detail: ExceptionDetail, writer: XmlWriter) -> None:
    """Write a detail as WCF has it in a fault."""
    _SERIALIZER.write(writer, *_NAME, detail)


def read_detail(cursor: XmlCursor) -> ExceptionDetail | None:
    """
    :param cursor: on the first element in a fault's detail
    :returns: None: it is something else
    :raises DeserializationFailed: it is one, but not as it should be
    """
    if (cursor.name.local, cursor.name.namespace) != _NAME:
        return None
    detail: ExceptionDetail = _SERIALIZER.read(cursor)
    return detail
