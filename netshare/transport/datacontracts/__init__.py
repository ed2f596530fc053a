"""
Data contracts: Python's types and values to and from XML, as .NET's DataContractSerializer does.

- :mod:`.declarations` is what programs write: decorators and fields; :mod:`.scalars` the names of
  .NET's simple types, for annotations.
- :mod:`.types` says what a type contract is: the object that writes and reads the values of one
  type. :mod:`.simple`, :mod:`.enums`, :mod:`.classes` and :mod:`.sequences` are the kinds.
- :mod:`.resolver` makes type contracts of annotations, with the names of :mod:`.naming`.
- :mod:`.known` says which types may stand where others are declared.
- :mod:`.serializer` is the door: it writes and reads one parameter, result, header or detail.
"""

from decimal import Decimal
from uuid import UUID as Guid

from netshare.transport.datacontracts.declarations import (
    collection_contract,
    data_contract,
    data_contract_enum,
    ignored,
    member,
)
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.offsets import DateTimeOffset
from netshare.transport.datacontracts.scalars import (
    Byte,
    Char,
    Double,
    Int16,
    Int32,
    Int64,
    SByte,
    Single,
    UInt16,
    UInt32,
    UInt64,
    Uri,
)
from netshare.transport.datacontracts.serializer import (
    Serializer,
    contract_name,
    is_primitive,
    serializer_for,
)
from netshare.transport.xml import DateTime, DateTimeKind, TimeSpan

__all__ = [
    "Byte",
    "Char",
    "DateTime",
    "DateTimeKind",
    "DateTimeOffset",
    "Decimal",
    "DeserializationFailed",
    "Double",
    "Guid",
    "Int16",
    "Int32",
    "Int64",
    "InvalidDataContract",
    "SByte",
    "Serializer",
    "Single",
    "TimeSpan",
    "UInt16",
    "UInt32",
    "UInt64",
    "UnencodableValue",
    "Uri",
    "collection_contract",
    "contract_name",
    "data_contract",
    "data_contract_enum",
    "ignored",
    "is_primitive",
    "member",
    "serializer_for",
]
