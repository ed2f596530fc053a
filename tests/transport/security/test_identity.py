"""Identities are values."""

from netshare.transport.security.identity import Identity, IdentityKind


def test_identities_are_compared_by_what_they_say() -> None:
    """Two identities of one user are equal; the same name of another kind is another."""
    one = Identity("alice", IdentityKind.WINDOWS, "NTLM")
    assert one == Identity("alice", IdentityKind.WINDOWS, "NTLM")
    assert one != Identity("alice", IdentityKind.USER_NAME)
    assert len({one, Identity("alice", IdentityKind.WINDOWS, "NTLM")}) == 1
