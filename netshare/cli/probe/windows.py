"""
Which mechanisms a service offers behind ``application/negotiate``: it is asked for each of them,
and its first answer tells. No credentials are needed for that, and none are shown.

The tokens are those of SPNEGO ([RFC 4178] 4.2): a NegTokenInit with one mechanism.
"""

from __future__ import annotations

from typing import Any, Final

from netshare.transport.security.negotiate.frames import (
    FrameInvalid,
    FrameKind,
    HandshakeFrame,
    HandshakeReader,
    error_code,
)

__all__ = ["KERBEROS", "NTLM", "NegotiateHandshake"]

NTLM, KERBEROS = "NTLM", "Kerberos"

_SPNEGO: Final = bytes.fromhex("06062b0601050502")
#: Object identifiers as DER has them. Kerberos has two: the standard's, and Windows 2000's.
_MECHANISMS: Final = {
    NTLM: (bytes.fromhex("060a2b06010401823702020a"),),
    KERBEROS: (bytes.fromhex("06092a864886f712010202"), bytes.fromhex("06092a864882f712010202")),
}
#: negState: reject.
_REJECTED: Final = bytes.fromhex("a0030a0102")
_NTLM_CHALLENGE: Final = b"NTLMSSP\x00\x02\x00\x00\x00"
#: NEGOTIATE_MESSAGE ([MS-NLMP] 2.2.1.1): what Windows asks for, and no names.
_NTLM_NEGOTIATE: Final = (
    b"NTLMSSP\x00\x01\x00\x00\x00"
    + (0xE2088297).to_bytes(4, "little")
    + bytes(16)
    + bytes.fromhex("0a00614a0000000f")
)


def _der(tag: int, *content: bytes) -> bytes:
    data = b"".join(content)
    assert len(data) < 128  # so that one byte says the length
    return bytes((tag, len(data))) + data


def _opening(mechanism: str) -> bytes:
    """A NegTokenInit that offers one mechanism; of Kerberos, for which one needs a ticket, no more
    than its name."""
    parts = [_der(0xA0, _der(0x30, *_MECHANISMS[mechanism]))]
    if mechanism == NTLM:
        parts.append(_der(0xA2, _der(0x04, _NTLM_NEGOTIATE)))
    return _der(0x60, _SPNEGO, _der(0xA0, _der(0x30, *parts)))


class NegotiateHandshake:
    """
    A client's first step of ``application/negotiate``.

    :param mechanism: the only one that is offered: :data:`NTLM` or :data:`KERBEROS`
    """

    def __init__(self, mechanism: str) -> None:
        self.mechanism = mechanism
        self.offered = False
        self.trouble = ""
        self._over = False
        self._frames = HandshakeReader()

    @property
    def done(self) -> bool:
        """See :class:`.handshake.Handshake`."""
        return self._over

    def start(self) -> bytes:
        """See :class:`.handshake.Handshake`."""
        return HandshakeFrame(FrameKind.IN_PROGRESS, _opening(self.mechanism)).encode()

    def feed(self, data: bytes) -> bytes:
        """See :class:`.handshake.Handshake`."""
        if self._over:
            return b""
        self._frames.feed(data)
        try:
            frame = self._frames.next_frame()
        except FrameInvalid as error:
            self.ended(str(error))
            return b""
        if frame is None:
            return b""
        self._over = True
        if frame.kind is FrameKind.ERROR:
            code = error_code(frame.token)
            self.trouble = "refused" if code is None else f"refused, 0x{code:08x}"
        elif _accepts(self.mechanism, frame.token):
            self.offered = True
        else:
            self.trouble = "refused"
        return b""

    def ended(self, why: str) -> None:
        """See :class:`.handshake.Handshake`."""
        if not self._over:
            self.trouble, self._over = why, True

    def lines(self) -> list[str]:
        """See :class:`.handshake.Handshake`."""
        return [f"{self.mechanism}: {'offered' if self.offered else self.trouble}"]

    def as_json(self) -> dict[str, Any]:
        """See :class:`.handshake.Handshake`."""
        return {
            "mechanism": self.mechanism,
            "offered": self.offered,
            "trouble": self.trouble or None,
        }


def _accepts(mechanism: str, token: bytes) -> bool:
    """Whether an answer goes on with the mechanism: a challenge, or its name without a reject."""
    if mechanism == NTLM and _NTLM_CHALLENGE in token:
        return True
    named = any(one in token for one in _MECHANISMS[mechanism])
    return named and _REJECTED not in token[:32]
