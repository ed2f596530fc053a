"""
When a process is to be replaced though nothing is wrong with it.
"""

from __future__ import annotations

import random

from netshare.service.activation.generation import Generation, Phase
from netshare.service.activation.limits import RecycleAfter
from netshare.service.activation.surroundings import memory_of

#: A limit is lowered by up to this part, differently for each process: those that were started
#: together are not to be replaced together.
JITTER = 0.1


def reason_to_recycle(after: RecycleAfter, generation: Generation) -> str | None:
    """
    Why a process is to be replaced, in words, or None: it is not.
    """
    pid, link = generation.pid, generation.link
    if generation.phase is not Phase.READY or pid is None or link is None:
        return None
    share = 1 - JITTER * random.Random(pid).random()
    if after.age is not None and generation.age >= after.age * share:
        return f"it is {generation.age:.0f} s old"
    if after.connections is not None and link.given >= after.connections * share:
        return f"it was given {link.given} connections"
    if after.memory is not None and (memory := memory_of(pid)) >= after.memory * share:
        return f"it has {memory // 1024**2} MB of memory"
    return None
