"""What a client expects of a service."""

from __future__ import annotations

import pytest

from netshare.transport.security.endpointidentity import CertificateIdentity, SpnIdentity

DIGITS = "0123456789abcdef0123456789ABCDEF01234567"


@pytest.mark.parametrize(
    "written",
    [
        DIGITS,
        ":".join(DIGITS[at : at + 2] for at in range(0, 40, 2)),
        "\u200e" + " ".join(DIGITS[at : at + 2] for at in range(0, 40, 2)),
    ],
)
def test_thumbprints(written: str) -> None:
    """A thumbprint may be written as tools show it, and as it is copied from Windows."""
    assert CertificateIdentity(written) == CertificateIdentity(DIGITS.upper())


@pytest.mark.parametrize("written", ["", "12", DIGITS + "0", DIGITS[:-1] + "g"])
def test_no_thumbprint(written: str) -> None:
    """Anything else is an error at once."""
    with pytest.raises(ValueError, match="is no thumbprint"):
        CertificateIdentity(written)


@pytest.mark.parametrize("written", ["", "host", "host/", "/calc"])
def test_no_principal(written: str) -> None:
    """A principal has a service and a host."""
    with pytest.raises(ValueError, match="is no service principal name"):
        SpnIdentity(written)
