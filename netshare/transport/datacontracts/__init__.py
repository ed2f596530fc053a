"""
Data contracts: Python's types and values to and from XML, as .NET's DataContractSerializer does.

- :mod:`.declarations` is what programs write: decorators and fields; :mod:`.scalars` the names of
  .NET's simple types, for annotations.
- :mod:`.types` says what a type contract is: the object that writes and reads the values of one
  type. :mod:`.simple`, :mod:`.enums`, :mod:`.classes`, :mod:`.sequences`, :mod:`.tuples`,
  :mod:`.xmlcontent` and :mod:`.serializable` are the kinds.
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
from netshare.transport.datacontracts.hooks import on_deserialized, on_serializing
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
from netshare.transport.datacontracts.serializable import (
    ExceptionInfo,
    SerializationInfo,
    serializable,
)
from netshare.transport.datacontracts.serializer import (
    Serializer,
    contract_name,
    element_name,
    is_primitive,
    serializer_for,
)
from netshare.transport.datacontracts.simple import DBNull
from netshare.transport.datacontracts.tuples import KeyValuePair, ValueTuple
from netshare.transport.datacontracts.xmlcontent import (
    DataSet,
    DataTable,
    XmlContent,
    XmlElement,
    xml_serializable,
)
from netshare.transport.xml import DateTime, DateTimeKind, DateTimeLike, TimeSpan, TimeSpanLike

__all__ = [
    "Byte",
    "Char",
    "DBNull",
    "DataSet",
    "DataTable",
    "DateTime",
    "DateTimeKind",
    "DateTimeLike",
    "DateTimeOffset",
    "Decimal",
    "DeserializationFailed",
    "Double",
    "ExceptionInfo",
    "Guid",
    "Int16",
    "Int32",
    "Int64",
    "InvalidDataContract",
    "KeyValuePair",
    "SByte",
    "SerializationInfo",
    "Serializer",
    "Single",
    "TimeSpan",
    "TimeSpanLike",
    "UInt16",
    "UInt32",
    "UInt64",
    "UnencodableValue",
    "Uri",
    "ValueTuple",
    "XmlContent",
    "XmlElement",
    "collection_contract",
    "contract_name",
    "data_contract",
    "data_contract_enum",
    "element_name",
    "ignored",
    "is_primitive",
    "member",
    "on_deserialized",
    "on_serializing",
    "serializable",
    "serializer_for",
    "xml_serializable",
]
