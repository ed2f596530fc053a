"""What service contracts amount to: names, actions and parts as WCF derives them."""

from __future__ import annotations

import types
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from netshare.transport.contracts.decorators import (
    SessionMode,
    body,
    fault,
    header,
    message_contract,
    operation,
    service_contract,
)
from netshare.transport.contracts.derivation import describe
from netshare.transport.contracts.description import ContractError
from netshare.transport.contracts.streams import Stream, StreamSource
from netshare.transport.datacontracts import Int64
from netshare.transport.soap import Message
from tests.peers.contracts import IBasic, IDuplex, ISession, IStreams, ITasks, IUntyped
from tests.peers.datatypes import Page, Person, Problem
from tests.peers.morecontracts import IOdd


@service_contract
class IPlain:
    @operation
    def Do(self, what: str) -> str: ...
    @operation
    def Later(self) -> Deferred[int]: ...
    @operation
    def SlowAsync(self) -> Deferred[None]: ...
    @operation
    def PlainAsync(self) -> None: ...
    @operation
    async def Async(self) -> int: ...
    @operation(faults=[Problem, Page[Person], int, fault(Problem, name="Trouble", action="urn:x")])
    def Risk(self) -> None: ...
    @operation(out=("x",))
    def Out(self) -> int: ...
    @operation(out=("x", "y"), names={"x": "X"})
    def Both(self, y: str) -> tuple[bool, int, str]: ...
    @operation
    def Send(self, data: StreamSource) -> None: ...


def test_names_of_a_contract_without_any() -> None:
    """The namespace is tempuri.org, the name the class's, and actions follow from them."""
    contract = describe(IPlain)
    assert (contract.name, contract.namespace) == ("IPlain", "http://tempuri.org/")
    do = contract.operations[0]
    assert do.reply is not None
    assert do.request.action == "http://tempuri.org/IPlain/Do"
    assert do.reply.action == "http://tempuri.org/IPlain/DoResponse"
    assert do.request.wrapper == ("Do", "http://tempuri.org/")
    assert do.reply.wrapper == ("DoResponse", "http://tempuri.org/")
    assert [(part.name, part.hint) for part in do.request.parts] == [("what", str)]
    assert [(part.name, part.hint) for part in do.reply.parts] == [("DoResult", str)]


@pytest.mark.parametrize(
    ("namespace", "action"),
    [
        ("urn:a", "urn:a/IC/Do"),
        ("urn:a/", "urn:a/IC/Do"),
        ("http://a/b", "http://a/b/IC/Do"),
        ("", "urn:IC/Do"),
    ],
)
def test_actions_have_one_slash(namespace: str, action: str) -> None:
    """Between namespace and contract stands one slash, and an empty namespace is urn:."""

    @service_contract(name="IC", namespace=namespace)
    class Contract:
        @operation
        def Do(self) -> None: ...

    assert describe(Contract).operations[0].request.action == action


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("Do", "Do"),
        ("Later", "Later"),
        ("SlowAsync", "Slow"),
        ("PlainAsync", "PlainAsync"),
        ("Async", "Async"),
    ],
)
def test_async_is_no_part_of_an_awaited_operation(method: str, name: str) -> None:
    """Async is taken from the end of what is awaited, and only from that."""
    assert operation_of(IPlain, method).name == name


def test_awaited_results_are_what_comes_out_of_them() -> None:
    """A Deferred of int is an int on the wire, a Deferred of None nothing."""
    later, slow = operation_of(IPlain, "Later").reply, operation_of(IPlain, "SlowAsync").reply
    assert [part.hint for part in later.parts] == [int]
    assert slow.parts == ()


def test_fault_actions() -> None:
    """A fault's action has the operation's name, the type's .NET name and Fault, or is given."""
    assert [declared.action for declared in operation_of(IPlain, "Risk").faults] == [
        "http://tempuri.org/IPlain/RiskProblemFault",
        "http://tempuri.org/IPlain/RiskPageOf_PersonFault",
        "http://tempuri.org/IPlain/RiskInt32Fault",
        "urn:x",
    ]


def test_out_and_ref_parameters() -> None:
    """Further results stand behind the result, under their names; ref ones also in the request."""
    out, both = operation_of(IPlain, "Out"), operation_of(IPlain, "Both")
    assert [(part.name, part.member) for part in out.reply.parts] == [("x", "x")]
    assert out.request.parts == ()
    assert [part.name for part in both.request.parts] == ["y"]
    assert [part.name for part in both.reply.parts] == ["BothResult", "X", "y"]
    swap = operation_of(IBasic, "Swap")
    assert [part.name for part in swap.request.parts] == ["a", "b"]
    assert [part.name for part in swap.reply.parts] == ["a", "b"]


