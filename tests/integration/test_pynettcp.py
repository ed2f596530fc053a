"""The package pynettcp, a client of others' making, calls services in Python."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from pynettcp import BinaryXmlWriter, Channel, FramingError, FramingFault, NnsError
from pynettcp.contract import ComplexType, ElementSpec, Field, TypeRegistry, read_element
from pynettcp.contract import write_element as write
from pynettcp.faults import SoapFault, parse_fault
from pynettcp.nns import HandshakeFailed
from pynettcp.soap import Envelope
from twisted.internet.threads import deferToThread

from netshare.transport import ServiceCredentials, WindowsServiceCredential
from netshare.transport.contracts.binding import ProtectionLevel, SecurityMode, TransferMode
from tests.helpers.windows import PASSWORD, USER, KerberosRealm
from tests.integration.hosting import Hosting
from tests.integration.running import RunningService
from tests.peers.services import pattern

TEXT = 'Grüße, "\U0001f600"\n<&>'
#: Parameters in the order in which DataContractSerializer has them.
ADDRESS = ComplexType(
    "Address",
    "urn:peers:places",
    (
        Field("City", "xs:string", nillable=True),
        Field("Street", "xs:string", nillable=True),
        Field("Zip", "xs:string", nillable=True),
    ),
)
PERSON = ComplexType(
    "Person",
    "urn:peers:types",
    (
        Field("Name", "xs:string", 1, nillable=True),
        Field("Age", "xs:int"),
        Field("Born", "xs:dateTime"),
        Field("Nickname", "xs:string"),
        Field("Home", "Address", nillable=True),
        Field("Children", "ArrayOfPerson", nillable=True),
    ),
)
PEOPLE = ComplexType("ArrayOfPerson", "urn:peers:types", (Field("Person", "Person", 0, -1),))
PROBLEM = ComplexType(
    "Problem", "urn:peers:types", (Field("Code", "xs:int"), Field("Reason", "xs:string"))
)
TYPES = TypeRegistry({one.name: one for one in (ADDRESS, PERSON, PEOPLE, PROBLEM)})


@pytest_twisted.async_yield_fixture(params=["own-port", "shared-port"])  # type: ignore[untyped-decorator]
async def hosting(
    request: pytest.FixtureRequest, service: RunningService
) -> AsyncIterator[Hosting]:
    """Serves contracts, once on a port of their own and once behind a shared port."""
    from twisted.internet import reactor

    hosting = Hosting(reactor, service, request.param == "shared-port")
    yield hosting
    await hosting.stop()


#: By operation: contract, parameters, result.
OPERATIONS: dict[str, tuple[str, tuple[Field, ...], str]] = {
    "Echo": ("basic", (Field("text", "xs:string", nillable=True),), "xs:string"),
    "Add": ("basic", (Field("a", "xs:int"), Field("b", "xs:int")), "xs:int"),
    "Bytes": ("basic", (Field("count", "xs:int"),), "xs:base64Binary"),
    "Count": ("basic", (Field("data", "xs:base64Binary"),), "xs:int"),
    "Fail": ("basic", (Field("reason", "xs:string"), Field("code", "xs:int")), ""),
    "FailUntyped": ("basic", (Field("reason", "xs:string"),), ""),
    "FailInternal": ("basic", (Field("reason", "xs:string"),), ""),
    "Identity": ("basic", (), "xs:string"),
    "EchoPerson": ("data", (Field("value", "Person", nillable=True),), "Person"),
}


class Client:
    """Operations of IBasic and IData, as pynettcp's generated clients have them."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def ask(self, name: str, **arguments: Any) -> Envelope:
        """Call an operation; its reply or fault."""
        contract, parameters, _ = OPERATIONS[name]
        namespace = f"urn:peers:{contract}"
        spec = ElementSpec(name, namespace, parameters)
        return self.channel.call(
            action=f"{namespace}/I{contract.capitalize()}/{name}",
            body=lambda writer: write(cast(BinaryXmlWriter, writer), spec, arguments, TYPES),
        )

    def call(self, name: str, **arguments: Any) -> Any:
        """Call an operation; its result."""
        reply = self.ask(name, **arguments)
        assert not reply.is_fault, parse_fault(reply.body_events)
        contract, _, result = OPERATIONS[name]
        assert reply.action == f"urn:peers:{contract}/I{contract.capitalize()}/{name}Response"
        element = f"{name}Response"
        spec = ElementSpec(element, "", (Field(f"{name}Result", result, nillable=True),))
        return read_element(reply.body_events, spec, TYPES)[f"{name}Result"]

    def fault(self, name: str, **arguments: Any) -> SoapFault:
        """Call an operation; its fault."""
        found = parse_fault(self.ask(name, **arguments).body_events)
        assert found is not None
        return found


async def calling(address: str, program: Callable[[Client], None], **options: Any) -> None:
    """Let a program call a service, in a thread."""

    def run() -> None:
        with Channel(address, timeout=20.0, **options) as channel:
            program(Client(channel))

    await deferToThread(run)


async def test_echo(hosting: Hosting) -> None:
    """Texts and numbers come back on one session, whose string tables serve all calls."""

    def program(client: Client) -> None:
        for text in (TEXT, "x", TEXT * 30, None, TEXT):
            assert client.call("Echo", text=text) == text
        assert [client.call("Add", a=n, b=-5) for n in (0, 200, 70_000)] == [-5, 195, 69_995]

    await calling(await hosting.serve("IBasic"), program)


