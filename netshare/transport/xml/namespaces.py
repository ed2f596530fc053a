"""Namespaces that any XML may use, whatever it is about."""

from __future__ import annotations

from typing import Final

__all__ = ["XMLNS_NAMESPACE", "XML_NAMESPACE", "XSI"]

#: What the prefix ``xml`` always means.
XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"
#: What the prefix ``xmlns`` always means.
XMLNS_NAMESPACE: Final = "http://www.w3.org/2000/xmlns/"
#: The namespace of ``nil`` and ``type``.
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
