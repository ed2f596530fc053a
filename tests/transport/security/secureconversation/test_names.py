"""The names are those that .NET and CoreWCF wrote."""

import pytest

from netshare.transport.security.secureconversation.names import (
    ANSWER_ACTIONS,
    CANCEL_ACTION,
    ISSUE_ACTION,
)
from tests.helpers.security import recorded_messages


@pytest.mark.parametrize("name", ["twmc-username", "twmc-certificate"])
def test_recorded_actions(name: str) -> None:
    """A recorded client begins with Issue and ends with Cancel, and both are answered."""
    actions = [message.action for _, message in recorded_messages(name)]
    assert actions[:2] == [ISSUE_ACTION, ANSWER_ACTIONS[ISSUE_ACTION]]
    assert actions[-2:] == [CANCEL_ACTION, ANSWER_ACTIONS[CANCEL_ACTION]]
