"""
The other of WCF's two serializers: contracts with ``[XmlSerializerFormat]``.

::

    @xml_type(namespace="urn:shop")
    class Order:
        Id: str | None = xml_attribute()
        Lines: list[Line] = xml_element("Line")          # repeated, nothing around them
        Tags: list[str] | None = xml_array(item="Tag")   # in an element of its own
        Note: str | None = xml_element(nullable=True)
        Placed: DateTime                                 # an element of its name

    @service_contract(namespace="urn:shop")
    @xml_serializer_format
    class IOrders: ...

Where a data contract says what there is, these classes say what the XML looks like. What each
member is stands in :mod:`.declarations`; :mod:`.mappings` makes of it the objects that write and
read (:mod:`.types`, :mod:`.elements`, :mod:`.classes`), and :class:`XmlSerializer` is what an
operation's message has for each parameter. The simple types are those of
:mod:`netshare.transport.datacontracts`, and so are the errors.
"""

from netshare.transport.xmlserializer.declarations import (
    xml_any_attribute,
    xml_any_element,
    xml_array,
    xml_attribute,
    xml_choice,
    xml_element,
    xml_enum,
    xml_ignore,
    xml_text,
    xml_type,
)
from netshare.transport.xmlserializer.serializer import XmlSerializer

__all__ = [
    "XmlSerializer",
    "xml_any_attribute",
    "xml_any_element",
    "xml_array",
    "xml_attribute",
    "xml_choice",
    "xml_element",
    "xml_enum",
    "xml_ignore",
    "xml_text",
    "xml_type",
]
