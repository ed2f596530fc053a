"""Source that is made, compiled and kept."""

from __future__ import annotations

import linecache
import threading
import traceback
from typing import Any

from netshare.transport.datacontracts.generated.source import Source, Store
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.datacontracts.types import TypeContract


def failing() -> Source:
    source = Source("writer of nothing")
    with source.block("def write(value):"):
        rest = source.reserve()
        source.line(f"return value / {source.constant('zero', 0)}")
        rest("value += 1")
    return source


def test_tracebacks_show_the_source() -> None:
    """What fails in a function that was made shows the line, as in any file."""
    write = failing().compile("write")
    try:
        write(1)
    except ZeroDivisionError as error:
        shown = "".join(traceback.format_exception(error))
    assert "return value / zero" in shown
    assert "<netshare: writer of nothing" in shown


def test_checkcache_leaves_the_source() -> None:
    """Python's own look after files that have changed does not take the source away."""
    source = failing()
    source.compile("write")
    linecache.checkcache(source.filename)
    assert linecache.getline(source.filename, 2) == "    value += 1\n"


def test_forgotten_source() -> None:
    """Source that is forgotten is not kept for tracebacks."""
    source = failing()
    source.compile("write")
    source.forget()
    assert source.filename not in linecache.cache


def test_constants_keep_apart() -> None:
    """Two objects never have the same name, and one object keeps the one it has."""
    source = Source("test")
    first, second = object(), object()
    names = [source.constant("x", one) for one in (first, second, first)]
    assert names == ["x", "x2", "x"]


def test_block_of_nothing() -> None:
    """A block without lines is still Python."""
    source = Source("test")
    with source.block("def write():"):
        pass
    assert source.compile("write")() is None


def test_store_is_bounded() -> None:
    """A store keeps what was used last, and the sources of nothing else."""
    made: list[Source] = []

    def make(contract: TypeContract) -> tuple[Source, TypeContract]:
        made.append(failing())
        made[-1].compile("write")
        return made[-1], contract

    store = Store(make, 2)
    contracts = [contract_of(list[hint]) for hint in (int, str, float)]  # type: ignore[valid-type]
    assert [store.of(contract) for contract in contracts[:2]] == contracts[:2]
    store.of(contracts[0])
    store.of(contracts[2])
    assert len(store) == 2
    assert store.source_of(contracts[1]) is None
    assert store.source_of(contracts[0]) == made[0].text
    assert [source.filename in linecache.cache for source in made] == [True, False, True]


def test_store_makes_once_for_all_threads() -> None:
    """Threads that ask at the same time get the same."""
    together = threading.Barrier(8)
    found: list[Any] = []

    def make(contract: TypeContract) -> tuple[Source, object]:
        return Source("test"), object()

    store = Store(make)

    def ask() -> None:
        together.wait()
        found.append(store.of(contract_of(int)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1
