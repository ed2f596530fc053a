"""
What a process writes, as lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

#: The descriptors of a process's output, in the process.
STREAMS = (1, 2)

#: A longer line of output is cut.
LONGEST_LINE = 16 * 1024


class OutputLines:
    """
    Cuts the output of one process into lines.

    :param said: called with each line that is not empty, without its end
    :param partial: what came of lines that were not complete, by stream
    """

    def __init__(
        self, said: Callable[[bytes], None], partial: Mapping[int, bytes] | None = None
    ) -> None:
        self.partial = dict.fromkeys(STREAMS, b"") | dict(partial or {})
        self._said = said

    def received(self, stream: int, data: bytes) -> None:
        """
        Something came.

        :param stream: one of :data:`STREAMS`
        """
        *lines, rest = (self.partial[stream] + data).split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self.partial[stream] = rest
        for line in lines:
            if line.strip():
                self._said(line[:LONGEST_LINE])

    def finish(self) -> None:
        """Nothing more comes: what is here is a line, too."""
        for stream, rest in self.partial.items():
            self.partial[stream] = b""
            if rest.strip():
                self._said(rest)
