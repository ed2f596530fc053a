"""The decorators leave notes and change nothing else."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

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


def test_a_second_method_of_a_name() -> None:
    """A method that would replace another operation is an error; one of a derived class is not."""

    def with_overload() -> type:
        class IOver:
            @operation
            def Do(self, a: int) -> None: ...
            @operation(name="DoText")
            def Do(self, a: str) -> None: ...  # type: ignore[no-redef]  # noqa: F811

        return IOver

    with pytest.raises(TypeError, match=r"IOver: a second Do would replace the first"):
        with_overload()

    class IBase:
        @operation
        def Do(self, a: int) -> None: ...

    class IDerived(IBase):
        @operation
        def Do(self, a: int) -> None: ...

    assert IDerived.Do is not IBase.Do


@pytest.mark.parametrize(
    "options", [{"out": "remainder"}, {"faults": int}, {"known_types": int}, {"faults": "Problem"}]
)
def test_lists_are_lists(options: dict[str, Any]) -> None:
    """One name or type in place of a list of them is an error that shows the list."""
    with pytest.raises(TypeError, match=f"{next(iter(options))} is a list or tuple, such as"):
        operation(**options)
