"""
Comparing content types as WCF's message encoders do.
"""

from __future__ import annotations

_BLANKS = " \t\r\n"


def is_content_type(offered: str, own: str) -> bool:
    """
    Whether a client's content type is ours: the same text ignoring case, or ours with parameters
    behind it (``own; start-info=…``). (RS: MessageEncoder.IsContentTypeSupported)
    """
    if offered.casefold() == own.casefold():
        return True
    if not offered.casefold().startswith(own.casefold()):
        return False
    return offered[len(own) :].lstrip(_BLANKS).startswith(";")
