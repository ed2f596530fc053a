"""Records as peers write them."""

from __future__ import annotations

from netshare.framing.records import RecordType
from netshare.framing.sizes import encode_size


def sized_envelope(payload: bytes) -> bytes:
    """
    A message of a Duplex session. [MC-NMF] 2.2.4.3
    """
    return bytes((RecordType.SIZED_ENVELOPE,)) + encode_size(len(payload)) + payload