def test_given_names() -> None:
    """Names, actions and parameters' names are as given."""
    custom = operation_of(IBasic, "Custom")
    assert (custom.name, custom.request.action) == ("Renamed", "urn:custom/in")
    assert custom.reply.action == "urn:custom/out"
    assert custom.request.wrapper == ("Renamed", "urn:peers:basic")
    assert custom.request.parts[0].name == "Question"
    assert custom.reply.parts[0].name == "Answer"


def test_names_that_xml_does_not_have() -> None:
    """Names are encoded in elements as WCF does it; in an action the operation's is decoded."""
    contract = describe(IOdd)
    do, size, encoded, fail, *_, message = contract.operations
    assert contract.name == "I_x0020_Odd"
    assert do.reply is not None
    assert do.request.action == "urn:more/I_x0020_Odd/Do It!"
    assert do.request.wrapper == ("Do_x0020_It_x0021_", "urn:more")
    assert [part.name for part in do.request.parts] == ["a-b_x0020_c", "_x0031_st"]
    assert do.reply.action == "urn:more/I_x0020_Odd/Do It!Response"
    assert do.reply.wrapper == ("Do_x0020_It_x0021_Response", "urn:more")
    assert do.reply.parts[0].name == "r_x0020_s"
    assert size.request.wrapper == ("größe", "urn:more")
    assert size.request.parts[0].name == "ø"
    assert encoded.request.action == "urn:more/I_x0020_Odd/A"
    assert encoded.request.wrapper == ("_x0041_", "urn:more")
    assert (fail.faults[0].name, fail.faults[0].action) == (
        "F_x0020_t",
        "urn:more/I_x0020_Odd/Fa ilF t",
    )
    assert message.request.wrapper == ("W_x0020_r", "urn:more")
    assert [head.name for head in message.request.headers] == [
        "h_x0020_d",
        "n_x0020_s",
        "Words",
        "List",
    ]
    assert message.request.parts[0].name == "b_x0020_m"


def test_callbacks_have_the_service_contracts_names() -> None:
    """A callback operation's action names the service contract, not the callback's class."""
    callback = describe(IDuplex).callback
    assert callback is not None
    assert [one.request.action for one in callback.operations] == [
        "urn:peers:duplex/IDuplex/Progress",
        "urn:peers:duplex/IDuplex/Ask",
    ]
    assert callback.operations[0].one_way


def test_inherited_operations_keep_their_contract() -> None:
    """An operation of a base contract has the base's name and namespace in its action."""

    @service_contract(namespace="urn:more")
    class IMore(IBasic):
        @operation
        def More(self) -> None: ...

    contract = describe(IMore)
    actions = {one.method: one.request.action for one in contract.operations}
    assert actions["Add"] == "urn:peers:basic/IBasic/Add"
    assert actions["More"] == "urn:more/IMore/More"


def test_sessions() -> None:
    """What the contract says of sessions is in its description."""
    contract = describe(ISession)
    assert contract.session_mode is SessionMode.REQUIRED
    flags = {one.method: (one.is_initiating, one.is_terminating) for one in contract.operations}
    assert flags == {
        "Increment": (True, False),
        "Total": (False, False),
        "SessionId": (True, False),
        "Finish": (False, True),
    }


def test_message_contracts() -> None:
    """Headers and body members have their names; body members without an order are sorted."""
    upload = operation_of(IStreams, "UploadFile")
    assert upload.request.wrapper == ("UploadRequest", "urn:peers:stream")
    assert [(one.name, one.must_understand) for one in upload.request.headers] == [
        ("FileName", False),
        ("Length", True),
    ]
    assert upload.request.stream.name == "Data"
    assert [part.name for part in upload.reply.parts] == ["Checksum", "Received"]


def test_order_of_body_members() -> None:
    """Members with an order come behind those without."""

    @message_contract(wrapped=False)
    class Ordered:
        z: int = body()
        a: int = body(order=1)
        b: Int64 = body(order=0, name="second")
        h: str = header(name="H")

    @service_contract(namespace="urn:o")
    class IOrdered:
        @operation
        def Do(self, what: Ordered) -> None: ...

    # The annotations are resolved where they were written.
    IOrdered.Do.__annotations__["what"] = Ordered
    request = describe(IOrdered).operations[0].request
    assert request.wrapper is None
    assert [part.name for part in request.parts] == ["z", "second", "a"]
    assert [(one.name, one.namespace) for one in request.headers] == [("H", "urn:o")]


