"""
``application/negotiate``: Windows authentication on a connection, for both sides.

::

    client                              server
    16 token                     ->            STARTING   the client's first token is awaited
                                 <-  16 token  SHAKING    each side steps in turn
    16 or 14 token               ->
                                 <-  14 token  OPEN       data frames, or bare bytes at level None
    length token                 <->

A side is done when its own context is complete; a client has to have seen ``14`` as well. Steps
may take long (a KDC is asked), so they are done elsewhere, one at a time; what arrives meanwhile
waits.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.transport.channels.upgrades import (
    IUpgrade,
    IUpgradeAcceptor,
    IUpgradeHost,
    IUpgradeInitiator,
)
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.negotiate.context import (
    ContextMaker,
    InitiatorOptions,
    ISecurityContext,
    NegotiateFailed,
    Protection,
    Refusal,
    SecurityMissing,
    acceptor,
    advice,
    check,
    identity,
    initiator,
    is_bare_ntlm,
    step,
    uses_ntlm,
)
from netshare.transport.security.negotiate.frames import (
    MAX_PLAIN,
    DataReader,
    FrameInvalid,
    FrameKind,
    HandshakeFrame,
    HandshakeReader,
    data_frame,
    error_code,
    error_frame,
)

#: What is asked for in the preamble. ([MC-NMF] 2.2.3.5)
NAME: Final = "application/negotiate"

#: How much may arrive while a step is done elsewhere.
MAX_WAITING: Final = 128 * 1024

#: Does something that takes time, such as ``functools.partial(deferToThreadPool, reactor, pool)``.
Runner = Callable[..., "Deferred[Any]"]


class _State(Enum):
    STARTING = auto()
    SHAKING = auto()
    OPEN = auto()
    OVER = auto()


@implementer(IUpgrade)
class NegotiateUpgrade:
    """
    One secure stream on one connection; see :class:`~.interfaces.IUpgrade`.

    :param make: makes the context of this side
    :param run: where steps are done
    :param advice: what to do when this side, the client's, has no credentials; None: it is the
        service's
    """

    log = Logger()

    def __init__(
        self,
        make: ContextMaker,
        run: Runner,
        level: ProtectionLevel,
        allow_ntlm: bool,
        advice: str | None = None,
    ) -> None:
        self._make = make
        self._run = run
        self._level = level
        self._allow_ntlm = allow_ntlm
        self._initiates = advice is not None
        self._advice = advice
        self._state = _State.STARTING
        self._host: IUpgradeHost
        self._context: ISecurityContext | None = None
        self._protection: Protection | None = None
        self._frames = HandshakeReader()
        self._data = DataReader()
        self._stepping = False
        self._waiting = 0
        self._bare = False
        self._peer_done = False

    # ---- for the connection

    def start(self, host: IUpgradeHost) -> None:
        self._host = host
        if self._initiates:
            self._state = _State.SHAKING
            self._step(b"")

    def rawReceived(self, data: bytes) -> None:
        if self._state is _State.OPEN:
            self._open_received(data)
        elif self._state is not _State.OVER:
            self._frames.feed(data)
            if not self._stepping:
                self._shake()
                return
            self._waiting += len(data)
            if self._waiting > MAX_WAITING:
                self._failed("more bytes than a handshake has", Refusal.INVALID_TOKEN)

    def write(self, data: bytes) -> None:
        if self._protection is None:
            self._host.writeRaw(data)
            return
        for at in range(0, len(data), MAX_PLAIN):
            token = self._protection.protect(data[at : at + MAX_PLAIN])
            self._host.writeRaw(data_frame(token))

    def stop(self) -> bytes:
        was, self._state = self._state, _State.OVER
        return self._data.take_rest() if was is _State.OPEN else self._frames.take_rest()

    # ---- the handshake

    def _shake(self) -> None:
        try:
            frame = self._frames.next_frame()
        except FrameInvalid as error:
            self._failed(str(error), Refusal.INVALID_TOKEN)
            return
        if frame is None:
            return
        if frame.kind is FrameKind.ERROR:
            self._refused(error_code(frame.token))
            return
        self._peer_done = self._peer_done or frame.kind is FrameKind.DONE
        if not frame.token and not self._initiates:
            self._failed("a client's frame without a token", Refusal.INVALID_TOKEN)
            return
        if self._state is _State.STARTING:
            self._state = _State.SHAKING
            self._bare = is_bare_ntlm(frame.token)
        if self._initiates and self._context is not None and self._context.complete:
            if not self._peer_done:
                self._failed("a token came though the handshake was over", Refusal.INVALID_TOKEN)
            elif not frame.token:
                self._finish()
            else:
                # The last token of SPNEGO proves that its mechanisms were not changed.
                self._step(frame.token)
        else:
            self._step(frame.token)

    def _step(self, token: bytes) -> None:
        self._stepping, self._waiting = True, 0
        done = self._run(self._take_step, token)
        done.addCallbacks(self._stepped, self._step_failed)
        done.addErrback(lambda failure: self.log.failure("negotiating failed", failure))

    def _take_step(self, token: bytes) -> bytes:
        first = self._context is None
        if self._context is None:
            self._context = self._make()
        return step(self._context, token, first)

    def _stepped(self, token: bytes) -> None:
        self._stepping = False
        if self._state is not _State.SHAKING:
            return  # stopped meanwhile
        assert self._context is not None
        if self._initiates and not self._allow_ntlm and uses_ntlm(self._context):
            # Before anything is sent that the password could be guessed from.
            reason = f"NTLM is not allowed, and {self._advice or 'Kerberos not possible'}"
            self._failed(reason, Refusal.TRUST_FAILURE)
            return
        self._advice = None
        complete = self._context.complete
        if complete:
            try:
                check(self._context, self._level, self._allow_ntlm, self._bare)
            except NegotiateFailed as error:
                self._failed(str(error), error.code)
                return
        # A service says 14 always, a client has nothing to say where there is no token.
        if token or (complete and not self._initiates):
            kind = FrameKind.DONE if complete else FrameKind.IN_PROGRESS
            try:
                self._host.writeRaw(HandshakeFrame(kind, token).encode())
            except FrameInvalid as error:
                self._failed(str(error), Refusal.INVALID_TOKEN)
                return
        if complete and (self._peer_done or not self._initiates):
            self._finish()
        elif self._peer_done and not complete and self._initiates:
            self._failed("the service is done, and this side is not", Refusal.INVALID_TOKEN)
        else:
            self._shake()

    def _step_failed(self, failure: Failure) -> None:
        self._stepping = False
        if self._state is not _State.SHAKING:
            return
        error = failure.value
        if isinstance(error, NegotiateFailed):
            reason = str(error) if self._advice is None else f"{self._advice} ({error})"
            self._failed(reason, error.code)
        elif isinstance(error, SecurityMissing):
            self._failed(str(error), Refusal.LOGON_DENIED)
        else:
            self.log.failure("a step of the handshake failed", failure)
            self._failed("this side failed; see its log", Refusal.LOGON_DENIED)

    def _finish(self) -> None:
        assert self._context is not None
        if self._level is not ProtectionLevel.NONE:
            self._protection = Protection(self._context, self._level)
        self._state = _State.OPEN
        early = self._frames.take_rest()
        self._host.upgraded(None if self._initiates else identity(self._context))
        if early and self._state is _State.OPEN:
            self._open_received(early)

    def _refused(self, code: int | None) -> None:
        known = {int(one): one.name.lower().replace("_", " ") for one in Refusal}
        told = "no code" if code is None else f"0x{code:08x}"
        if code in known:
            told += f", {known[code]}"
        self._state = _State.OVER
        self._host.upgradeFailed(f"the other side refused the credentials ({told})")

    def _failed(self, reason: str, code: Refusal) -> None:
        shaking, self._state = self._state is not _State.OPEN, _State.OVER
        if shaking:
            self._host.writeRaw(error_frame(code))
        self._host.upgradeFailed(reason)

    # ---- the stream

    def _open_received(self, data: bytes) -> None:
        if self._protection is None:
            self._host.plainReceived(data)
            return
        self._data.feed(data)
        while self._state is _State.OPEN:
            try:
                token = self._data.next_token()
                if token is None:
                    return
                plain = self._protection.unprotect(token)
            except (FrameInvalid, NegotiateFailed) as error:
                self._state = _State.OVER
                self._host.upgradeFailed(str(error))
                return
            if plain:
                self._host.plainReceived(plain)


@implementer(IUpgradeAcceptor)
class NegotiateAcceptor:
    """
    Offers ``application/negotiate`` to the clients of a service.

    :param run: where the steps of handshakes are done, since they may read files
    :param level: what clients have to agree to
    :param allow_ntlm: whether clients may use NTLM
    :param spn: the principal to accept; None: any that the keytab has
    """

    def __init__(
        self,
        run: Runner,
        level: ProtectionLevel = ProtectionLevel.ENCRYPT_AND_SIGN,
        allow_ntlm: bool = True,
        spn: str | None = None,
    ) -> None:
        self._run = run
        self._level = level
        self._allow_ntlm = allow_ntlm
        self._spn = spn

    def upgradeFor(self, name: str) -> NegotiateUpgrade | None:
        if name != NAME:
            return None
        return NegotiateUpgrade(
            lambda: acceptor(self._level, self._spn),
            self._run,
            self._level,
            self._allow_ntlm,
        )


@implementer(IUpgradeInitiator)
class NegotiateInitiator:
    """
    Asks for ``application/negotiate``.

    :param run: where the steps of handshakes are done, since they may ask a KDC
    """

    name = NAME

    def __init__(self, run: Runner, options: InitiatorOptions) -> None:
        self._run = run
        self._options = options

    def upgrade(self) -> NegotiateUpgrade:
        options = self._options
        return NegotiateUpgrade(
            lambda: initiator(options),
            self._run,
            options.level,
            options.allow_ntlm,
            advice(options),
        )
