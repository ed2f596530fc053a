"""What clients are told is what WCF tells them."""

from netshare.transport.security.secureconversation.errors import (
    SecurityInvalid,
    bad_context,
    invalid_security,
)
from netshare.transport.soap import SoapFault
from tests.helpers.security import recorded_messages


def test_the_recorded_fault() -> None:
    """A refusal has the code and the words of a recorded one, and not the reason."""
    message = list(recorded_messages("twmc-refused"))[-1][1]
    recorded = SoapFault.from_message(message)
    ours = SecurityInvalid("the password is wrong").fault
    assert (ours.code, ours.reason) == (recorded.code, recorded.reason)
    assert ours.to_message().action == message.action
    assert ours.code == invalid_security().code != bad_context().code
