"""
How many descriptors may be on their way to workers.

The kernel counts the descriptors that are sent and not received yet, for each user that *sends*
them (``too_many_unix_fds`` in net/core/scm.c), and at the soft limit of open files it refuses to
carry more (ETOOMANYREFS). All workers' connections are sent by the service. So workers that never
read could use up what all others need, and on the plain lane the error would cost the link. A
budget of each user's workers, and one of all, stay well below that limit.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from weakref import WeakSet, WeakValueDictionary


class Budget:
    """
    So many may be under way.

    :param most: the limit
    """

    __slots__ = ("__weakref__", "most", "used")

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0


class InFlight:
    """
    The budgets of one service: half of the limit for all, a quarter for the workers of one user.

    :param limit: how many descriptors the kernel carries for this process's user; None asks
    """

    def __init__(self, limit: int | None = None) -> None:
        if limit is None:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.all = Budget(max(limit // 2, 1))
        self._most_of_a_user = max(limit // 4, 1)
        self._users: WeakValueDictionary[int, Budget] = WeakValueDictionary()
        self._freed: WeakSet[Freed] = WeakSet()

    def of(self, uid: int) -> Budget:
        """
        The budget of a user's workers.
        """
        budget = self._users.get(uid)
        if budget is None:
            budget = self._users[uid] = Budget(self._most_of_a_user)
        return budget

    def add(self, freed: Freed) -> None:
        """
        Tell this one whenever an exhausted budget has room again, as long as it lives.
        """
        self._freed.add(freed)

    def tell_freed(self) -> None:
        """
        A budget that was exhausted has room again.
        """
        for freed in list(self._freed):
            freed.call()


class Freed:
    """
    What is to be called when a budget has room again.
    """

    __slots__ = ("__weakref__", "call")

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