def test_untyped_operations() -> None:
    """Messages are passed as they are; * takes what nobody else takes."""
    contract = describe(IUntyped)
    found = contract.operation_for("urn:peers:untyped/Process")
    other = contract.operation_for("urn:whatever")
    assert found is not None
    assert other is not None
    assert (found.method, other.method) == ("Process", "Anything")
    assert found.request.untyped
    assert describe(IBasic).operation_for("urn:whatever") is None


def test_streams() -> None:
    """Both spellings of a stream are streams."""
    assert operation_of(IPlain, "Send").request.stream is not None
    assert operation_of(IStreams, "Reverse").reply.stream is not None
    assert operation_of(ITasks, "SlowAsync").request.stream is None


def no_annotation(self: Any, a) -> None: ...  # type: ignore[no-untyped-def]
def no_result(self: Any, a: int): ...  # type: ignore[no-untyped-def]
def variable(self: Any, *a: int) -> None: ...
def two_streams(self: Any, a: Stream, b: int) -> None: ...
def two_messages(self: Any, a: Message, b: int) -> None: ...
def result(self: Any) -> int: ...  # type: ignore[empty-body]
def unknown(self: Any, a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (no_annotation, {}, "parameter a has no annotation"),
        (no_result, {}, "result has no annotation"),
        (variable, {}, "no parameter like \\*a"),
        (two_streams, {}, "a stream is alone in its body"),
        (two_messages, {}, "is the only parameter"),
        (result, {"one_way": True}, "one-way operation has no result"),
        (result, {"out": ("a", "b")}, "out= names 2 results"),
        (unknown, {}, "cannot be resolved"),
    ],
)
def test_what_cannot_be_an_operation(function: Any, options: Any, message: str) -> None:
    """A method that cannot be an operation is refused with a sentence that names it."""

    copy = types.FunctionType(function.__code__, function.__globals__, function.__name__)
    copy.__annotations__ = dict(function.__annotations__)
    contract = service_contract(type("IBad", (), {"Method": operation(**options)(copy)}))
    with pytest.raises(ContractError, match=rf"IBad\.Method: .*{message}"):
        describe(contract)


def test_what_cannot_be_a_contract() -> None:
    """No note, no operation, and two operations of one action are refused."""
    with pytest.raises(ContractError, match="needs @service_contract"):
        describe(int)
    with pytest.raises(ContractError, match="has no @operation"):
        describe(service_contract(type("IEmpty", (), {})))

    @service_contract
    class ITwice:
        @operation(action="urn:a")
        def A(self) -> None: ...
        @operation(action="urn:a")
        def B(self) -> None: ...

    with pytest.raises(ContractError, match="A and B have the same action"):
        describe(ITwice)


def operation_of(contract: type, method: str) -> Any:
    """An operation's description."""
    return next(one for one in describe(contract).operations if one.method == method)


def same_names(self: Any, a: int, b: int) -> None: ...
def same_out(self: Any, a: int) -> tuple[bool, int]: ...  # type: ignore[empty-body]
def bare_tuple(self: Any) -> tuple: ...  # type: ignore[empty-body, type-arg]
def endless_tuple(self: Any) -> tuple[int, ...]: ...  # type: ignore[empty-body]


@message_contract
class SameHeaders:
    A: int = header(name="X")
    B: int = header(name="X")


@message_contract
class SameMembers:
    A: int = body(name="X")
    B: int = body(name="X")


def same_headers(self: Any, a: SameHeaders) -> None: ...
def same_members(self: Any, a: SameMembers) -> None: ...


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (same_names, {"names": {"a": "x", "b": "x"}}, "two elements .* called 'x'"),
        (same_out, {"out": ("v",), "result_name": "v"}, "two elements .* called 'v'"),
        (same_names, {"names": {"c": "x"}}, "names= is for parameters, and none is 'c'"),
        (bare_tuple, {"out": ("v",)}, "types of all results"),
        (endless_tuple, {"out": ("v",)}, "types of all results"),
        (same_headers, {}, "two headers have the same name"),
        (same_members, {}, "two elements .* called 'X'"),
    ],
)
def test_names_that_would_be_lost(function: Any, options: Any, message: str) -> None:
    """Two of one name, and names for nothing, are errors."""
    contract = service_contract(type("IBad", (), {"Do": operation(**options)(function)}))
    with pytest.raises(ContractError, match=message):
        describe(contract)
