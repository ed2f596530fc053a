"""Certificates, made once for the tests of this folder."""

from __future__ import annotations

import pytest

from tests.helpers.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the tests trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nothing trusts."""
    return Authority(tmp_path_factory.mktemp("strangers"), "strangers")
