"""Templates of envelopes: what they write is what is written without them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netshare.transport.calls.formatter import formatter_for
from netshare.transport.soap import (
    Message,
    MessageVersion,
)
from netshare.transport.xml import UniqueId
from netshare.transport.xml.binary import WriterSession
from tests.helpers.templates import (
    OPERATIONS,
    TO,
    VERSIONS,
    encoder,
    messages,
    without_templates,
    written,
)


@settings(max_examples=600, deadline=None)
@given(
    st.lists(messages(), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=2, max_size=10),
    st.sampled_from(VERSIONS),
    st.sampled_from([0, 40, 150, 400, 2048]),
)
def test_written_bytes(
    made: list[Callable[[], Message]], order: list[int], version: MessageVersion, size: int
) -> None:
    """Every message of a session has the ordinary writer's bytes, or its error."""
    templates, session = encoder(version, size), WriterSession(size)
    for number in order:
        make = made[number % len(made)]
        ours, ordinary = make(), make()
        ours.version = ordinary.version = version
        assert written(lambda m=ours: templates.encode(m)) == written(  # type: ignore[misc]
            lambda m=ordinary: without_templates(m, session)  # type: ignore[misc]
        )


def test_what_is_written_comes_from_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third request to an operation is not written by way of its message."""
    formatter = formatter_for(OPERATIONS["Add"])
    session = encoder()

    def request() -> bytes:
        message = formatter.request.write({"a": 1, "b": 2}, False)
        message.to, message.message_id = TO[1], UniqueId(b"0123456789abcdef")
        return session.encode(message)  # type: ignore[no-any-return]

    request()
    second = request()
    monkeypatch.delattr(Message, "write_start")
    monkeypatch.delattr(Message, "write")
    assert request() == second


def test_templates_are_bounded() -> None:
    """A service that invents addresses does not fill the memory of its sessions."""
    formatter = formatter_for(OPERATIONS["Add"])
    templates, session = encoder(size=300), WriterSession(300)
    for number in range(600):
        both = []
        for _ in range(2):
            message = formatter.request.write({"a": number, "b": 2}, False)
            message.to = f"net.tcp://{number}"
            both.append(message)
        assert templates.encode(both[0]) == without_templates(both[1], session)
    assert len(templates._write_templates._templates) == 256
