"""What goes wrong between Python's values and XML."""

from __future__ import annotations

__all__ = ["DeserializationFailed", "InvalidDataContract", "UnencodableValue"]


class InvalidDataContract(TypeError):
    """A type cannot be a data contract; the program has to be changed."""


class _AtMember(Exception):
    """
    A complaint about one member, however deep inside.

    :param message: what is wrong
    :param path: names of members, dictionary keys and indices from the outermost inwards
    """

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.message = message
        self.parts = list(path)

    def inside(self, part: str) -> None:
        """Note that all this happened inside of *part*."""
        self.parts.insert(0, part)

    @property
    def path(self) -> str:
        """The member, e.g. ``value.Children[2].Name``."""
        path = ""
        for part in self.parts:
            path += part if part.startswith("[") or not path else "." + part
        return path

    def __str__(self) -> str:
        path = self.path
        return f"{path}: {self.message}" if path else self.message


class UnencodableValue(_AtMember):
    """A value is not of the type that the contract says, or out of its range."""


class DeserializationFailed(_AtMember):
    """The XML is not what the contract says."""
