"""netshare.framing.contenttypes: comparing content types as WCF does."""

from __future__ import annotations

import pytest

from netshare.framing.contenttypes import is_content_type
from netshare.framing.records import (
    BINARY,
    BINARY_SESSION,
)


@pytest.mark.parametrize(
    ("offered", "own", "same"),
    [
        (BINARY, BINARY, True),
        ("Application/SOAP+msbin1", BINARY, True),
        (BINARY_SESSION, BINARY, False),
        ("application/soap+msbin1; x=y", BINARY, True),
        ("application/soap+msbin1 \r\n\t;x", BINARY, True),
        ("application/soap+msbin1+gzip", BINARY, False),
        ("application/soap", BINARY, False),
    ],
)
def test_content_types_are_compared_as_wcf_does(offered: str, own: str, same: bool) -> None:
    """Equal but for case, or ours with parameters behind it."""
    assert is_content_type(offered, own) is same
