"""
Contracts of collections: lists, which are arrays in binary where .NET writes such, dictionaries,
and collections with names of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netshare.transport.datacontracts.classes import child_namespace
from netshare.transport.datacontracts.errors import DeserializationFailed, UnencodableValue
from netshare.transport.datacontracts.simple import ScalarContract
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml import ArrayElements, Name, XmlCursor, XmlException, XmlWriter

__all__ = ["DictContract", "ListContract", "SetContract"]


class ListContract(TypeContract):
    """
    A list.

    :param name: the XML name of the type
    :param namespace: its namespace, and that of the items' elements
    :param item: the type of the items
    :param item_name: the name of their elements
    :param cls: Python's class, a list
    """

    structured = True

    def __init__(
        self,
        name: str,
        namespace: str,
        item: TypeContract,
        item_name: str,
        cls: type[Any] = list,
    ) -> None:
        super().__init__(name, namespace)
        self.item = item
        self.item_name = item_name
        self.cls = cls
        self.clr = name
        #: What may be given as one.
        self.taken: tuple[type[Any], ...] = (list, tuple)
        self.child = child_namespace(item, namespace)
        self._write_item = item.element_writer()
        self._read_item = item.element_reader()
        self.scalar = item.scalar if isinstance(item, ScalarContract) else None
        self.array_kind = 0 if self.scalar is None else self.scalar.array_kind

    def parts(self) -> Iterator[TypeContract]:
        yield self.item

    def python_types(self) -> tuple[type, ...]:
        return (self.cls, tuple) if self.cls is list else (self.cls,)

    def could_be(self, value: Any) -> bool:
        return super().could_be(value) and all(map(self.item.takes, value))

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if not isinstance(value, self.taken):
            raise UnencodableValue(
                f"{type(value).__name__} is no {self.clr}; a {self.taken[0].__name__} is expected"
            )
        if not value:
            return
        if self.array_kind:
            self.write_array(writer, value, writer.prefix_of(self.namespace) or "")
            return
        if self.child is not None:
            writer.declare_any(self.child)
        name, namespace, write = self.item_name, self.namespace, self._write_item
        prefix = writer.prefix_of(namespace) or ""
        index = 0
        try:
            for index, item in enumerate(value):  # noqa: B007
                write(writer, name, namespace, prefix, item, known)
        except UnencodableValue as error:
            error.inside(f"[{index}]")
            raise
        except XmlException as error:
            raise UnencodableValue(error.message, f"[{index}]") from error

    def write_array(self, writer: XmlWriter, value: Any, prefix: str) -> None:
        """Write the items as one array; in text that is one element after another."""
        scalar = self.scalar
        assert scalar is not None
        index = 0
        wire: list[Any] = []
        try:
            for index, item in enumerate(value):  # noqa: B007
                wire.append(scalar.to_wire(item))
        except UnencodableValue as error:
            error.inside(f"[{index}]")
            raise
        name = Name(prefix, self.item_name, self.namespace)
        # .NET has the names in arrays as strings, so they are no matter of the dictionary.
        inline, writer.inline_names = writer.inline_names, True
        writer.array(ArrayElements(name, (), self.array_kind, tuple(wire)))
        writer.inline_names = inline

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        items: list[Any] = []
        local, namespace, read = self.item_name, self.namespace, self._read_item
        scalar = self.scalar
        cursor.enter()
        try:
            while (name := cursor.next(strict=True)) is not None:
                if name[1] != local or name[2] != namespace:
                    raise DeserializationFailed(
                        f"the element '{name[1]}' from namespace '{name[2]}' is not expected; "
                        f"the items are '{local}' from namespace '{namespace}'"
                    )
                if scalar is not None and (array := cursor.array()) is not None:
                    items.extend(map(scalar.from_wire, array.values))
                else:
                    items.append(read(cursor, known))
        except DeserializationFailed as error:
            error.inside(f"[{len(items)}]")
            raise
        except XmlException as error:
            raise DeserializationFailed(error.message, f"[{len(items)}]") from error
        cursor.leave()
        return self.made_of(items)

    def made_of(self, items: list[Any]) -> Any:
        """:returns: a collection of these items, in Python's class"""
        if self.cls is list:
            return items
        made: Any = self.cls.__new__(self.cls)  # type: ignore[call-overload]
        list.extend(made, items)
        return made


