"""
The seams of a worker's life: between what knows of processes and what decides.
"""

from __future__ import annotations

from zope.interface import Attribute, Interface


class IWorkerProcess(Interface):
    """
    A process that runs, however it came to us: started here, or taken over from another service.
    """

    pid = Attribute("Its number.")

    def signal(name: str) -> None:
        """
        Send it a signal; nothing happens if it has ended.

        :param name: such as ``TERM``
        """


class IProcessWatcher(Interface):
    """
    Told what becomes of a process.
    """

    def said(line: bytes) -> None:
        """The process has written a line to its output."""

    def ended(how: str) -> None:
        """
        The process has ended; nothing but the rest of its output comes after this.

        :param how: words that go on with its name, such as ``was ended by signal 9``
        """
