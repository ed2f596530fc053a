"""
``ISerializable``: objects that are a list of named values, such as exceptions.

::

    @serializable(clr_namespace="My.Shop")
    class OrderError(ExceptionInfo):
        pass

    raise FaultError(OrderError(Message="sold out", Code=7))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from netshare.transport.datacontracts.declarations import CLR_NAMESPACE
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.scalars import XSD
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml import XmlCursor, XmlException, XmlWriter, decode_name, encode_name

__all__ = ["ExceptionInfo", "SerializableContract", "SerializationInfo", "serializable"]

S = TypeVar("S", bound="type[SerializationInfo]")
_NOTE: Final = "__serializable__"
#: HResult of System.Exception.
_COR_E_EXCEPTION: Final = -2146233088


class SerializationInfo(dict[str, Any]):
    """What an ``ISerializable`` wrote: values by name, each as in an ``object``."""


def serializable(
    *, name: str | None = None, namespace: str | None = None, clr_namespace: str = ""
) -> Callable[[S], S]:
    """
    Say what a subclass of :class:`SerializationInfo` is called in .NET.

    :param name: its name, if not the class's
    :param namespace: its namespace
    :param clr_namespace: instead of that: the CLR namespace that the class has in .NET
    :returns: a decorator
    """

    def decorate(cls: S) -> S:
        if not issubclass(cls, SerializationInfo):
            raise InvalidDataContract(f"{cls.__name__} is no SerializationInfo")
        uri = CLR_NAMESPACE + clr_namespace if namespace is None else namespace
        setattr(cls, _NOTE, (name or cls.__name__, uri))
        return cls

    return decorate


@serializable(name="Exception", clr_namespace="System")
class ExceptionInfo(SerializationInfo):
    """
    A .NET exception: the values without which none can be made are there from the beginning.

    :param values: such as ``Message="sold out"``, and those that the class adds
    """

    def __init__(self, **values: Any) -> None:
        note = vars(type(self)).get(_NOTE)
        super().__init__(
            ClassName="System.Exception" if note is None else _class_name(*note),
            Message=None,
            Data=None,
            InnerException=None,
            HelpURL=None,
            StackTraceString=None,
            RemoteStackTraceString=None,
            RemoteStackIndex=0,
            ExceptionMethod=None,
            HResult=_COR_E_EXCEPTION,
            Source=None,
            WatsonBuckets=None,
        )
        self.update(values)


def _class_name(name: str, namespace: str) -> str:
    clr = namespace.removeprefix(CLR_NAMESPACE) if namespace.startswith(CLR_NAMESPACE) else ""
    return f"{clr}.{name}" if clr else name


class SerializableContract(TypeContract):
    """
    An ``ISerializable``.

    :param cls: the class, a :class:`SerializationInfo`
    :param anything: the contract of ``object``
    """

    structured = True

    def __init__(self, cls: type[SerializationInfo], anything: TypeContract) -> None:
        name, namespace = vars(cls).get(_NOTE) or (cls.__name__, CLR_NAMESPACE)
        super().__init__(encode_name(name), namespace)
        self.cls = cls
        self.clr = cls.__name__
        self._write = anything.element_writer()
        self._read = anything.element_reader()

    @property
    def inner_namespace(self) -> str:
        return ""

    def declare(self, writer: XmlWriter) -> None:
        super().declare(writer)
        writer.declare("x", XSD)

    def python_types(self) -> tuple[type, ...]:
        return (self.cls,)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if not isinstance(value, self.cls):
            raise UnencodableValue(f"{type(value).__name__} is no {self.clr}")
        for name, item in value.items():
            try:
                self._write(writer, encode_name(name), "", "", item, known)
            except UnencodableValue as error:
                error.inside(name)
                raise
            except XmlException as error:
                raise UnencodableValue(error.message, name) from error

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        made = self.cls.__new__(self.cls)
        cursor.enter()
        while (name := cursor.next(strict=True)) is not None:
            try:
                made[decode_name(name.local)] = self._read(cursor, known)
            except DeserializationFailed as error:
                error.inside(name.local)
                raise
            except XmlException as error:
                raise DeserializationFailed(error.message, name.local) from error
        cursor.leave()
        return made
