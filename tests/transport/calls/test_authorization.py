"""Who may call what."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from netshare.transport.calls.authorization import Authorization, authorize
from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.invoker import Refused
from netshare.transport.security.identity import Identity, IdentityKind
from netshare.transport.soap import Message


class Bank:
    """Each of these with another rule."""

    def Look(self) -> None: ...

    @authorize()
    def Ask(self) -> None: ...

    @authorize("Tellers", "Managers")
    def Pay(self) -> None: ...

    @authorize("Managers")
    @authorize(check=lambda context: context.via == "net.tcp://inside/bank")
    def Close(self) -> None: ...


@authorize("Staff")
class Vault(Bank):
    """All of it for the staff only."""


@authorize("Night shift")
class Safe(Vault):
    """And with a rule more."""


def called(identity: Identity | None, via: str = "net.tcp://inside/bank") -> OperationContext:
    """A call."""
    return OperationContext(Message("urn:action"), via, "peer", security=identity)


def person(*groups: str, name: str = "alice") -> Identity:
    """A client that is known."""
    return Identity(name, IdentityKind.WINDOWS, groups=frozenset(groups))


@pytest.mark.parametrize(
    ("service", "method", "identity", "allowed"),
    [
        (Bank, "Look", None, True),
        (Bank, "Ask", None, False),
        (Bank, "Ask", person(), True),
        (Bank, "Pay", None, False),
        (Bank, "Pay", person("Guests"), False),
        (Bank, "Pay", person("Managers"), True),
        (Bank, "Close", person("Managers"), True),
        (Bank, "Close", person("Tellers"), False),
        (Vault, "Look", person("Managers"), False),
        (Vault, "Look", person("Staff"), True),
        (Safe, "Look", person("Night shift"), False),
        (Safe, "Look", person("Night shift", "Staff"), True),
        (Vault, "Pay", person("Staff"), False),
        (Vault, "Pay", person("Staff", "Tellers"), True),
    ],
)
async def test_rules(service: type, method: str, identity: Identity | None, allowed: bool) -> None:
    """A method's rule and that of its class have to be fulfilled, both."""
    authorization = Authorization(service)
    assert authorization.needed
    if allowed:
        await authorization.ask(called(identity), method)
    else:
        with pytest.raises(Refused, match="Access is denied"):
            await authorization.ask(called(identity), method)


async def test_a_check_of_a_method() -> None:
    """It sees the call."""
    authorization = Authorization(Bank)
    with pytest.raises(Refused):
        await authorization.ask(called(person("Managers"), "net.tcp://outside/bank"), "Close")


async def test_roles_of_the_hosts() -> None:
    """A function tells more roles than the groups."""
    authorization = Authorization(
        Bank, roles_of=lambda who: ["Tellers"] if who.name == "bob" else []
    )
    await authorization.ask(called(person(name="bob")), "Pay")
    with pytest.raises(Refused):
        await authorization.ask(called(person()), "Pay")


async def later(result: bool) -> bool:
    """A coroutine."""
    return result


def fails(context: OperationContext) -> bool:
    """A check with a bug."""
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        (lambda context: True, True),
        (lambda context: None, False),
        (lambda context: later(True), True),
        (lambda context: later(False), False),
        (lambda context: succeed(True), True),
        (lambda context: succeed(0), False),
        (fails, False),
    ],
)
async def test_a_check_of_the_hosts(answer: Any, allowed: bool) -> None:
    """It is asked for each call, answers now or later, and one that fails has said no."""
    authorization = Authorization(Bank, answer)
    if allowed:
        await authorization.ask(called(None), "Look")
    else:
        with pytest.raises(Refused):
            await authorization.ask(called(None), "Look")


def test_nothing_to_ask() -> None:
    """Without a rule nothing is asked."""

    class Open:
        def Look(self) -> Deferred[None] | None: ...

    assert not Authorization(Open).needed
