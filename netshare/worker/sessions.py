"""
Which addresses of a process share a link.
"""

from __future__ import annotations

from pathlib import Path
from weakref import WeakKeyDictionary

from netshare.reactors import IReactor
from netshare.worker.link import Wish
from netshare.worker.session import WorkerSession


class Sessions:
    """
    The sessions of one process, by what their addresses have to agree in.
    """

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[IReactor, dict[tuple[object, ...], list[WorkerSession]]] = (
            WeakKeyDictionary()
        )

    def find(
        self, reactor: IReactor, control: Path, trusted: frozenset[int], wish: Wish
    ) -> WorkerSession:
        """
        The session for an address: one that there is, unless that has the same address already.
        """
        ways = self._known.setdefault(reactor, {})
        key = (str(control), trusted, wish.maxOutstanding, wish.fast, wish.generation)
        sessions = ways.setdefault(key, [])
        for session in sessions:
            if not session.wants(wish):
                return session

        def ended() -> None:
            sessions.remove(made)
            if not sessions:
                ways.pop(key, None)

        made = WorkerSession(reactor, control, trusted, ended)
        sessions.append(made)
        return made
