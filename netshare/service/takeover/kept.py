"""
Workers of a service that has died, as the service manager has kept them.

While a service runs it writes down which workers it has started, and has the manager keep the
pidfds and the output of their processes. A worker whose service is gone looks for the next one for
a few seconds; that one knows the process by its number, and waits so long for it to register again.
"""

from __future__ import annotations

import os
import select
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.service.activation.generation import Phase
from netshare.service.activation.interfaces import SERVING, State
from netshare.service.activation.passing import CURRENT, NEXT
from netshare.service.desk.notebook import MemoryNotebook
from netshare.service.records import ChildRecord, Handed, WorkerRecord
from netshare.service.store import DescriptorStore
from netshare.service.takeover.messages import BadRecord, decode, whole
from netshare.sockets.held import NotPassable
from netshare.timing import Timer

#: Seconds from a change until it is written: many come together.
DELAY = 0.05

#: Seconds within which a process has to register again: it tries for five, and the machine may be
#: busy with other things.
COME_BACK_WITHIN = 10.0

_WITH_A_PROCESS = {state.value for state in (*SERVING, State.STARTING)}


class KeptWorkers:
    """
    Has the manager keep workers, and finds those that it has kept.

    :param workers: those of now, each before its processes
    """

    log = Logger()

    def __init__(
        self, reactor: IReactor, store: DescriptorStore, workers: Callable[[], Iterable[Handed]]
    ) -> None:
        self._store = store
        self._workers = workers
        self._notebook: MemoryNotebook | None = None
        #: The outputs of the processes that the manager keeps, by their number.
        self._kept: dict[int, tuple[int, ...]] = {}
        self._frozen = False
        self._writing = Timer(reactor, self._write)

    def begin(self) -> list[Handed]:
        """
        From now on, have them kept.

        :returns: what an earlier process of the service has left, each worker before its processes
        """
        file = self._store.workers()
        if file is None:
            return []
        self._notebook = MemoryNotebook(file)
        found = list(self._left(self._notebook))
        self._store.drop_children()
        return found

    def changed(self) -> None:
        """Something has become of a worker, or of one of its processes: it is written soon."""
        if self._notebook is not None and not self._frozen and self._writing.left is None:
            self._writing.start(DELAY)

    def freeze(self) -> None:
        """What is kept stays as it is: another process goes on with it, or the workers end now."""
        self._frozen = True
        self._writing.stop()

    def clear(self) -> None:
        """All workers have ended: nothing of them is left to the next process."""
        if self._notebook is not None:
            self._notebook.write("")
        self._give_up()

    def _give_up(self) -> None:
        """Keep nothing more, and nothing that was kept."""
        self._forget(list(self._kept))
        if self._notebook is not None:
            self._notebook.close()
            self._notebook = None

    def _write(self) -> None:
        notebook = self._notebook
        if notebook is None:
            return
        lines: list[bytes] = []
        gone = set(self._kept)
        try:
            for handed in self._workers():
                record = handed.record
                if isinstance(record, ChildRecord):
                    gone.discard(record.pid)
                    self._keep(record, *handed.descriptors)
                lines.append(b64encode(whole(record)))
            notebook.write(b"\n".join(lines).decode("ascii"))
        except (OSError, NotPassable) as error:
            self.log.warn(
                "workers are not kept for the next process of the service: {error}", error=error
            )
            notebook.write("")
            self._give_up()
        else:
            self._forget(gone)

    def _forget(self, pids: Iterable[int]) -> None:
        for pid in pids:
            self._store.forget_child(pid, self._kept.pop(pid))

    def _keep(self, record: ChildRecord, pidfd: int, *pipes: int) -> None:
        if record.pid not in self._kept:
            self._kept[record.pid] = record.streams
            self._store.keep_child(record.pid, pidfd, dict(zip(record.streams, pipes, strict=True)))

    # ---- what was left

    def _left(self, notebook: MemoryNotebook) -> Iterator[Handed]:
        worker: WorkerRecord | None = None
        children: list[Handed] = []
        for record in self._read(notebook):
            if isinstance(record, WorkerRecord):
                if worker is not None:
                    yield from _come_back(worker, children)
                worker, children = record, []
            elif worker is not None and (child := self._child(record)) is not None:
                children.append(child)
        if worker is not None:
            yield from _come_back(worker, children)

    def _read(self, notebook: MemoryNotebook) -> Iterator[WorkerRecord | ChildRecord]:
        try:
            for line in notebook.read().split():
                record = decode(b64decode(line, validate=True))
                if isinstance(record, (WorkerRecord, ChildRecord)):
                    yield record
        except (OSError, ValueError, BadRecord) as error:
            self.log.warn("what is kept of workers cannot be read: {error}", error=error)

    def _child(self, record: ChildRecord) -> Handed | None:
        """:returns: None: it has ended, and its number may be another process's"""
        ends = self._store.child(record.pid, record.streams)
        if ends is None:
            return None
        pidfd, pipes = ends
        if select.select([pidfd], [], [], 0)[0]:
            for descriptor in (pidfd, *pipes.values()):
                os.close(descriptor)
            self._store.forget_child(record.pid, record.streams)
            return None
        self._kept[record.pid] = record.streams
        if record.phase == Phase.READY.value:
            record = replace(record, phase=Phase.STARTING.value, start=COME_BACK_WITHIN)
        return Handed(replace(record, streams=tuple(pipes)), (pidfd, *pipes.values()))


def _come_back(worker: WorkerRecord, children: list[Handed]) -> Iterator[Handed]:
    """A worker, and those of its processes that live, none of which has a link now."""
    roles = {child.record.role for child in children if isinstance(child.record, ChildRecord)}
    if worker.stopping:
        yield Handed(worker if children else replace(worker, state=State.STOPPED.value))
    elif worker.state not in _WITH_A_PROCESS:
        yield Handed(worker)
    elif roles & {CURRENT, NEXT}:
        yield Handed(replace(worker, state=State.STARTING.value))
    else:
        yield Handed(replace(worker, state=State.RESTARTING.value, restart=0.0))
    for child in children:
        record = child.record
        if isinstance(record, ChildRecord) and record.role == NEXT and CURRENT not in roles:
            child = replace(child, record=replace(record, role=CURRENT))
        yield child
