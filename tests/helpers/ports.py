"""Listening ports that note what they are told."""

from __future__ import annotations


class PausablePort:
    """
    A listening port that can be paused.

    :ivar said: everything it was told, in order
    """

    connected = True

    def __init__(self) -> None:
        self.said: list[str] = []

    @property
    def accepting(self) -> bool:
        """Whether it accepts, as far as it was told."""
        return self.said[-1:] != ["pause"]

    def pauseProducing(self) -> None:
        """Accept no more."""
        self.said.append("pause")

    def resumeProducing(self) -> None:
        """Accept again."""
        self.said.append("resume")
