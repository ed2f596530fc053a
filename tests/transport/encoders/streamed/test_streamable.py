"""Which encodings can be streamed."""

from __future__ import annotations

import pytest

from netshare.transport.encoders import UnknownContentType, encoder_for
from netshare.transport.encoders.streamed import stream_decoder, stream_encoder


def test_not_for_sessions() -> None:
    """Messages with string tables of a session cannot be streamed."""
    for make in (stream_encoder, stream_decoder):
        with pytest.raises(UnknownContentType, match="msbinsession1"):
            make(encoder_for("binary-session"))
