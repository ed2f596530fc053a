"""
The details of the faults that an operation declares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netshare.transport.contracts.description import FaultDescription
from netshare.transport.datacontracts import element_name, serializer_for

__all__ = ["DeclaredFault"]


class DeclaredFault:
    """
    A fault of an operation, ready to be written and read.

    :param description: what was declared
    :param known: types that may stand where the contract says less
    """

    def __init__(self, description: FaultDescription, known: Sequence[Any]) -> None:
        self.description = description
        hint = description.detail
        self.serializer = serializer_for(hint, known)
        name, namespace = element_name(hint)
        self.name = description.name or name
        self.namespace = namespace if description.namespace is None else description.namespace

    def takes(self, detail: Any) -> bool:
        """:returns: whether a detail is of this fault."""
        return self.serializer.contract.could_be(detail)

    def write(self, detail: Any, writer: Any) -> None:
        """Write a detail, as its element."""
        self.serializer.write(writer, self.name, self.namespace, detail)
