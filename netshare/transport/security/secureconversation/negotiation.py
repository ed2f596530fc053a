"""
Windows credentials in messages: both sides negotiate by SPNEGO until the client is known, and come
to a security context. With it the client asks for another one, as with any other credential.

The steps of a negotiation read files or ask a KDC, so they are done where ``run`` does them.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from netshare.transport.security.identity import Identity
from netshare.transport.security.levels import ProtectionLevel
from netshare.transport.security.negotiate.context import (
    ContextMaker,
    ISecurityContext,
    NegotiateFailed,
    Protection,
    SecurityMissing,
    check,
    identity,
    is_bare_ntlm,
    step,
    uses_ntlm,
)
from netshare.transport.security.negotiate.upgrade import Runner
from netshare.transport.security.secureconversation.binaryexchange import (
    Exchange,
    NegotiatedContext,
    Transcript,
    collection,
    first_request,
    read_collection,
    read_exchange,
    response,
)
from netshare.transport.security.secureconversation.elements import body_of
from netshare.transport.security.secureconversation.errors import (
    SecurityInvalid,
    failed_authentication,
)
from netshare.transport.security.secureconversation.names import (
    NEGOTIATE_ACTION,
    NEGOTIATE_ANSWER_ACTION,
)
from netshare.transport.security.secureconversation.trust import KEY_BYTES
from netshare.transport.soap import BodyWriter, Message, MessageVersion
from netshare.transport.xml import Element

__all__ = ["Agreed", "Send", "ServiceNegotiations", "WindowsCredential", "negotiate"]

#: How long a negotiation may take, in seconds. (WCF: NegotiationTimeout)
TIMEOUT: Final = 60.0
#: How many are under way at most; then the oldest ones are forgotten.
MAX_UNDER_WAY: Final = 1000
#: How often both sides may answer each other. SPNEGO needs two turns.
MAX_TURNS: Final = 8

#: Wrapping the key of a context is what the handshake has to be good for.
_LEVEL: Final = ProtectionLevel.ENCRYPT_AND_SIGN

#: Sends a request of the client's, and gives the service's reply, which is no fault.
Send = Callable[[Message], Awaitable[Message]]
#: Makes the end of a negotiation: the body of the answer, for a context and its key.
Finish = Callable[[str, bytes, float, float], BodyWriter]


# ---- the service's side


@dataclass(frozen=True, slots=True)
class Agreed:
    """
    A negotiation is over.

    :param identity: the client
    :param finish: makes the last answer
    """

    identity: Identity
    finish: Finish


@dataclass(slots=True, eq=False)
class _Negotiation:
    """One that is not over."""

    since: float
    context: ISecurityContext
    bare: bool
    turns: int = 0
    transcript: Transcript = field(default_factory=Transcript)


class ServiceNegotiations:
    """
    The negotiations of a service's clients. They may go on in other sessions than they began in.

    :param now: seconds since the epoch
    :param make: makes the context of the service's side
    :param run: does what takes time
    :param allow_ntlm: whether clients may use NTLM
    """

    def __init__(
        self, now: Callable[[], float], make: ContextMaker, run: Runner, allow_ntlm: bool = True
    ) -> None:
        self._now = now
        self._make = make
        self._run = run
        self._allow_ntlm = allow_ntlm
        #: By the name that the client gave; the oldest first. One whose step is being done is not
        #: in it, so that nothing else can be done with it meanwhile.
        self._waiting: OrderedDict[str, _Negotiation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    async def receive(self, message: Message) -> BodyWriter | Agreed:
        """
        Go on with a negotiation.

        :returns: what to answer, or how it has ended
        :raises SecurityInvalid: it has failed
        """
        first = message.action == NEGOTIATE_ACTION
        element, said = read_exchange(body_of(message), first)
        if not said.token:
            raise SecurityInvalid("a turn of a negotiation without a token")
        self._forget_old()
        negotiation = await self._found(said, first)
        negotiation.turns += 1
        if negotiation.turns > MAX_TURNS:
            raise _failed("it does not come to an end")
        negotiation.transcript.add(element)
        token = await self._step(negotiation, said.token)
        if negotiation.context.complete:
            return self._agreed(negotiation, said.name, token)
        if not token:
            raise _failed("neither side has anything to say")
        answer = response(said.name, token)
        negotiation.transcript.add(answer)
        self._keep(said.name, negotiation)
        return answer

    async def _found(self, said: Exchange, first: bool) -> _Negotiation:
        found = self._waiting.pop(said.name, None)
        if not first:
            if found is None:
                raise _failed("it is not known: has it taken longer than a minute?")
            return found
        if found is not None:
            raise _failed("it began twice")
        try:
            context = await self._run(self._make)
        except SecurityMissing as error:
            raise _failed(str(error)) from None
        return _Negotiation(self._now(), context, is_bare_ntlm(said.token or b""))

    async def _step(self, negotiation: _Negotiation, token: bytes) -> bytes:
        context = negotiation.context
        try:
            made: bytes = await self._run(step, context, token, negotiation.turns == 1)
            if context.complete:
                check(context, _LEVEL, self._allow_ntlm, negotiation.bare)
        except NegotiateFailed as error:
            raise _failed(str(error)) from None
        return made

    def _agreed(self, negotiation: _Negotiation, name: str, token: bytes) -> Agreed:
        def finish(identifier: str, key: bytes, created: float, expires: float) -> BodyWriter:
            wrapped = Protection(negotiation.context, _LEVEL).protect(key)
            issued = NegotiatedContext(identifier, wrapped, created, expires)
            return collection(name, token, issued, key, negotiation.transcript)

        return Agreed(identity(negotiation.context), finish)

    def _keep(self, name: str, negotiation: _Negotiation) -> None:
        if name in self._waiting:
            raise _failed("it began twice")
        if len(self._waiting) >= MAX_UNDER_WAY:
            self._waiting.popitem(last=False)
        self._waiting[name] = negotiation

    def _forget_old(self) -> None:
        too_old = self._now() - TIMEOUT
        while self._waiting and next(iter(self._waiting.values())).since < too_old:
            self._waiting.popitem(last=False)


def _failed(reason: str) -> SecurityInvalid:
    return SecurityInvalid(
        f"the negotiation of Windows credentials has failed: {reason}", failed_authentication()
    )


# ---- the client's side


@dataclass(frozen=True, slots=True)
class WindowsCredential:
    """
    A client's Windows credentials.

    :param make: makes the context of the client's side
    :param run: does what takes time
    :param allow_ntlm: whether NTLM may be used where Kerberos cannot
    :param advice: what to do when there are none
    """

    make: ContextMaker
    run: Runner
    allow_ntlm: bool
    advice: str


async def negotiate(
    credential: WindowsCredential, to: str, version: MessageVersion, send: Send
) -> tuple[NegotiatedContext, bytes]:
    """
    Negotiate with a service.

    :param to: the address of the endpoint
    :returns: the security context, and its key
    :raises SecurityInvalid: it has failed; the reason is for the user
    """
    name = f"uuid-{uuid.uuid4()}-1"
    transcript = Transcript()
    context = await _begin(credential)
    token = await _client_step(credential, context, b"", True)
    body, action = first_request(name, token), NEGOTIATE_ACTION
    for _ in range(MAX_TURNS):
        transcript.add(body)
        reply = await send(Message(action, body, to=to, version=version))
        if reply.action != NEGOTIATE_ANSWER_ACTION:
            raise SecurityInvalid(f"the service's answer has the action {reply.action}")
        answer = body_of(reply)
        if answer is not None and answer.local == "RequestSecurityTokenResponseCollection":
            return await _end(credential, context, name, answer, transcript)
        element, said = read_exchange(answer, first=False)
        _check_name(said, name)
        if not said.token:
            raise SecurityInvalid("the service is not done, and has no token for the client")
        transcript.add(element)
        token = await _client_step(credential, context, said.token, False)
        if not token:
            raise SecurityInvalid("the client is done, and the service is not")
        body, action = response(name, token), NEGOTIATE_ANSWER_ACTION
    raise SecurityInvalid("the negotiation does not come to an end")


async def _begin(credential: WindowsCredential) -> ISecurityContext:
    try:
        context: ISecurityContext = await credential.run(credential.make)
    except SecurityMissing as error:
        raise SecurityInvalid(str(error)) from None
    return context


async def _client_step(
    credential: WindowsCredential, context: ISecurityContext, token: bytes, first: bool
) -> bytes:
    try:
        made: bytes = await credential.run(step, context, token, False)
    except NegotiateFailed as error:
        raise SecurityInvalid(f"{credential.advice} ({error})" if first else str(error)) from None
    if not credential.allow_ntlm and uses_ntlm(context):
        # Before anything is sent that the password could be guessed from.
        raise SecurityInvalid(f"NTLM is not allowed, and {credential.advice}")
    return made


async def _end(
    credential: WindowsCredential,
    context: ISecurityContext,
    name: str,
    answer: Element,
    transcript: Transcript,
) -> tuple[NegotiatedContext, bytes]:
    said, issued, authenticator = read_collection(answer, transcript)
    _check_name(said, name)
    if said.token and await _client_step(credential, context, said.token, False):
        raise SecurityInvalid("the service is done, and the client is not")
    if not context.complete:
        raise SecurityInvalid("the service says that it is done, and the handshake is not")
    try:
        check(context, _LEVEL, credential.allow_ntlm, bare=False)
        key = Protection(context, _LEVEL).unprotect(issued.wrapped_key)
    except NegotiateFailed as error:
        raise SecurityInvalid(str(error)) from None
    if len(key) != KEY_BYTES:
        raise SecurityInvalid(f"a key of {len(key)} bytes")
    transcript.check(key, authenticator)
    return issued, key


def _check_name(said: Exchange, name: str) -> None:
    if said.name != name:
        raise SecurityInvalid("the service's answer is about another negotiation")