async def test_complex_types(hosting: Hosting) -> None:
    """Members, nil, members that are left out, and lists of a type within itself."""
    address = {"City": "Ulm", "Street": "Gasse 1", "Zip": None}
    child = {"Name": "Bob", "Age": 3, "Home": address}
    person = {"Name": TEXT, "Age": 41, "Nickname": "Ann", "Children": {"Person": [child, child]}}

    def program(client: Client) -> None:
        got = client.call("EchoPerson", value=person)
        assert (got["Name"], got["Age"], got["Nickname"]) == (TEXT, 41, "Ann")
        assert got["Home"] is None
        assert [one["Name"] for one in got["Children"]["Person"]] == ["Bob", "Bob"]
        for one in got["Children"]["Person"]:
            assert (one["Home"], one["Age"], one["Nickname"]) == (address, 3, None)
        assert client.call("EchoPerson", value=None) is None

    await calling(await hosting.serve("IData"), program)


async def test_faults(hosting: Hosting) -> None:
    """Declared, undeclared and internal faults; only the last ends the session."""

    def program(client: Client) -> None:
        fault = client.fault("Fail", reason="enough", code=7)
        assert (fault.code, fault.reason) == ("s:Sender", "declared: enough")
        assert fault.detail_name == "Problem"
        spec = ElementSpec("Problem", "", PROBLEM.fields)
        detail = read_element(fault.detail_events, spec, TYPES)
        assert detail == {"Reason": "enough", "Code": 7}
        fault = client.fault("FailUntyped", reason="short and stout")
        assert fault.reason == "short and stout"
        assert (fault.code or "").endswith(":Teapot")
        assert client.call("Echo", text="still here") == "still here"
        fault = client.fault("FailInternal", reason="secret")
        assert fault.code == "s:Receiver"
        assert (fault.subcode or "").endswith(":InternalServiceFault")
        assert "secret" not in str(fault)
        assert client.channel.connection.read_envelope() is None

    await calling(await hosting.serve("IBasic"), program)


async def test_large_payloads(hosting: Hosting) -> None:
    """300 KB as text and as bytes, both ways."""
    text, data = "é" * 150_000, pattern(300_000)

    def program(client: Client) -> None:
        for _ in range(3):
            assert client.call("Echo", text=text) == text
            assert client.call("Count", data=data) == len(data)
            assert client.call("Bytes", count=len(data)) == data

    await calling(await hosting.serve("IBasic"), program)


@pytest.mark.parametrize(
    ("path", "fault"), [("no", "EndpointNotFound"), ("streamed", "UnsupportedMode")]
)
async def test_refusals(hosting: Hosting, path: str, fault: str) -> None:
    """A wrong path and another transfer mode are the faults that pynettcp knows from WCF."""
    await hosting.serve("IStreams", "streamed", transfer_mode=TransferMode.STREAMED)

    def program(client: Client) -> None:
        client.call("Add", a=1, b=2)

    with pytest.raises(FramingFault, match=fault):
        await calling(hosting.address(path), program)


# ---- Windows authentication

NTLM: dict[str, Any] = {"security": "transport", "username": f"DOM\\{USER}", "password": PASSWORD}
SECURED: dict[str, Any] = {"security": SecurityMode.TRANSPORT}
PRINCIPAL = f"{USER}@NETSHARE.TEST"


def add(client: Client) -> None:
    """One call."""
    assert client.call("Add", a=40, b=2) == 42


@pytest.mark.usefixtures("ntlm")
async def test_ntlm(hosting: Hosting) -> None:
    """NTLM with EncryptAndSign, WCF's default: who calls is known, and large messages pass."""
    data = pattern(300_000)

    def program(client: Client) -> None:
        assert client.call("Identity") == f"DOM\\{USER}"
        assert client.call("Count", data=data) == len(data)
        assert client.call("Bytes", count=len(data)) == data

    await calling(await hosting.serve("IBasic", **SECURED), program, **NTLM)


@pytest.mark.parametrize("level", [ProtectionLevel.NONE, ProtectionLevel.SIGN])
@pytest.mark.usefixtures("ntlm")
async def test_other_levels(hosting: Hosting, level: ProtectionLevel) -> None:
    """It seals at every level, so that at the others its connection ends; no byte is believed."""
    address = await hosting.serve("IBasic", protection_level=level, **SECURED)
    for encrypt in (True, False):
        with pytest.raises((FramingError, NnsError, ConnectionError)):
            await calling(address, add, encrypt=encrypt, **NTLM)


@pytest.mark.parametrize("options", [{"password": "wrong"}, {"encrypt": False}])
@pytest.mark.usefixtures("ntlm")
async def test_refused_handshakes(hosting: Hosting, options: dict[str, Any]) -> None:
    """A wrong password and too low a level are errors of the handshake, and the next is served."""
    address = await hosting.serve("IBasic", **SECURED)
    with pytest.raises(HandshakeFailed):
        await calling(address, add, **NTLM | options)
    await calling(address, add, **NTLM)


async def test_kerberos(hosting: Hosting, realm: KerberosRealm) -> None:
    """Kerberos, where NTLM is not allowed."""
    credentials = ServiceCredentials(windows=WindowsServiceCredential(allow_ntlm=False))
    address = await hosting.serve("IBasic", credentials=credentials, **SECURED)

    def program(client: Client) -> None:
        assert client.call("Identity") == PRINCIPAL
        add(client)

    await calling(address, program, **NTLM | {"username": PRINCIPAL, "spn": "host/localhost"})
