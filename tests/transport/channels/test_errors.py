"""What goes wrong, under the names that WCF gives it."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost

from netshare.framing.faults import Fault
from netshare.framing.records import (
    PREAMBLE_ACK,
)
from netshare.framing.sized import envelope_header
from netshare.transport.channels import errors
from tests.helpers.channels import (
    VIA,
    Client,
    Scrambling,
)

REFUSALS: list[tuple[bytes | None, type[Exception], str]] = [
    (Fault.ENDPOINT_NOT_FOUND.record, errors.EndpointNotFoundError, "no service listens"),
    (Fault.ENDPOINT_UNAVAILABLE.record, errors.EndpointNotFoundError, "not there at the moment"),
    (Fault.SERVER_TOO_BUSY.record, errors.ServerTooBusyError, "too busy"),
    (Fault.SERVICE_ACTIVATION_FAILED.record, errors.ServiceActivationError, "could not be started"),
    (Fault.CONNECTION_DISPATCH_FAILED.record, errors.CommunicationError, "could not be brought"),
    (Fault.VIA_TOO_LONG.record, errors.QuotaExceededError, "address too long"),
    (Fault.CONTENT_TYPE_TOO_LONG.record, errors.QuotaExceededError, "content type too long"),
    (Fault.MAX_MESSAGE_SIZE_EXCEEDED.record, errors.QuotaExceededError, "larger than the server"),
    (Fault.UNSUPPORTED_VERSION.record, errors.ProtocolError, "another version"),
    (Fault.UNSUPPORTED_MODE.record, errors.ProtocolError, "this mode"),
    (Fault.CONTENT_TYPE_INVALID.record, errors.ProtocolError, "this content type"),
    (Fault.UPGRADE_INVALID.record, errors.ProtocolError, "this security"),
    (b"\x08\x05urn:x", errors.ProtocolError, "'urn:x'"),
    (b"\x08\x81\x02", errors.ProtocolError, "longer than the 256 bytes"),
    (b"HTTP/1.1 400 Bad Request\r\n", errors.ProtocolError, "looks like HTTP"),
    (b"\x16\x03\x01", errors.ProtocolError, "where the ack has to"),
    (None, errors.ProtocolError, "rejected the session"),
]


@pytest.mark.parametrize(("answer", "kind", "words"), REFUSALS)
def test_a_refusal_becomes_wcfs_exception(
    answer: bytes | None, kind: type[Exception], words: str
) -> None:
    """Each answer to a preamble becomes the exception that WCF has for it, naming the address."""
    client = Client()
    if answer is None:
        client.transport.receiveEof()
    else:
        for index in range(len(answer)):
            client.transport.receive(answer[index : index + 1])
    assert type(client.error) is kind
    assert words in str(client.error)
    assert VIA in str(client.error)
    assert client.transport.state != "open"
    assert client.receiver.told == []
    client.transport.settle()
    assert len(client.clock.getDelayedCalls()) == 0


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (Fault.MAX_MESSAGE_SIZE_EXCEEDED.record, errors.QuotaExceededError),
        (Fault.SERVER_TOO_BUSY.record, errors.ServerTooBusyError),
        (envelope_header(65537), errors.QuotaExceededError),
        (b"\x05", errors.ProtocolError),
        (b"\x0b", errors.ProtocolError),
    ],
)
def test_what_goes_wrong_in_a_clients_session(data: bytes, kind: type[Exception]) -> None:
    """Faults and errors after the ack end the channel; the socket is not used again."""
    client = Client()
    client.transport.receive(PREAMBLE_ACK + data)
    client.transport.take()
    assert client.receiver.told == [kind]
    assert client.transport.state != "open"


@pytest.mark.parametrize("answer", [PREAMBLE_ACK, None])
def test_an_upgrade_that_is_not_answered_is_a_security_error(answer: bytes | None) -> None:
    """An ack, or EOF, where the upgrade response is due is a MessageSecurityError."""
    client = Client(upgrade=Scrambling())
    if answer is None:
        client.transport.receiveEof()
    else:
        client.transport.receive(answer)
    assert type(client.error) is errors.MessageSecurityError


def test_a_connection_that_is_lost() -> None:
    """When the other side has cut it, the error names what may have been the reason."""
    client = Client()
    client.transport.receive(PREAMBLE_ACK)
    client.transport.take()
    client.transport.lose(ConnectionLost())
    assert client.receiver.reason is not None
    said = client.receiver.reason.getErrorMessage()
    assert "non-clean fashion; the other side has cut it, whose log may say why" in said
    assert str(errors.error_for_loss(ConnectionDone())).endswith("closed cleanly")
