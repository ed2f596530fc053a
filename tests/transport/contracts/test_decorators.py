"""The decorators leave notes and change nothing else."""

from __future__ import annotations

import inspect

from netshare.transport.contracts import body, header, message_contract, operation, service_contract


def test_what_is_decorated_stays() -> None:
    """A decorated class and method are what they were, with and without arguments."""

    class IPlain:
        def Do(self, a: int) -> int:
            return a

    do = IPlain.Do
    assert service_contract(IPlain) is IPlain
    assert service_contract(name="Other")(IPlain) is IPlain
    assert operation(do) is do
    assert operation(name="Other")(do) is do
    assert IPlain().Do(1) == 1
    assert list(inspect.signature(IPlain.Do).parameters) == ["self", "a"]


def test_message_contracts_are_dataclasses() -> None:
    """A message contract has a constructor with the members as they are written."""

    @message_contract
    class Request:
        Token: str = header(default="")
        Text: str = body(default="x")

    assert Request("t") == Request(Token="t", Text="x")
