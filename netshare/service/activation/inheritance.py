"""
Workers of another service, as it has given them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from netshare.reactors import IReactor
from netshare.service.activation.adopted import AdoptedProcess
from netshare.service.activation.generation import Generation
from netshare.service.activation.interfaces import IWorkerProcess, ProcessEnds
from netshare.service.activation.output import STREAMS
from netshare.service.activation.passing import Spawn
from netshare.service.activation.process import SpawnFailed
from netshare.service.records import ChildRecord, Handed, WorkerRecord


def inherited(
    reactor: IReactor, handed: Sequence[Handed]
) -> list[tuple[WorkerRecord, list[tuple[ChildRecord, Spawn]]]]:
    """
    :param handed: records of workers, each before those of its processes
    :returns: the workers with their processes, and what goes on with each. What has not the
        descriptors that belong to it is left out, and closed
    """
    found: list[tuple[WorkerRecord, list[tuple[ChildRecord, Spawn]]]] = []
    for one in handed:
        record = one.record
        if isinstance(record, WorkerRecord):
            found.append((record, []))
        elif found and isinstance(record, ChildRecord) and _is_whole(record, one):
            found[-1][1].append((record, partial(_adopt, reactor, one)))
        else:
            for descriptor in one.descriptors:
                os.close(descriptor)
    return found


def never(watcher: Generation) -> IWorkerProcess:
    """
    Starts no process: those that there are belong to a worker that is not wanted any more.

    :raises SpawnFailed: always
    """
    raise SpawnFailed("it is not wanted any more")


def _is_whole(record: ChildRecord, handed: Handed) -> bool:
    streams = set(record.streams)
    return len(handed.descriptors) == 1 + len(record.streams) == 1 + len(
        streams
    ) and streams <= set(STREAMS)


def _adopt(reactor: IReactor, handed: Handed, watcher: Generation) -> AdoptedProcess:
    record: Any = handed.record
    pidfd, *pipes = handed.descriptors
    partial_lines = dict(zip(STREAMS, (record.output, record.errors), strict=True))
    ends = ProcessEnds(pidfd, dict(zip(record.streams, pipes, strict=True)), partial_lines)
    return AdoptedProcess(reactor, watcher, record.pid, ends)
