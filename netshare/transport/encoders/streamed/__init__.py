"""
Streamed messages: headers first, then bytes as they come, in bounded memory both ways.

In the streamed transfer modes a message is one long document, and the parameter that is a stream
stands in it as base64: in binary as records of bytes, in text as characters. Sending is start
tags, chunks, end tags (:class:`StreamEncoder`). Receiving (:class:`StreamDecoder`) gives the
headers as soon as they are there; then the layer that knows the action says whether the body is to
be collected (:meth:`StreamDecoder.expect_body`) or its bytes come out as they arrive
(:meth:`StreamDecoder.expect_stream`).
"""

from netshare.transport.encoders.streamed.decoder import StreamDecoder, stream_decoder
from netshare.transport.encoders.streamed.encoder import StreamEncoder, stream_encoder
from netshare.transport.encoders.streamed.headers import read_headers

__all__ = ["StreamDecoder", "StreamEncoder", "read_headers", "stream_decoder", "stream_encoder"]