class SetContract(ListContract):
    """
    A ``HashSet<T>``, which looks like a list of the same items.

    :param item: the type of the items
    """

    def __init__(self, name: str, namespace: str, item: TypeContract) -> None:
        super().__init__(name, namespace, item, item.bare.name, set)
        self.taken = (set, frozenset)
        # .NET writes arrays as arrays only.
        self.array_kind = 0

    def python_types(self) -> tuple[type, ...]:
        return self.taken

    def made_of(self, items: list[Any]) -> Any:
        try:
            return set(items)
        except TypeError as error:
            raise DeserializationFailed(
                f"not every item can be in a set in Python: {error}"
            ) from None


class DictContract(TypeContract):
    """
    A dictionary: a list of pairs.

    :param name: the XML name of the type
    :param namespace: its namespace, and that of all elements in it
    :param key: the type of the keys
    :param value: the type of the values
    :param names: of the elements of pairs, keys and values
    :param cls: Python's class, a dict
    """

    structured = True

    def __init__(
        self,
        name: str,
        namespace: str,
        key: TypeContract,
        value: TypeContract,
        names: tuple[str, str, str],
        cls: type[Any] = dict,
    ) -> None:
        super().__init__(name, namespace)
        self.cls = cls
        self.clr = name
        self.key_contract = key
        self.value_contract = value
        self.names = names
        self._write_key = key.element_writer(child_namespace(key, namespace))
        self._write_value = value.element_writer(child_namespace(value, namespace))
        self._read_key = key.element_reader()
        self._read_value = value.element_reader()

    def parts(self) -> Iterator[TypeContract]:
        yield self.key_contract
        yield self.value_contract

    def could_be(self, value: Any) -> bool:
        return (
            super().could_be(value)
            and all(map(self.key_contract.takes, value))
            and all(map(self.value_contract.takes, value.values()))
        )

    def python_types(self) -> tuple[type, ...]:
        return (self.cls,)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if not isinstance(value, dict):
            raise UnencodableValue(f"{type(value).__name__} is no {self.clr}; a dict is expected")
        pair, key_name, value_name = self.names
        namespace = self.namespace
        prefix = writer.prefix_of(namespace) or ""
        for key, item in value.items():
            try:
                writer.start_element(pair, namespace, prefix)
                if key is None:
                    raise UnencodableValue("None is no key of a dictionary")
                self._write_key(writer, key_name, namespace, prefix, key, known)
                self._write_value(writer, value_name, namespace, prefix, item, known)
                writer.end_element()
            except UnencodableValue as error:
                error.inside(f"[{key!r}]")
                raise
            except XmlException as error:
                raise UnencodableValue(error.message, f"[{key!r}]") from error

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        made: Any = self.cls.__new__(self.cls)  # type: ignore[call-overload]
        pair, key_name, value_name = self.names
        namespace = self.namespace
        cursor.enter()
        try:
            while (name := cursor.next(strict=True)) is not None:
                if name[1] != pair or name[2] != namespace:
                    raise DeserializationFailed(
                        f"the element '{name[1]}' from namespace '{name[2]}' is not expected; "
                        f"the pairs are '{pair}' from namespace '{namespace}'"
                    )
                key, value = self.key_contract.default, self.value_contract.default
                cursor.enter()
                while (name := cursor.next(strict=True)) is not None:
                    if name[2] != namespace:
                        continue
                    if name[1] == key_name:
                        key = self._read_key(cursor, known)
                    elif name[1] == value_name:
                        value = self._read_value(cursor, known)
                cursor.leave()
                if key is None:
                    raise DeserializationFailed("a key is null")
                try:
                    dict.__setitem__(made, key, value)
                except TypeError:
                    raise DeserializationFailed(
                        f"{type(key).__name__} cannot be a key in Python: it has no hash"
                    ) from None
        except DeserializationFailed as error:
            error.inside(f"[{len(made)}]")
            raise
        except XmlException as error:
            raise DeserializationFailed(error.message, f"[{len(made)}]") from error
        cursor.leave()
        return made
