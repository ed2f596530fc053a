"""Quotas of readers."""

from __future__ import annotations

import dataclasses

import pytest

from netshare.transport.xml import (
    BINDING_QUOTAS,
    BUFFERED_QUOTAS,
    ReaderQuotas,
)


def test_quotas_must_be_positive() -> None:
    """A quota of zero is a mistake."""
    with pytest.raises(ValueError, match="max_depth"):
        ReaderQuotas(max_depth=0)


def test_every_quota_has_dotnets_default() -> None:
    """The defaults are those WCF shows and those it really uses."""
    assert dataclasses.astuple(BINDING_QUOTAS)[:5] == (32, 8192, 16384, 4096, 16384)
    assert dataclasses.astuple(BUFFERED_QUOTAS)[:5] == (128, *[2**31 - 1] * 4)
