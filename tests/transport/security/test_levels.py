"""WCF's words for protection."""

from netshare.transport.security.levels import ProtectionLevel


def test_words_are_wcfs() -> None:
    """The values are those that .NET prints."""
    assert [level.value for level in ProtectionLevel] == ["None", "Sign", "EncryptAndSign"]
