"""
Who may call what: asked before a method is, and before there is an instance for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from netshare.logger import Logger
from netshare.transport.calls.context import OperationContext
from netshare.transport.calls.invoker import Refused
from netshare.transport.security.identity import Identity
from netshare.transport.soap import access_denied

__all__ = ["AccessCheck", "Authorization", "RolesOf", "authorize"]

#: Whether a call may be: True or False, or an awaitable of that.
AccessCheck = Callable[[OperationContext], Any]

#: The roles that an identity has, besides its groups.
RolesOf = Callable[[Identity], Iterable[str]]

_NOTE = "__netshare_authorize__"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Rule:
    """
    What one ``@authorize`` says.
    """

    roles: frozenset[str]
    check: AccessCheck | None


def authorize(*roles: str, check: AccessCheck | None = None) -> Callable[[T], T]:
    """
    Let only some call an operation, as a decorator of the service's method, or of the class for
    all of its operations (``PrincipalPermission``). What stands on both, and on classes that it
    inherits from, has to be fulfilled. A method that overrides another has its own rules only.

    :param roles: of which the client has to have one; without any it only has to be authenticated
    :param check: decides as well, with the call's context; may return an awaitable
    """
    rule = _Rule(frozenset(roles), check)

    def decorate(target: T) -> T:
        setattr(target, _NOTE, (*_noted(target), rule))
        return target

    return decorate


def _noted(target: object) -> tuple[_Rule, ...]:
    """What was said of this very class or method, not of one that it inherits from."""
    noted: tuple[_Rule, ...] = getattr(target, "__dict__", {}).get(_NOTE, ())
    return noted


class Authorization:
    """
    The rules of one service.

    :param service: its class
    :param check: of the host, asked for every call; None: there is none
    :param roles_of: tells roles; None: those are the groups of an identity
    """

    log = Logger()

    def __init__(
        self, service: type, check: AccessCheck | None = None, roles_of: RolesOf | None = None
    ) -> None:
        self._service = service
        self._check = check
        self._roles_of = roles_of
        self._rules: dict[str, tuple[_Rule, ...]] = {}

    @property
    def needed(self) -> bool:
        """Whether there is anything to ask."""
        methods = [getattr(self._service, name, None) for name in dir(self._service)]
        return self._check is not None or any(map(_noted, [*self._service.__mro__, *methods]))

    async def ask(self, context: OperationContext, method: str) -> None:
        """
        Ask whether a call may be.

        :param method: of the service
        :raises Refused: it may not; what a check raises counts as no, and is logged
        """
        try:
            allowed = await self._allowed(context, method)
        except Exception:
            self.log.failure("authorizing {action} failed", action=context.action)
            allowed = False
        if not allowed:
            identity = context.identity
            self.log.info(
                "{client} from {peer} may not call {action}",
                client="an anonymous client" if identity is None else identity.name,
                peer=context.peer,
                action=context.action,
            )
            raise Refused(access_denied())

    async def _allowed(self, context: OperationContext, method: str) -> bool:
        if self._check is not None and not await _settled(self._check(context)):
            return False
        for rule in self._rules_for(method):
            identity = context.identity
            if identity is None:
                return False
            if rule.roles and not rule.roles & self._roles(identity):
                return False
            if rule.check is not None and not await _settled(rule.check(context)):
                return False
        return True

    def _rules_for(self, method: str) -> tuple[_Rule, ...]:
        rules = self._rules.get(method)
        if rules is None:
            targets = (*self._service.__mro__, getattr(self._service, method))
            rules = tuple(rule for one in targets for rule in _noted(one))
            self._rules[method] = rules
        return rules

    def _roles(self, identity: Identity) -> set[str]:
        return {*identity.groups, *(() if self._roles_of is None else self._roles_of(identity))}


async def _settled(result: Any) -> Any:
    return await result if isinstance(result, Deferred) or inspect.isawaitable(result) else result
