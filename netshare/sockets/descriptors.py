"""
How many descriptors this process may still open.
"""

from __future__ import annotations

import os
import resource


def spare(limit: int) -> int:
    """
    How many descriptors are left for everything else in a process, out of so many.
    """
    return min(64, limit // 8)


def raise_descriptor_limit() -> int:
    """
    Raise the soft limit of open descriptors to the hard one.

    :returns: the limit now in force
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def nearly_the_last(descriptor: int, wanted: int) -> bool:
    """
    Whether a descriptor that was just opened tells that there may be no room for more.

    A process gets the lowest number that is free. So when it gets a high one all below are in use,
    and as long as it does not, there is room for as many as lie between it and the limit.

    :param wanted: how many more are to be opened
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return descriptor >= soft - wanted - spare(soft)


def room_for(wanted: int) -> bool:
    """
    Whether so many more can be opened, with some to spare. It counts those that are open, which
    takes time.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return len(os.listdir("/proc/self/fd")) + wanted + spare(soft) <= soft
