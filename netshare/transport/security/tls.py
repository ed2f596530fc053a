"""
``application/ssl-tls``: TLS on a connection, for both sides, by OpenSSL in memory.

::

    start ──► SHAKING ──── both Finished, the other side is believed ────► OPEN
                 │                                                        │  │
                 │                                           close_notify │  │ stop
                 ▼                                                        ▼  ▼
                OVER ◄──────────────── error, stop ────────────────── ENDED, OVER

Records are cut here and given to OpenSSL one by one. So what follows a session's last record on
the socket is never taken for TLS: after both End records TLS just stops, without close_notify, and
the next preamble is in clear.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from OpenSSL import SSL
from zope.interface import implementer

from netshare.transport.channels.upgrades import IUpgrade, IUpgradeHost
from netshare.transport.security.validation import CertificateRefused

__all__ = ["TlsUpgrade"]

#: Of a record: its type, version and length. ([RFC 8446] 5.1)
_HEADER: Final = 5
#: The largest record: 2^14 bytes of plain text, and what TLS 1.2 may add. ([RFC 5246] 6.2.3)
_LONGEST: Final = (1 << 14) + 2048
#: change_cipher_spec, alert, handshake, application_data
_TYPES: Final = (20, 21, 22, 23)
#: How many bytes a handshake may have. Chains of certificates have some thousands; OpenSSL's own
#: limit for one is 100 KiB.
_LONGEST_HANDSHAKE: Final = 256 * 1024
#: How many bytes are encrypted at a time.
_PIECE: Final = 1 << 16


class _State(Enum):
    SHAKING = "the handshake is under way"
    OPEN = "messages"
    ENDED = "the other side has sent close_notify; what follows is not TLS"
    OVER = "over"


@implementer(IUpgrade)
class TlsUpgrade:
    """
    One secure stream on one connection; see :class:`~.upgrades.IUpgrade`.

    :param context: of OpenSSL
    :param initiates: whether this is the client's side
    :param check: looks at the other side after the handshake; returns what users of the channel
        may know, or raises :class:`~.validation.CertificateRefused`
    """

    def __init__(
        self,
        context: SSL.Context,
        initiates: bool,
        check: Callable[[SSL.Connection], object],
    ) -> None:
        self._tls = SSL.Connection(context, None)
        #: Why OpenSSL does not believe the other side's certificate; set by its callback.
        self.refusal = ""
        self._tls.set_app_data(self)
        self._initiates = initiates
        self._check = check
        self._state = _State.SHAKING
        self._host: IUpgradeHost
        self._received = b""
        self._shaken = 0

    # ---- for the connection

    def start(self, host: IUpgradeHost) -> None:
        self._host = host
        if self._initiates:
            self._tls.set_connect_state()
            self._shake()
        else:
            self._tls.set_accept_state()

    def rawReceived(self, data: bytes) -> None:
        self._received += data
        while self._state is _State.SHAKING or self._state is _State.OPEN:
            record = self._next_record()
            if record is None:
                break
            self._tls.bio_write(record)
            if self._state is _State.SHAKING:
                self._shaken += len(record)
                if self._shaken > _LONGEST_HANDSHAKE:
                    self._failed(f"the handshake is longer than {_LONGEST_HANDSHAKE} bytes")
                    return
                self._shake()
            self._read()
        if self._state is _State.ENDED and len(self._received) > _LONGEST:
            self._failed("bytes came behind the end of the secure stream")

    def write(self, data: bytes) -> None:
        if self._state is not _State.OPEN and self._state is not _State.ENDED:
            return
        view = memoryview(data)
        for at in range(0, len(view), _PIECE):
            try:
                self._tls.sendall(view[at : at + _PIECE])
            except SSL.Error as error:
                self._failed(_reason(error))
                return
            self._flush()

    def stop(self) -> bytes:
        self._state = _State.OVER
        rest, self._received = self._received, b""
        return rest

    # ---- inside

    def _next_record(self) -> bytes | None:
        received = self._received
        if received and received[0] not in _TYPES:
            self._failed("what came is not TLS")
            return None
        if len(received) < _HEADER:
            return None
        if received[1] != 3:
            self._failed("what came is not TLS")
            return None
        length = int.from_bytes(received[3:5], "big")
        if length > _LONGEST:
            self._failed(f"a record of {length} bytes came, which TLS does not have")
            return None
        end = _HEADER + length
        if len(received) < end:
            return None
        self._received = received[end:]
        return received[:end]

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        except SSL.Error as error:
            self._failed(self.refusal or _reason(error))
            return
        self._flush()
        try:
            security = self._check(self._tls)
        except CertificateRefused as error:
            self._failed(str(error))
            return
        self._state = _State.OPEN
        self._host.upgraded(security)

    def _read(self) -> None:
        """Pass on what one record has in it."""
        while self._state is _State.OPEN:
            try:
                plain = self._tls.recv(_PIECE)
            except SSL.WantReadError:
                self._flush()  # an answer to a request for new keys
                return
            except SSL.ZeroReturnError:
                self._state = _State.ENDED
                return
            except SSL.Error as error:
                self._failed(_reason(error))
                return
            self._host.plainReceived(plain)

    def _flush(self) -> None:
        """Send what OpenSSL wants to be sent."""
        pieces = []
        while True:
            try:
                pieces.append(self._tls.bio_read(_PIECE))
            except SSL.WantReadError:
                break
        if pieces and self._state is not _State.OVER:
            self._host.writeRaw(b"".join(pieces))

    def _failed(self, reason: str) -> None:
        self._flush()  # the alert that says so to the other side
        self._state = _State.OVER
        self._host.upgradeFailed(reason)


def _reason(error: SSL.Error) -> str:
    """One clause of what OpenSSL says."""
    queue = error.args[0] if error.args else []
    words = [one[-1] for one in queue if isinstance(one, tuple)] if isinstance(queue, list) else []
    return "TLS: " + "; ".join(words or [str(error) or "the stream was cut off"])
